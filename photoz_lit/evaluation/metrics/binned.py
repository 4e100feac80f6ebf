"""Formulas of a binned redshift PDF in torch: one place for the numpy functions and for the torchmetrics classes.

A PDF is a histogram density: probability p_k in the bin [e_k, e_k+1], density p_k / Δz_k, and a CDF that is linear
within each bin (``qp.hist`` has the same). Bins need not be equally wide. Redshifts outside the grid are no error: the
CDF is 0 below the grid and 1 above it, the density 0, and the CRPS counts the distance to the grid in full.
"""

from __future__ import annotations

import torch
from torch import Tensor


def cumulative(pdf: Tensor) -> Tensor:
    """Return the CDF at the bin edges, (N, n_bins + 1), from probabilities (N, n_bins); it ends at exactly 1."""
    cdf = torch.nn.functional.pad(torch.cumsum(pdf, dim=1), (1, 0))
    return cdf / cdf[:, -1:]


def bin_of(z: Tensor, z_edges: Tensor) -> tuple[Tensor, Tensor]:
    """Return the bin (N,) of each redshift (N,) and how far in it lies (N,), 0 at its lower edge and 1 at its upper.

    Outside the grid the bin is the first or last one and the fraction 0 or 1.
    """
    k = (torch.searchsorted(z_edges, z.contiguous(), right=True) - 1).clamp(0, len(z_edges) - 2)
    fraction = (z - z_edges[k]) / (z_edges[k + 1] - z_edges[k])
    return k, fraction.clamp(0, 1)


def cdf_at(pdf: Tensor, z_edges: Tensor, z: Tensor) -> Tensor:
    """Return the CDF of each PDF (N, n_bins) at its own redshift (N,), linear within the bin: the PIT, shape (N,)."""
    k, fraction = bin_of(z, z_edges)
    cdf = cumulative(pdf)
    below, above = _pick(cdf, k), _pick(cdf, k + 1)
    return below + fraction * (above - below)


def cdf_half_bin_at(pdf: Tensor, z_edges: Tensor, z: Tensor) -> Tensor:
    """Return the probability below the bin of z plus half of that bin's, whatever the place in it, shape (N,)."""
    k, _ = bin_of(z, z_edges)
    cdf = cumulative(pdf)
    inside = 0.5 * (_pick(cdf, k) + _pick(cdf, k + 1))
    outside = (z >= z_edges[-1]).to(cdf.dtype)
    return torch.where((z < z_edges[0]) | (z > z_edges[-1]), outside, inside)


def density_at(pdf: Tensor, z_edges: Tensor, z: Tensor) -> Tensor:
    """Return the density p_k / Δz_k of each PDF (N, n_bins) at its own redshift (N,); 0 outside the grid."""
    k, _ = bin_of(z, z_edges)
    density = _pick(pdf, k) / torch.diff(z_edges)[k]
    return torch.where((z < z_edges[0]) | (z > z_edges[-1]), torch.zeros_like(density), density)


def squared_density(pdf: Tensor, z_edges: Tensor) -> Tensor:
    """Return ∫ p² dz of each PDF (N, n_bins), shape (N,)."""
    return (pdf**2 / torch.diff(z_edges)).sum(dim=1)


def crps(pdf: Tensor, z_edges: Tensor, z: Tensor) -> Tensor:
    """Return ∫ (CDF(x) − H(x − z))² dx of each PDF (N, n_bins) at its own redshift (N,), exact, shape (N,).

    The CDF is linear from a to b in a bin of width Δ, so the bin adds Δ (a² + ab + b²) / 3 below z, the same with
    1 − CDF above z, and the bin of z is cut in two at z. No pairs of bins are formed: memory is O(N · n_bins).
    """
    k, fraction = bin_of(z, z_edges)
    width = torch.diff(z_edges)
    cdf = cumulative(pdf)
    below = _running_sum(_square_integral(cdf[:, :-1], cdf[:, 1:], width))
    rest = 1 - cdf
    above = _running_sum(_square_integral(rest[:, :-1], rest[:, 1:], width))
    low, high = _pick(cdf, k), _pick(cdf, k + 1)
    middle = low + fraction * (high - low)
    cut = _square_integral(low, middle, fraction * width[k])
    cut = cut + _square_integral(1 - middle, 1 - high, (1 - fraction) * width[k])
    outside = (z_edges[0] - z).clamp(min=0) + (z - z_edges[-1]).clamp(min=0)
    return _pick(below, k) + cut + (above[:, -1] - _pick(above, k + 1)) + outside


def quantiles(pdf: Tensor, z_edges: Tensor, levels: Tensor) -> Tensor:
    """Return the redshifts (N, L) where the CDF of each PDF (N, n_bins) reaches ``levels`` (L,), linear within the bin.

    Levels lie in (0, 1).
    """
    cdf = cumulative(pdf)
    targets = levels.to(cdf).expand(len(cdf), -1).contiguous()
    # left: the first edge at or above the level, so that the bin before it has a positive probability
    k = (torch.searchsorted(cdf, targets) - 1).clamp(0, pdf.shape[1] - 1)
    low, high = cdf.gather(1, k), cdf.gather(1, k + 1)
    fraction = ((targets - low) / (high - low)).clamp(0, 1)
    return z_edges[k] + fraction * torch.diff(z_edges)[k]


def quantile(pdf: Tensor, z_edges: Tensor, level: float) -> Tensor:
    """Return the redshift where the CDF of each PDF (N, n_bins) reaches ``level`` in (0, 1), linear within the bin."""
    return quantiles(pdf, z_edges, torch.tensor([level], dtype=torch.float64, device=pdf.device)).squeeze(1)


def mode(pdf: Tensor, z_edges: Tensor) -> Tensor:
    """Return the middle of the bin of highest density of each PDF (N, n_bins), shape (N,)."""
    middle = 0.5 * (z_edges[1:] + z_edges[:-1])
    return middle[torch.argmax(pdf / torch.diff(z_edges), dim=1)]


def mean(pdf: Tensor, z_edges: Tensor) -> Tensor:
    """Return the mean redshift of each PDF (N, n_bins), shape (N,)."""
    middle = 0.5 * (z_edges[1:] + z_edges[:-1])
    return (pdf @ middle) / pdf.sum(dim=1)


def _pick(table: Tensor, column: Tensor) -> Tensor:
    return table.gather(1, column.unsqueeze(1)).squeeze(1)


def _square_integral(a: Tensor, b: Tensor, width: Tensor) -> Tensor:
    """∫ of the square of a line from a to b over ``width``."""
    return width * (a * a + a * b + b * b) / 3


def _running_sum(values: Tensor) -> Tensor:
    """Sum of the columns before each column, with the total as last one: (N, n + 1)."""
    return torch.nn.functional.pad(torch.cumsum(values, dim=1), (1, 0))
