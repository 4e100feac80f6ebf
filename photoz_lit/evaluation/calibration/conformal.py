"""Conformal intervals: redshift intervals whose coverage holds whatever the PDFs are worth.

Split conformal prediction of quantiles (Romano, Patterson & Candès 2019): the central interval of a PDF is widened on
both sides by a share of its half-width, the same share for all galaxies, so large that of the galaxies with known
redshift the wanted part lies inside. Galaxies like those are then covered with that probability, n/(n + 1) counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.pdf import quantiles

Floats = NDArray[np.float64]
LEVELS = (0.68, 0.9, 0.95)


@dataclass(frozen=True)
class ConformalInterval:
    """How central intervals of PDFs are widened.

    Attributes
    ----------
    level : wanted coverage.
    factor : added on both sides, in half-widths of the PDF's interval; negative narrows, −1 at least.
    galaxies : that it was fitted on.
    """

    level: float
    factor: float
    galaxies: int

    def apply(self, pdf: NDArray[Any], z_edges: ArrayLike) -> tuple[Floats, Floats]:
        """Lower and upper ends of the intervals, (N,) each, within the grid."""
        edges = np.asarray(z_edges, np.float64)
        low, high, half = _central(pdf, edges, self.level)
        return np.clip(low - self.factor * half, *edges[[0, -1]]), np.clip(high + self.factor * half, *edges[[0, -1]])


def fit_conformal(pdf: NDArray[Any], z_edges: ArrayLike, z: ArrayLike, level: float) -> ConformalInterval:
    """Fit the factor to galaxies with known redshift that the PDFs were not trained on.

    Parameters
    ----------
    pdf : probabilities, (N, n_bins).
    z_edges : (n_bins + 1,).
    z : redshifts, (N,).
    level : wanted coverage, between 0 and 1.

    Raises
    ------
    InputError : there are too few galaxies for this level.
    """
    n = len(pdf)
    rank = int(np.ceil((n + 1) * level))
    if rank > n:
        raise InputError(f"{n} galaxies are too few for intervals of {100 * level:g} %; {rank} are needed.")
    redshift = np.asarray(z, np.float64)
    low, high, half = _central(pdf, np.asarray(z_edges, np.float64), level)
    outside = np.maximum(low - redshift, redshift - high) / half
    return ConformalInterval(level, max(float(np.sort(outside)[rank - 1]), -1.0), n)


def fit_levels(
    pdf: NDArray[Any], z_edges: ArrayLike, z: ArrayLike, levels: Sequence[float] = LEVELS
) -> dict[float, ConformalInterval]:
    """Intervals of several levels, those left out for which the galaxies are too few."""
    return {level: fit_conformal(pdf, z_edges, z, level) for level in levels if (len(pdf) + 1) * level <= len(pdf)}


def coverage(low: ArrayLike, high: ArrayLike, z: ArrayLike) -> tuple[float, float]:
    """Share of redshifts (N,) inside their intervals, ends included, and its binomial error."""
    inside = (np.asarray(low) <= np.asarray(z)) & (np.asarray(z) <= np.asarray(high))
    share = float(inside.mean())
    return share, float(np.sqrt(share * (1 - share) / len(inside)))


def _central(pdf: NDArray[Any], z_edges: Floats, level: float) -> tuple[Floats, Floats, Floats]:
    low, high = quantiles(pdf, z_edges, [0.5 * (1 - level), 0.5 * (1 + level)]).T
    return low, high, np.maximum(0.5 * (high - low), 1e-6)
