"""What an N(z) is like, and how far two of them are apart; for any number of bootstrap columns at once.

Counts are (n_bins, …): bins first, then whatever columns. Within a bin galaxies are spread evenly, so CDFs are linear.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.evaluation.nz.distributions import RedshiftDistributions

Floats = NDArray[np.float64]

MOMENTS = ("mean", "width")
DISTANCES = ("ks", "tv", "w1")
COARSE_BINS = 80


def coarse_edges(z_edges: ArrayLike, bin_width: float | None = None) -> Floats:
    """Return edges of the bins in which N(z) is compared: of the given width [redshift], or 80 over the grid."""
    edges = np.asarray(z_edges, np.float64)
    span = edges[-1] - edges[0]
    count = COARSE_BINS if bin_width is None else max(1, round(span / bin_width))
    return np.linspace(edges[0], edges[-1], count + 1)


def nz_moments(counts: NDArray[Any], z_edges: ArrayLike) -> dict[str, Floats]:
    """Return ``mean`` and ``width`` (standard deviation) of N(z) [redshift], (…), exact for even bins."""
    edges = np.asarray(z_edges, np.float64)
    share = _shares(counts)
    middle, within = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges) ** 2 / 12
    mean = np.tensordot(middle, share, axes=(0, 0))
    square = np.tensordot(middle**2 + within, share, axes=(0, 0))
    return {"mean": mean, "width": np.sqrt(np.maximum(square - mean**2, 0))}


def nz_distances(
    counts: NDArray[Any], reference: NDArray[Any], z_edges: ArrayLike, coarse: ArrayLike | None = None
) -> dict[str, Floats]:
    """Return the distances between two N(z), (…).

    Parameters
    ----------
    counts, reference : (n_bins, …).
    z_edges : (n_bins + 1,).
    coarse : edges of the bins for the total variation, which in narrow bins says no more than how few galaxies the
        reference has; by default ``z_edges``.

    Returns
    -------
    ``ks``, the largest difference of the CDFs; ``tv``, the total variation, half the sum of |differences| of the
    shares per bin; ``w1``, the Wasserstein-1 distance ∫ |difference of the CDFs| dz [redshift], exact for even bins.
    """
    edges = np.asarray(z_edges, np.float64)
    p, q = _shares(counts), _shares(reference)
    zero = np.zeros((1, *p.shape[1:]))
    difference = np.concatenate([zero, np.cumsum(p - q, axis=0)])
    a, b = np.abs(difference[:-1]), np.abs(difference[1:])
    crossing = np.sign(difference[:-1]) * np.sign(difference[1:]) < 0
    # |a line| from a to b: a trapezoid, or two triangles where it changes sign
    height = np.where(crossing, (a**2 + b**2) / np.maximum(2 * (a + b), 1e-300), 0.5 * (a + b))
    wide = edges if coarse is None else np.asarray(coarse, np.float64)
    tv = 0.5 * np.abs(rebinned(p, edges, wide) - rebinned(q, edges, wide)).sum(axis=0)
    return {"ks": np.abs(difference).max(axis=0), "tv": tv, "w1": np.tensordot(np.diff(edges), height, axes=(0, 0))}


def mean_shift(stacked: ArrayLike, reference: ArrayLike, z_edges: ArrayLike) -> float:
    """Return the mean redshift of stacked PDFs minus that of the reference, counts (n_bins,) on the same edges."""
    mean, true = (nz_moments(np.asarray(counts), z_edges)["mean"] for counts in (stacked, reference))
    return float(mean - true)


def kolmogorov_smirnov(stacked: ArrayLike, reference: ArrayLike, z_edges: ArrayLike) -> float:
    """Return the largest difference of the CDFs of stacked PDFs and reference, (n_bins,)."""
    return _distance("ks", stacked, reference, z_edges)


def total_variation(stacked: ArrayLike, reference: ArrayLike, z_edges: ArrayLike) -> float:
    """Return the total variation of stacked PDFs and reference, (n_bins,), in 80 even bins over the grid."""
    return _distance("tv", stacked, reference, z_edges)


def wasserstein(stacked: ArrayLike, reference: ArrayLike, z_edges: ArrayLike) -> float:
    """Return the Wasserstein-1 distance of stacked PDFs and reference, (n_bins,) [redshift]."""
    return _distance("w1", stacked, reference, z_edges)


def _distance(kind: str, stacked: ArrayLike, reference: ArrayLike, z_edges: ArrayLike) -> float:
    found = nz_distances(np.asarray(stacked), np.asarray(reference), z_edges, coarse_edges(z_edges))
    return float(found[kind])


def rebinned(counts: NDArray[Any], z_edges: ArrayLike, coarse: ArrayLike) -> Floats:
    """Carry counts (n_bins, …) to other edges, (len(coarse) − 1, …), even within each bin."""
    edges, wide = np.asarray(z_edges, np.float64), np.asarray(coarse, np.float64)
    # share of each bin below each coarse edge
    below = np.clip((wide[:, None] - edges[:-1]) / np.diff(edges), 0, 1)
    return np.tensordot(np.diff(below, axis=0), np.asarray(counts, np.float64), axes=(1, 0))


def nz_table(distributions: RedshiftDistributions, coarse: ArrayLike) -> pd.DataFrame:
    """Return what the N(z) of each group are like, with bootstrap errors.

    Returns
    -------
    One row per group and estimate (``stacked``, ``point``, and ``reference`` where there is one): ``group``,
    ``estimate``, ``n``, ``mean``, ``width`` [redshift] and their errors ``<name>_err``; for the first two also
    ``mean_shift`` (against the reference) and ``ks``, ``tv`` (in the bins ``coarse``), ``w1`` with errors (standard
    deviation of the resamples). A distance is never negative, so noise alone makes it positive: ``<name>_noise`` is
    the mean distance of the reference's resamples from the reference. Where labels of a part of the galaxies are the
    reference, shift and distances are of that part's estimates: ``n_compared`` galaxies.
    """
    rows = []
    both = distributions.compared or distributions
    edges = distributions.z_edges
    for g, group in enumerate(distributions.groups):
        reference = both.reference[g]
        known = bool(distributions.reference[g, :, 0].sum() > 0)
        for estimate in ("stacked", "point", "reference"):
            counts = getattr(distributions, estimate)[g]
            if not counts[:, 0].sum():
                continue
            size = distributions.n_labelled[g] if estimate == "reference" else distributions.n[g]
            row: dict[str, Any] = {"group": group, "estimate": estimate, "n": int(size)}
            values = nz_moments(counts, edges)
            if estimate != "reference" and known:
                compared = getattr(both, estimate)[g]
                row["n_compared"] = int(both.n[g])
                values["mean_shift"] = nz_moments(compared, edges)["mean"] - nz_moments(reference, edges)["mean"]
                values |= nz_distances(compared, reference, edges, coarse)
                noise = nz_distances(reference[:, 1:], reference[:, :1], edges, coarse)
                row |= {f"{name}_noise": float(np.nanmean(noise[name])) for name in DISTANCES}
            for name, column in values.items():
                row[name] = float(column[0])
                row[f"{name}_err"] = float(np.nanstd(column[1:])) if len(column) > 2 else np.nan
            rows.append(row)
    first = ["group", "estimate", "n", *MOMENTS, "mean_shift", *DISTANCES]
    table = pd.DataFrame(rows)
    return table[[*(c for c in first if c in table), *(c for c in table if c not in first)]]


def _shares(counts: NDArray[Any]) -> Floats:
    """Counts divided by their sum over the bins; NaN where there is nothing."""
    values = np.asarray(counts, np.float64)
    total = values.sum(axis=0)
    return values / np.where(total > 0, total, np.nan)
