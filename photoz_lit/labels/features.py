"""Features of the map: one magnitude and the colours of adjacent bands, scaled alike."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError, nearest
from photoz_lit.fields import BAND_ORDER

# Beyond these a magnitude is a "no value" (−99, 99.99) or nonsense.
FAINTEST, BRIGHTEST = 50.0, 0.0
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class FeatureSpace:
    """What the features are and how they are whitened.

    A feature is whitened by its median and 1.4826 MAD over the target sample, so that each has the same say in the
    distance and outliers do not set its scale (as in the KiDS maps, Wright et al. 2020). Features are not rotated:
    a rotation would mix a missing colour into all others.

    Attributes
    ----------
    magnitude : band of the magnitude.
    bands : bands whose adjacent colours are taken, in order.
    centre, scale : (n_features,) [mag].
    """

    magnitude: str
    bands: tuple[str, ...]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    @property
    def names(self) -> list[str]:
        """Names of the features, e.g. ``i``, ``u-g``, ``g-r``."""
        return feature_names(self.magnitude, self.bands)

    def whiten(self, table: pd.DataFrame) -> NDArray[np.float32]:
        """Whitened features of a catalogue with ``mag_<band>`` columns, (N, n_features), NaN where missing."""
        raw = raw_features(table, self.magnitude, self.bands)
        return np.asarray((raw - self.centre) / self.scale, np.float32)


def feature_names(magnitude: str, bands: Sequence[str]) -> list[str]:
    """Name the features in their order."""
    return [magnitude, *(f"{blue}-{red}" for blue, red in itertools.pairwise(bands))]


def catalogue_bands(table: pd.DataFrame) -> tuple[str, ...]:
    """Bands for which a catalogue has ``mag_<band>`` with any valid value, in the usual order."""
    known = [name.removeprefix("mag_") for name in map(str, table.columns) if name.startswith("mag_")]
    known = [band for band in known if not band.startswith("err_") and np.isfinite(_magnitude(table, band)).any()]
    ordered = [band for band in BAND_ORDER if band in known]
    return tuple(ordered + [band for band in known if band not in ordered])


def _magnitude(table: pd.DataFrame, band: str) -> NDArray[np.float64]:
    values = table[f"mag_{band}"].to_numpy(np.float64)
    with np.errstate(invalid="ignore"):
        return np.where((values > BRIGHTEST) & (values < FAINTEST), values, np.nan)


def raw_features(table: pd.DataFrame, magnitude: str, bands: Sequence[str]) -> NDArray[np.float64]:
    """Magnitude and adjacent colours, (N, len(bands)) [mag], NaN where a band is missing.

    Raises
    ------
    InputError : a band has no column.
    """
    for band in (magnitude, *bands):
        if f"mag_{band}" not in table:
            raise InputError(f"the catalogue has no column 'mag_{band}'{nearest(f'mag_{band}', table.columns)}")
    magnitudes = {band: _magnitude(table, band) for band in (magnitude, *bands)}
    colours = [magnitudes[blue] - magnitudes[red] for blue, red in itertools.pairwise(bands)]
    return np.stack([magnitudes[magnitude], *colours], axis=1)


def fit_features(table: pd.DataFrame, magnitude: str, bands: Sequence[str]) -> FeatureSpace:
    """Find centre and scale of the features on the target sample.

    Raises
    ------
    InputError : fewer than two bands, a band has no column, a feature has no valid value, or one is constant.
    """
    if len(bands) < 2:
        raise InputError(f"a map needs the magnitudes of at least two bands, not of {list(bands)}; check its columns.")
    raw = raw_features(table, magnitude, bands)
    names = feature_names(magnitude, bands)
    for name, values in zip(names, raw.T, strict=True):
        valid = values[np.isfinite(values)]
        if not len(valid):
            raise InputError(
                f"feature '{name}' has no valid value in the target sample; leave its band out of som.bands."
            )
        if np.ptp(valid) == 0:
            raise InputError(
                f"feature '{name}' is constant ({valid[0]:g}) in the target sample; leave its band out of som.bands."
            )
    centre = np.nanmedian(raw, axis=0)
    scale = MAD_TO_SIGMA * np.nanmedian(np.abs(raw - centre), axis=0)
    # More than half of the values may be equal; the standard deviation is then the scale.
    scale = np.where(scale > 0, scale, np.nanstd(raw, axis=0))
    return FeatureSpace(magnitude, tuple(bands), centre, scale)
