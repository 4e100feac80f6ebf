"""Sampling weights of the galaxies that a network is trained and validated on, computed from these alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.smoothing import smoothing_weights
from photoz_lit.data.smoothing_settings import SmoothingSettings
from photoz_lit.errors import InputError

#: What a label set says beside its weights, so that they can be made again for a part of its galaxies: the cell of the
#: map and the target sample's share in it, which no label shaped, and how weights were bounded and smoothed.
RECIPE = ("cell", "cell_share", "max_weight")
SMOOTHING = ("smooth_mag", "smooth_bandwidth", "smooth_max_weight")


def sampling_weights(catalogue: pd.DataFrame, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sampling weights of some galaxies, (n,), mean 1.

    Where the catalogue holds the recipe of a label set (``task=labels``), its weights are made again from the given
    galaxies alone, so that neither labels nor places of others, as of a test fold, shape them. Else the column
    ``weight`` is taken as it is.

    Parameters
    ----------
    catalogue : of the sample.
    rows : galaxies that are trained and validated on.

    Raises
    ------
    InputError : there is no column ``weight``, or it has values that are negative or missing.
    """
    if "weight" not in catalogue:
        raise InputError("data.weighted_sampling needs a catalogue column 'weight'; task=labels writes one.")
    part = catalogue.iloc[rows]
    if all(name in catalogue for name in RECIPE) and part[list(RECIPE)].notna().all(axis=None):
        weights = _made_again(part)
    else:
        weights = part["weight"].to_numpy(np.float64)
    if not np.all(np.isfinite(weights)) or np.any(weights < 0) or weights.sum() == 0:
        raise InputError("the catalogue's column 'weight' has negative or missing values; make the labels again.")
    return np.asarray(weights / weights.mean())


def cell_weights(cell: NDArray[np.int64], share: NDArray[np.float64], max_weight: float) -> NDArray[np.float64]:
    """Weights that give each cell the target sample's share of the weight, bounded, mean 1.

    Parameters
    ----------
    cell : (n,) cell of each galaxy of the catalogue.
    share : (n_cells,) share of the target sample.
    max_weight : weights before the last normalisation lie in [1 / max_weight, max_weight].
    """
    count = np.bincount(cell, minlength=len(share))
    weight = share[cell] / count[cell] * len(cell) / share[np.unique(cell)].sum()
    bounded = np.clip(weight, 1 / max_weight, max_weight)
    return np.asarray(bounded / bounded.mean())


def _made_again(part: pd.DataFrame) -> NDArray[np.float64]:
    """Weights of the merge, and of the smoothing where there was one, from these galaxies."""
    cell = part["cell"].to_numpy(np.int64)
    share = np.zeros(cell.max() + 1)
    share[cell] = part["cell_share"].to_numpy(np.float64)
    weights = cell_weights(cell, share, float(part["max_weight"].iloc[0]))
    if not all(name in part for name in SMOOTHING) or part["smooth_mag"].isna().all():
        return weights
    first = part.iloc[0]
    settings = SmoothingSettings(
        bandwidth=float(first["smooth_bandwidth"]), max_weight=float(first["smooth_max_weight"])
    )
    z, magnitude = (part[name].to_numpy(np.float64) for name in ("z", "smooth_mag"))
    return smoothing_weights(z, magnitude, weights, settings)[0]
