"""What the surveys of Multimodal Universe call their bands, and in which unit and system their pixels are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from photoz_lit.errors import InputError
from photoz_lit.ingest.hdf5 import open_hdf5, read_rows
from photoz_lit.settings import Settings


class MmuSurvey(Settings):
    """Facts of one survey, from the script that made its files.

    Attributes
    ----------
    bands : name in the archive, in lower case -> name here.
    zero_point : AB magnitude of one flux unit.
    flux_unit : its name.
    pixel_scale : [arcsec / pixel], null where it differs from band to band.
    mask_true : what a true pixel of the mask is.
    magnitude, magnitude_error : column with the magnitude, ``{band}`` and ``{BAND}`` standing for a band's name.
    flux, flux_ivar : the same for a flux in the survey's unit and its inverse variance; tried in this order.
    """

    bands: dict[str, str]
    zero_point: float
    flux_unit: str
    pixel_scale: float | None
    mask_true: Literal["clean", "bad"]
    magnitude: str = ""
    magnitude_error: str = ""
    flux: list[str] = []
    flux_ivar: list[str] = []


def survey_of(
    found: Collection[str], surveys: Mapping[str, MmuSurvey], names: Mapping[str, str], where: str
) -> MmuSurvey | None:
    """Return the survey whose bands an archive has, None where it has none and the user names the bands.

    Parameters
    ----------
    found : names of the archive's bands, in lower case.
    surveys : those that are known.
    names : the user's names of bands, ``ingest.options.band_names``.
    where : names the archive in sentences.

    Raises
    ------
    InputError : no survey has such bands, or several have.
    """
    fitting = [name for name, survey in surveys.items() if set(found) & set(survey.bands)]
    if len(fitting) == 1:
        return surveys[fitting[0]]
    if not fitting and set(found) & set(names):
        return None
    listed = ", ".join(sorted(found))
    if fitting:
        raise InputError(f"{where} has bands of several surveys ({', '.join(fitting)}): {listed}; ingest them apart.")
    known = "; ".join(f"{name}: {' '.join(survey.bands)}" for name, survey in surveys.items())
    example = sorted(found)[0] if found else "band"
    raise InputError(
        f"{where} has the bands {listed}, which no known survey of Multimodal Universe has ({known}); say what each is,"
        f" e.g. ingest.options.band_names.{example}=r, and give ingest.zero_points.r=27 with its AB magnitude of one"
        " flux unit as the number."
    )


_SAMPLE = 64  # stamps looked at
_LEAST_CLEAN = 0.1  # of the pixels; surveys drop galaxies under masks, so fewer are clean only by the other reading


def masked_value(masks: Sequence[tuple[Path, str | None]], mask_true: str | None, asked: bool) -> bool:
    """Return the value that a mask has where a pixel is bad.

    Parameters
    ----------
    masks : each file with the name of its mask, None where it has none.
    mask_true : ``clean`` or ``bad``, None where it is not known.
    asked : whether the user says so, so that it is not doubted.

    Raises
    ------
    InputError : it is not known, or a survey's convention leaves no tenth of the pixels and the other one neither.
    """
    having = [(path, name) for path, name in masks if name is not None]
    if not having or (asked and mask_true is not None):
        return mask_true == "bad"
    if mask_true is None:
        raise InputError(
            f"{having[0][0]}: what a true pixel of '{having[0][1]}' means is not known; say it:"
            " ingest.options.mask_true=clean or ingest.options.mask_true=bad."
        )
    true, count = 0, 0
    for path, name in having[:: max(1, len(having) // _SAMPLE)]:
        with open_hdf5(path) as file:
            rows = np.unique(np.linspace(0, len(file[name]) - 1, max(1, _SAMPLE // len(having))).astype(int))
            values = read_rows(file, name, rows).astype(bool)
        true, count = true + int(values.sum()), count + values.size
    share = true / max(1, count)
    # A mask that would leave nothing was written the other way round, or never filled.
    clean = share if mask_true == "clean" else 1.0 - share
    return (mask_true == "bad") == (clean >= _LEAST_CLEAN)
