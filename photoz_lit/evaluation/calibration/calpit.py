"""Recalibration by the library Cal-PIT: the PIT's distribution at each galaxy, learnt from features of it.

Dey et al. 2022 (arXiv:2205.14568). The library is optional: ``pip install photoz-lit[calpit]``.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.evaluation.metrics.pdf import pdf_width, pit, quantiles

Floats = NDArray[np.float64]
#: Draws of a level per galaxy, and levels at which the learnt distribution is tabulated.
DRAWS, TABULATED = 20, 101


def is_installed() -> bool:
    """Whether the library can be imported."""
    return find_spec("calpit") is not None


def recalibrated(
    pdf: NDArray[Any],
    z_edges: ArrayLike,
    z: ArrayLike,
    magnitude: ArrayLike,
    other: NDArray[Any],
    other_magnitude: ArrayLike,
) -> NDArray[np.float32]:
    """Fit to galaxies with known redshift and recalibrate others, (M, n_bins).

    The features are the logarithm of a PDF's width, its median and the galaxy's magnitude; the model is a gradient
    boosting of trees, monotone in the level.

    Parameters
    ----------
    pdf : of the galaxies that are fitted, (N, n_bins).
    z_edges : (n_bins + 1,).
    z : their redshifts, (N,).
    magnitude : of them, (N,); NaN where unknown.
    other : PDFs to recalibrate, (M, n_bins).
    other_magnitude : of these, (M,).
    """
    from calpit import CalPIT
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=200, learning_rate=0.05, min_samples_leaf=200, random_state=0)
    fitted = CalPIT(model, n_alpha=DRAWS, random_state=0).fit(
        _features(pdf, z_edges, magnitude), pit=pit(pdf, z_edges, z)
    )
    level = np.linspace(0, 1, TABULATED)
    table = np.asarray(fitted.predict(_features(other, z_edges, other_magnitude), level))
    table[:, 0], table[:, -1] = 0.0, 1.0
    cdf = np.concatenate([np.zeros((len(other), 1)), np.cumsum(np.asarray(other, np.float64), axis=1)], axis=1)
    cdf /= cdf[:, -1:]
    mapped = np.stack([np.interp(row, level, values) for row, values in zip(cdf, table, strict=True)])
    return np.asarray(np.maximum(np.diff(mapped, axis=1), 0.0), np.float32)


def _features(pdf: NDArray[Any], z_edges: ArrayLike, magnitude: ArrayLike) -> Floats:
    width = np.log(np.maximum(pdf_width(pdf, z_edges), 1e-5))
    return np.stack([width, quantiles(pdf, z_edges, 0.5)[:, 0], np.asarray(magnitude, np.float64)], axis=1)
