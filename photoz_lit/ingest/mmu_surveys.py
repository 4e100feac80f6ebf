"""What the surveys of Multimodal Universe call their bands, and in which unit and system their pixels are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from photoz_lit.errors import InputError
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
