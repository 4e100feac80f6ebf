"""A PDF as it is drawn: over the redshifts that matter, in bins wide enough to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BINS = 45  # over the redshifts shown; narrower bins are hairs in a figure of two inches
TAIL = 0.005  # probability that is left out on either side


def shown_pdf(
    pdf: NDArray[Any], z_edges: NDArray[np.float64], points: Sequence[float], most_bins: int = MOST_BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the density of a PDF in at most ``most_bins`` bins, and their edges.

    Neighbouring bins of the grid are joined, so that probability is neither lost nor interpolated.

    Parameters
    ----------
    pdf : probabilities, (n_bins,).
    z_edges : (n_bins + 1,).
    points : redshifts that must lie in the range, such as the estimate and the label; those beyond the grid and NaN
        do not count.
    most_bins : upper limit of the bins between the edges.

    Returns
    -------
    Density per unit redshift, (n,), and edges, (n + 1,), over 99 % of the probability and the points, with a margin.
    """
    probability, edges = np.asarray(pdf, np.float64), np.asarray(z_edges, np.float64)
    low, high = shown_range(probability, edges, points)
    first = int(np.clip(np.searchsorted(edges, low, side="right") - 1, 0, len(probability) - 1))
    last = int(np.clip(np.searchsorted(edges, high, side="left"), first + 1, len(probability)))
    joined = -(-(last - first) // most_bins)
    starts = np.arange(first, last, joined)
    ends = np.append(starts[1:], last)
    sums = np.add.reduceat(probability[:last], starts)
    kept = np.append(edges[starts], edges[ends[-1]])
    return sums / np.diff(kept), kept


def shown_range(
    probability: NDArray[np.float64], z_edges: NDArray[np.float64], points: Sequence[float]
) -> tuple[float, float]:
    """Return the redshifts between which a PDF is drawn: 99 % of its probability, the points, and a margin."""
    cumulative = np.cumsum(probability) / max(float(probability.sum()), 1e-300)
    inside = [float(one) for one in points if z_edges[0] <= one <= z_edges[-1]]
    lower = z_edges[min(int(np.searchsorted(cumulative, TAIL)), len(probability) - 1)]
    upper = z_edges[1:][min(int(np.searchsorted(cumulative, 1 - TAIL)), len(probability) - 1)]
    low, high = min([float(lower), *inside]), max([float(upper), *inside])
    margin = 0.08 * (high - low) + 0.01
    return max(float(z_edges[0]), low - margin), min(float(z_edges[-1]), high + margin)
