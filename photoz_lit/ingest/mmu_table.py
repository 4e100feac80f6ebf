"""The table of one file of Multimodal Universe, with one name for what its surveys call differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.ingest.hdf5 import dataset_shapes, flat_columns, open_hdf5
from photoz_lit.ingest.mmu_surveys import MmuSurvey
from photoz_lit.tables.frame import table_to_frame

#: Our name of a column -> what surveys call it, the first that is there.
COMMON = {"ra": ("ra", "RA"), "dec": ("dec", "DEC"), "ebv": ("ebv", "EBV"), "Z": ("Z", "z_spec"), "ZERR": ("ZERR",)}
UNITS = {"nanomaggy": "nmgy"}  # the survey's name of its unit -> astropy's


def cell_columns(
    datasets: Mapping[str, tuple[int, ...]], rows: int, bands: Sequence[str], survey: MmuSurvey | None
) -> list[str]:
    """Return the columns of a file: its own, the PSF's width per band, and the common names.

    Parameters
    ----------
    datasets : shape of each dataset of the file.
    rows : galaxies of the file.
    bands : the bands that are read.
    survey : facts of the file's survey.
    """
    flat = [name for name, shape in datasets.items() if shape in ((rows,), (rows, 1))]
    psf = [f"psf_fwhm_{band}" for band in bands if "image_psf_fwhm" in datasets]
    return list(dict.fromkeys([*flat, *psf, *common_names(flat, bands, survey)]))


def common_names(flat: Sequence[str], bands: Sequence[str], survey: MmuSurvey | None) -> dict[str, str]:
    """Return our name of a column -> the file's, for those that are there."""
    wanted: dict[str, Sequence[str]] = dict(COMMON)
    for band in bands if survey else ():
        assert survey is not None
        archive = band  # surveys name columns by the plain band
        kinds = {"mag": survey.flux or [survey.magnitude], "mag_err": survey.flux_ivar or [survey.magnitude_error]}
        for kind, patterns in kinds.items():
            wanted[f"{kind}_{band}"] = [p.format(band=archive, BAND=archive.upper()) for p in patterns if p]
    return {ours: next(t for t in theirs if t in flat) for ours, theirs in wanted.items() if set(theirs) & set(flat)}


def cell_table(
    path: Path, names: Sequence[str], axis: NDArray[np.str_], bands: Sequence[str], survey: MmuSurvey | None
) -> pd.DataFrame:
    """Return these columns of a file, one row per galaxy; fluxes have their unit in ``attrs``.

    Parameters
    ----------
    path : the file.
    names : columns of :func:`cell_columns`.
    axis : our name of each row's bands, (rows, bands).
    bands, survey : as there.
    """
    rows, datasets = len(axis), dataset_shapes(path)
    flat = [name for name, shape in datasets.items() if shape in ((rows,), (rows, 1))]
    sources = {ours: theirs for ours, theirs in common_names(flat, bands, survey).items() if ours in names}
    columns = flat_columns(path, list({*(n for n in names if n in flat), *sources.values()}), rows)
    table = named_table(columns, sources, names, rows, survey)
    if datasets.get("image_psf_fwhm") == axis.shape and any(f"psf_fwhm_{band}" in names for band in bands):
        with open_hdf5(path) as file:
            widths = np.asarray(file["image_psf_fwhm"][()], np.float64)
        add_psf_widths(table, names, axis, bands, widths)
    return table


def named_table(
    columns: dict[str, NDArray[Any]],
    sources: Mapping[str, str],
    names: Sequence[str],
    rows: int,
    survey: MmuSurvey | None,
) -> pd.DataFrame:
    """Return a survey's columns with those that all surveys share; fluxes have their unit in ``attrs``.

    Parameters
    ----------
    columns : of the file, those asked for and those that others are made of, (rows,) each.
    sources : our name of a column -> the file's, see :func:`common_names`.
    names : columns that are asked for.
    rows : galaxies of the file.
    survey : facts of the file's survey.
    """
    unit = UNITS.get(survey.flux_unit, "") if survey and survey.flux else ""
    units: dict[str, str] = {}
    for ours, theirs in sources.items():
        columns[ours] = columns[theirs]
        if ours.startswith("mag_err_") and unit:
            with np.errstate(divide="ignore", invalid="ignore"):
                columns[ours] = 1.0 / np.sqrt(columns[theirs].astype(np.float64))
        if ours.startswith("mag_") and unit:
            units[ours] = unit
            if not ours.startswith("mag_err_"):
                units[theirs] = unit
    table = table_to_frame({name: columns[name] for name in columns if name in names}).reindex(range(rows))
    table.attrs["units"] = units
    return table


def add_psf_widths(
    table: pd.DataFrame,
    names: Sequence[str],
    axis: NDArray[np.str_],
    bands: Sequence[str],
    widths: NDArray[np.float64],
) -> None:
    """Add ``psf_fwhm_<band>`` [arcsec] of the bands that are asked for; NaN where a galaxy lacks the band.

    Parameters
    ----------
    table : gets the columns.
    names : columns that are asked for.
    axis : our name of each row's bands, (rows, bands).
    bands : those that are read.
    widths : of each image, (rows, bands).
    """
    for band in (band for band in bands if f"psf_fwhm_{band}" in names):
        here = axis == band
        found = widths[np.arange(len(axis)), here.argmax(axis=1)]
        table[f"psf_fwhm_{band}"] = np.where(here.any(axis=1), found, np.nan)
