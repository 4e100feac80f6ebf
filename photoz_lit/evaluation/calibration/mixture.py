"""Mixtures of Beta distributions for PIT values, with weights that depend on where a galaxy lies among knots.

The Beta distributions (d, D + 1 − d), d = 1…D, are the Bernstein basis of a density on [0, 1] (Vitale 1975). Their mean
is uniform, so equal weights change nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from photoz_lit.evaluation.metrics.pdf import pdf_width

Floats = NDArray[np.float64]

PARTS = 5  # of the cross-validation that chooses between numbers of knots and distributions
STEPS = 200  # of expectation and maximisation
PSEUDO_COUNT = 1.0  # galaxies per knot that are shared evenly: no weight becomes 0
MIN_WIDTH = 1e-5
MIN_PROBABILITY = 1e-9


def log_width_of(pdf: Floats, z_edges: ArrayLike) -> Floats:
    """Return the logarithm of the PDFs' widths, (N,)."""
    return np.asarray(np.log(np.maximum(pdf_width(pdf, z_edges), MIN_WIDTH)))


def bin_of(edges: Floats, z: Floats) -> NDArray[np.int64]:
    """Return the number of each redshift's bin, (N,)."""
    return np.clip(np.searchsorted(edges, z, side="right") - 1, 0, len(edges) - 2)


def cdf_at_edges(pdf: Floats) -> Floats:
    """CDF at the bins' edges, (N, n_bins + 1)."""
    cdf = np.concatenate([np.zeros((len(pdf), 1)), np.cumsum(pdf, axis=1)], axis=1)
    return np.asarray(cdf / cdf[:, -1:])


def label_bins(pdf: Floats, edges: Floats, z: Floats) -> tuple[Floats, Floats]:
    """CDF at the lower and the upper edge of each label's bin, (N,)."""
    number = bin_of(edges, z)
    cdf, row = cdf_at_edges(pdf), np.arange(len(z))
    return cdf[row, number], cdf[row, number + 1]


def beta_cdfs(cdf: Floats, degree: int) -> list[Floats]:
    """CDFs of the Beta distributions (d, degree + 1 − d), d = 1…degree, at values in [0, 1]; their mean is uniform."""
    clipped = np.clip(cdf, 0.0, 1.0)
    return [np.asarray(betainc(d, degree + 1 - d, clipped)) for d in range(1, degree + 1)]


def mapped_pdf(pdf: Floats, weights: Floats) -> Floats:
    """Return PDFs (N, n_bins) whose CDF went through mixtures of Beta distributions with weights (N, D)."""
    betas = beta_cdfs(cdf_at_edges(pdf), weights.shape[1])
    mapped = sum(w[:, None] * beta for w, beta in zip(weights.T, betas, strict=True))
    return np.asarray(np.maximum(np.diff(mapped, axis=1), 0.0))  # rounding may leave −1e-17


def mean_densities(low: Floats, high: Floats, degree: int) -> Floats:
    """Mean density of each Beta distribution over each label's bin in PIT, (N, degree): exact for binned labels."""
    wide = np.maximum(high - low, 1e-9)
    middle = 0.5 * (low + high)
    low, high = np.clip(middle - 0.5 * wide, 0, 1 - 1e-9), np.clip(middle + 0.5 * wide, 1e-9, 1)
    bounds = zip(beta_cdfs(low, degree), beta_cdfs(high, degree), strict=True)
    return np.stack([np.maximum(above - below, 0.0) / (high - low) for below, above in bounds], axis=1)


def rank_knots(log_width: Floats, number: int) -> Floats:
    """Knots at equal steps in the rank of the width, the first and the last a twentieth within."""
    levels = [0.5] if number == 1 else np.linspace(0.05, 0.95, number)
    return np.unique(np.quantile(log_width, levels))


def knot_shares(log_width: Floats, knots: Floats) -> Floats:
    """Share of each knot in each PDF's weights, (N, K): linear between knots, constant beyond them."""
    return np.stack([np.interp(log_width, knots, one) for one in np.eye(len(knots))], axis=1)


def likeliest_weights(shares: Floats, density: Floats, given: Floats) -> Floats:
    """Weights (K, D) of largest likelihood for Σ_k share_k Σ_d weight_kd density_d, by expectation-maximisation."""
    knots, degree = shares.shape[1], density.shape[1]
    weights = np.full((knots, degree), 1.0 / degree)
    for _ in range(STEPS if degree > 1 else 0):
        of_galaxy = np.sum((shares @ weights) * density, axis=1)
        counts = weights * (shares.T @ (density * (given / np.maximum(of_galaxy, 1e-300))[:, None]))
        counts += PSEUDO_COUNT / degree
        weights = counts / counts.sum(axis=1, keepdims=True)
    return weights


def held_out_likelihood(shares: Floats, density: Floats, given: Floats, part: NDArray[np.int64]) -> float:
    """Log likelihood of each part's galaxies with weights that were fitted to the other parts."""
    total = 0.0
    for held in range(PARTS):
        known = part != held
        weights = likeliest_weights(shares[known], density[known], given[known])
        mean = np.sum((shares[~known] @ weights) * density[~known], axis=1)
        total += float(np.sum(given[~known] * np.log(np.maximum(mean, MIN_PROBABILITY))))
    return total
