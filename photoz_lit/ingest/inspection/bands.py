"""What a store's bands are like: noise, seeing, depth, and counts of bad pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.store import CutoutStore
from photoz_lit.imaging.conditions import measured_conditions
from photoz_lit.imaging.sky import Sky, tile_corners
from photoz_lit.imaging.stamps import StampsOfStore
from photoz_lit.ingest.inspection.measure import Measurements

MOST_GALAXIES = 1500  # drawn at random, for the conditions; see measured_conditions for the errors


@dataclass(frozen=True)
class BandSummary:
    """One band of a store.

    Attributes
    ----------
    band : its name.
    zero_point : AB magnitude of one flux unit [mag].
    noise : sky noise per pixel [flux unit].
    sky : sky level [flux unit].
    seeing : FWHM of the most compact bright galaxies [arcsec]: the seeing, or a little more; NaN where few are bright.
    depth : AB magnitude of 5 sigma in a 2 arcsec aperture, correlated noise included.
    median_magnitude : of the catalogue [mag].
    missing_stamps, missing_pixels, saturated_stamps, constant_stamps : counts.
    """

    band: str
    zero_point: float
    noise: float
    sky: float
    seeing: float
    depth: float
    median_magnitude: float
    missing_stamps: int
    missing_pixels: int
    saturated_stamps: int
    constant_stamps: int


def summarise_bands(store: CutoutStore, measurements: Measurements) -> list[BandSummary]:
    """Return a summary of every band, in the store's order."""
    conditions = _conditions(store, measurements)
    return [_summary(store, measurements, conditions.iloc[k], k) for k in range(len(store.header.bands))]


def _conditions(store: CutoutStore, m: Measurements) -> pd.DataFrame:
    """Conditions of the bands; stamps too small for tiles of sky give the noise of their borders, as independent."""
    stamps, rows = StampsOfStore(store), np.arange(len(store))
    skies = None
    if not tile_corners(stamps.stamp_size):
        skies = [Sky(_median(m.sky[:, k]), _median(m.noise[:, k]), 0.0) for k in range(len(stamps.bands))]
    return measured_conditions(stamps, rows, most=MOST_GALAXIES, skies=skies)


def _summary(store: CutoutStore, m: Measurements, conditions: pd.Series, k: int) -> BandSummary:
    band = store.header.bands[k]
    magnitudes = store.catalogue[f"mag_{band}"].to_numpy(float) if f"mag_{band}" in store.catalogue else np.zeros(0)
    return BandSummary(
        band=band,
        zero_point=store.header.zero_points[band],
        noise=float(conditions["sky_noise"]),
        sky=float(conditions["background"]),
        seeing=float(conditions["seeing"]),
        depth=float(conditions["depth"]),
        median_magnitude=_median(magnitudes),
        missing_stamps=int((m.missing[:, k] > 0).sum()),
        missing_pixels=int(m.missing[:, k].sum()),
        saturated_stamps=int(m.saturated[:, k].sum()),
        constant_stamps=int(m.constant[:, k].sum()),
    )


def _median(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")
