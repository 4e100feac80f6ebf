"""Metrics and point estimates of binned redshift PDFs, for arrays of any length (worked through in blocks of rows).

``pdf`` (N, n_bins) holds probabilities that sum to 1 in each row, ``z_edges`` (n_bins + 1,) the bin edges; rows are
renormalised in double precision. The density in a bin is p_k / Δz_k, so bins of unequal width are right everywhere.

A redshift outside the grid is kept, never dropped: its PIT is 0 or 1 (and so a PIT outlier), its density 0, its NLL
that of ``DENSITY_FLOOR``, and its CRPS includes the distance from the grid's edge. :func:`outside_grid` counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from torch import Tensor

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics import binned

Floats = NDArray[np.float64]

BLOCK_ROWS = 8192
DENSITY_FLOOR = 1e-6  # [1 / redshift]; keeps the NLL of a density of zero finite: it then adds 13.8
PIT_LIMITS = (1e-4, 0.9999)  # as in RAIL and qp


def median(pdf: NDArray[Any], z_edges: ArrayLike) -> Floats:
    """Return the median redshift of each PDF, shape (N,): the project's z_phot."""
    return quantiles(pdf, z_edges, [0.5])[:, 0]


def quantiles(pdf: NDArray[Any], z_edges: ArrayLike, levels: ArrayLike) -> Floats:
    """Return the redshifts (N, n_levels) where each CDF reaches ``levels`` in (0, 1), linear within the bin."""
    edges, targets = torch.from_numpy(check_pdfs(pdf, z_edges)), torch.from_numpy(_levels(levels))
    out = np.empty((pdf.shape[0], len(targets)))
    for part, block in probability_blocks(pdf):
        out[part] = binned.quantiles(torch.from_numpy(block), edges, targets).numpy()
    return out


@dataclass(frozen=True)
class PointEstimates:
    """Quantiles (N, L), mode (N,) and mean (N,) of PDFs, found in one pass over them."""

    quantiles: Floats
    mode: Floats
    mean: Floats


def point_estimates(pdf: NDArray[Any], z_edges: ArrayLike, levels: ArrayLike) -> PointEstimates:
    """Return :func:`quantiles` at ``levels`` (L,), :func:`mode` and :func:`mean` of each PDF."""
    edges, targets = torch.from_numpy(check_pdfs(pdf, z_edges)), torch.from_numpy(_levels(levels))
    found = PointEstimates(np.empty((pdf.shape[0], len(targets))), np.empty(pdf.shape[0]), np.empty(pdf.shape[0]))
    for part, block in probability_blocks(pdf):
        values = torch.from_numpy(block)
        found.quantiles[part] = binned.quantiles(values, edges, targets).numpy()
        found.mode[part] = binned.mode(values, edges).numpy()
        found.mean[part] = binned.mean(values, edges).numpy()
    return found


def _levels(levels: ArrayLike) -> Floats:
    wanted = np.atleast_1d(np.asarray(levels, np.float64))
    if not ((wanted > 0) & (wanted < 1)).all():
        raise InputError(f"quantile levels {wanted.tolist()} must lie between 0 and 1.")
    return wanted


def mode(pdf: NDArray[Any], z_edges: ArrayLike) -> Floats:
    """Return the middle of the bin of highest density of each PDF, shape (N,)."""
    return _map(binned.mode, pdf, z_edges)


def mean(pdf: NDArray[Any], z_edges: ArrayLike) -> Floats:
    """Return the mean redshift of each PDF, shape (N,)."""
    return _map(binned.mean, pdf, z_edges)


def interval68(pdf: NDArray[Any], z_edges: ArrayLike) -> tuple[Floats, Floats]:
    """Return the central 68 % interval of each PDF: the 16 % and the 84 % quantile, each of shape (N,)."""
    both = quantiles(pdf, z_edges, [0.16, 0.84])
    return both[:, 0], both[:, 1]


def pdf_width(pdf: NDArray[Any], z_edges: ArrayLike) -> Floats:
    """Return half of the central 68 % interval of each PDF, shape (N,): σ where the PDF is a Gaussian."""
    low, high = interval68(pdf, z_edges)
    return 0.5 * (high - low)


def pit(pdf: NDArray[Any], z_edges: ArrayLike, z_true: ArrayLike) -> Floats:
    """Return the PIT, each CDF at its z_true, linear within the bin (as ``qp.hist``), shape (N,)."""
    return _map(binned.cdf_at, pdf, z_edges, z_true)


def pit_half_bin(pdf: NDArray[Any], z_edges: ArrayLike, z_true: ArrayLike) -> Floats:
    """Return the half-bin PIT, shape (N,): probability below the bin of z_true plus half of that bin's own."""
    return _map(binned.cdf_half_bin_at, pdf, z_edges, z_true)


def crps(pdf: NDArray[Any], z_edges: ArrayLike, z_true: ArrayLike) -> Floats:
    """Return the CRPS of each PDF, ∫ (CDF − H(z − z_true))² dz, exact for the piecewise linear CDF, shape (N,)."""
    return _map(binned.crps, pdf, z_edges, z_true)


def cde_loss(pdf: NDArray[Any], z_edges: ArrayLike, z_true: ArrayLike) -> float:
    """Return the CDE loss, mean ∫ p² dz − 2 mean p(z_true) (Izbicki & Lee 2017); lower is better."""
    squared = _map(binned.squared_density, pdf, z_edges)
    return float(np.mean(squared) - 2 * np.mean(density(pdf, z_edges, z_true)))


def density(pdf: NDArray[Any], z_edges: ArrayLike, z_true: ArrayLike) -> Floats:
    """Return the density p(z_true) of each PDF [1 / redshift], 0 outside the grid, shape (N,)."""
    return _map(binned.density_at, pdf, z_edges, z_true)


def nll(pdf: NDArray[Any], z_edges: ArrayLike, z_true: ArrayLike) -> float:
    """Return −mean ln max(p(z_true), 1e-6): the negative log-likelihood of the density, per galaxy."""
    return float(-np.mean(np.log(np.maximum(density(pdf, z_edges, z_true), DENSITY_FLOOR))))


def outside_grid(z_edges: ArrayLike, z_true: ArrayLike) -> NDArray[np.bool_]:
    """Return which redshifts (N,) lie outside the grid."""
    edges, z = np.asarray(z_edges), np.asarray(z_true)
    return np.asarray((z < edges[0]) | (z > edges[-1]), np.bool_)


def is_pit_outlier(pit: ArrayLike) -> NDArray[np.bool_]:
    """Return whether each PIT value (N,) is outside [1e-4, 0.9999]."""
    values = np.asarray(pit)
    return np.asarray((values < PIT_LIMITS[0]) | (values > PIT_LIMITS[1]))


def pit_outlier_rate(pit_values: ArrayLike) -> float:
    """Return the fraction of PIT values (N,) outside [1e-4, 0.9999]."""
    return float(np.mean(is_pit_outlier(pit_values)))


def pit_ks(pit: ArrayLike) -> float:
    """Return the Kolmogorov–Smirnov distance of PIT values (N,) from the uniform distribution."""
    return float(stats.kstest(np.asarray(pit, np.float64), "uniform").statistic)


def pit_ks_half_bin(pit_half_bin: ArrayLike) -> float:
    """Return the same of half-bin PIT values (N,)."""
    return pit_ks(pit_half_bin)


def pit_ks_p(pit: ArrayLike) -> float:
    """Return the p-value of :func:`pit_ks`."""
    return float(stats.kstest(np.asarray(pit, np.float64), "uniform").pvalue)


def pit_cvm(pit: ArrayLike) -> float:
    """Return the Cramér–von Mises statistic of PIT values (N,) against uniform; NaN of a single one."""
    return _cramer_von_mises(pit)[0]


def pit_cvm_p(pit: ArrayLike) -> float:
    """Return the p-value of :func:`pit_cvm`."""
    return _cramer_von_mises(pit)[1]


def _cramer_von_mises(pit: ArrayLike) -> tuple[float, float]:
    values = np.asarray(pit, np.float64)
    if len(values) < 2:  # it needs two
        return np.nan, np.nan
    found = stats.cramervonmises(values, "uniform")
    return float(found.statistic), float(found.pvalue)


def pit_ad(pit: ArrayLike) -> float:
    """Return the Anderson–Darling statistic of PIT values (N,).

    One PIT of exactly 0 or 1 makes it infinite, so it is taken over the values inside [1e-4, 0.9999] only, against the
    uniform distribution there (RAIL trims alike); NaN if none is inside.
    """
    values, (low, high) = np.asarray(pit, np.float64), PIT_LIMITS
    inside = np.sort(values[(values > low) & (values < high)])
    if not len(inside):
        return np.nan
    u = (inside - low) / (high - low)
    weight = 2 * np.arange(1, len(u) + 1) - 1
    # A² = −n − Σ (2i − 1) [ln u_i + ln(1 − u_{n+1−i})] / n  (Anderson & Darling 1954)
    return float(-len(u) - np.mean(weight * (np.log(u) + np.log1p(-u[::-1]))))


def pit_uniformity(pit_values: ArrayLike) -> dict[str, float]:
    """Return how far PIT values (N,) are from uniform: ``ks``, ``ks_p``, ``cvm``, ``cvm_p`` and ``ad``, see above."""
    functions = {"ks": pit_ks, "ks_p": pit_ks_p, "cvm": pit_cvm, "cvm_p": pit_cvm_p, "ad": pit_ad}
    return {name: function(pit_values) for name, function in functions.items()}


def check_pdfs(pdf: NDArray[Any], z_edges: ArrayLike) -> Floats:
    """Check shapes and edges and return the edges as float64, shape (n_bins + 1,).

    Raises
    ------
    InputError : ``pdf`` is not (N, n_bins), or the edges do not fit it or do not increase.
    """
    edges = np.asarray(z_edges, np.float64)
    if len(pdf.shape) != 2 or edges.shape != (pdf.shape[1] + 1,):
        raise InputError(f"pdf has shape {pdf.shape} but z_edges {edges.shape}; they must be (N, n) and (n + 1,).")
    if not (np.diff(edges) > 0).all():
        raise InputError("z_edges do not increase; give the edges of the redshift bins in ascending order.")
    return edges


def probability_blocks(pdf: NDArray[Any], rows: int = BLOCK_ROWS) -> Iterator[tuple[slice, Floats]]:
    """Go through PDFs (N, n_bins) in blocks of rows, as double-precision probabilities that sum to 1.

    ``pdf`` may be anything that slices like an array: a memory map or an HDF5 data set is never read whole.

    Raises
    ------
    InputError : a row has a negative or non-finite probability, or sums to zero.
    """
    for start in range(0, pdf.shape[0], rows):
        part = slice(start, min(start + rows, pdf.shape[0]))
        block = np.asarray(pdf[part], np.float64)
        total = block.sum(axis=1)
        bad = ~(np.isfinite(total) & (total > 0) & (block.min(axis=1) >= 0))
        if bad.any():
            raise InputError(
                f"the PDF in row {start + int(np.flatnonzero(bad)[0])} is no distribution (negative, not finite or all"
                " zero); look at the network's output for that galaxy."
            )
        yield part, block / total[:, None]


def _map(
    formula: Callable[..., Tensor], pdf: NDArray[Any], z_edges: ArrayLike, z_true: ArrayLike | None = None
) -> Floats:
    """Apply a formula of ``binned`` to blocks of rows and return its values, shape (N,)."""
    edges = torch.from_numpy(check_pdfs(pdf, z_edges))
    truth = None if z_true is None else _truth(z_true, pdf.shape[0])
    out = np.empty(pdf.shape[0])
    for part, block in probability_blocks(pdf):
        values = torch.from_numpy(block)
        arguments = (values, edges) if truth is None else (values, edges, truth[part])
        out[part] = formula(*arguments).numpy()
    return out


def _truth(z_true: ArrayLike, n: int) -> Tensor:
    truth = np.array(z_true, np.float64)
    if truth.shape != (n,):
        raise InputError(f"z_true has shape {truth.shape} for {n} PDFs; give one redshift per PDF.")
    if not np.isfinite(truth).all():
        row = int(np.flatnonzero(~np.isfinite(truth))[0])
        raise InputError(f"z_true is {truth[row]} in row {row}; drop galaxies without a label first.")
    return torch.from_numpy(truth)
