"""What both forms of Multimodal Universe do alike: pixel scales, the place of a band's image, bands left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.ingest.mmu_surveys import MmuSurvey


def one_pixel_scale(scales: Sequence[NDArray[np.float64]], survey: MmuSurvey | None, column: str, where: str) -> float:
    """Return the one pixel scale of all images [arcsec / pixel].

    Parameters
    ----------
    scales : of the images, file by file; zero where one is not stated.
    survey : whose scale counts where none is stated.
    column : where a file states it.
    where : the archive.

    Raises
    ------
    InputError : no scale is known, or they differ by more than 1 %.
    """
    values = np.concatenate(scales) if scales else np.zeros(0)
    values = values[values > 0]
    if not len(values):
        if survey is not None and survey.pixel_scale is not None:
            return survey.pixel_scale
        raise InputError(
            f"{where} has no '{column}'; give ingest.pixel_scale=0.2 with the arcsec per pixel as its number."
        )
    if np.ptp(values) > 0.01 * values.mean():
        raise InputError(
            f"{where}: images have pixel scales from {values.min():g} to {values.max():g} arcsec; ingest bands of one"
            " scale (ingest.bands) at a time."
        )
    return round(float(values.mean()), 6)


def place_bands(
    bands: Sequence[str],
    axis: NDArray[np.str_],
    positions: NDArray[np.int64],
    pixels: NDArray[np.float32],
    mask: NDArray[np.bool_] | None,
    images: NDArray[np.float32],
    masked: NDArray[np.bool_],
) -> None:
    """Put some galaxies' images at the place of their bands; a band that a galaxy lacks stays as it is.

    Parameters
    ----------
    bands : of the store, in order.
    axis : band of each image of these galaxies, (n, m).
    positions : rows of the galaxies in ``images`` and ``masked``, (n,).
    pixels : (n, m, height, width).
    mask : where they are masked, (n, m, height, width), or (n, 1, height, width) for all bands.
    images, masked : (N, bands, height, width), which are filled.
    """
    for position, band in enumerate(bands):
        here = axis == band
        has = np.flatnonzero(here.any(axis=1))
        at = here.argmax(axis=1)[has]
        images[positions[has], position] = pixels[has, at]
        if mask is not None:
            masked[positions[has], position] = mask[has, np.minimum(at, mask.shape[1] - 1)]


def joined_tables(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the tables of several files below each other, with all units."""
    table = pd.concat(parts, ignore_index=True)
    table.attrs["units"] = {name: unit for part in parts for name, unit in part.attrs.get("units", {}).items()}
    return table


def left_bands(names: set[str], where: str) -> tuple[str, ...]:
    """Return a note on bands that are not read because nothing says what they are."""
    if not names:
        return ()
    first = min(names)
    return (
        f"{where} also has the bands {', '.join(sorted(names))}, which are left out; to take one say what it is, e.g."
        f" ingest.options.band_names.{first}=r, with its ingest.zero_points.",
    )
