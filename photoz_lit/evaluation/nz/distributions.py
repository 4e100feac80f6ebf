"""N(z): stacked PDFs, point estimates and reference of groups of galaxies, with the bootstrap of all three together.

The bootstrap is a Poisson bootstrap over galaxies: in each resample every galaxy has a weight drawn from
a Poisson distribution of mean 1, and the same weight counts in the stack, in the histogram of point estimates and in
that of labels. It is the multinomial bootstrap with the number of galaxies left free; every N(z) is normalised by its
own sum. Weights come from 16 random bits through the inverse Poisson CDF, which is exact to 1.5e-5 in each probability
and has the mean 1 to 1e-5. A resampled stack is a matrix product in float32 of a block of PDFs with the block's
weights, added up over blocks: nothing is approximated by groups of galaxies or by a normal distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats

from photoz_lit.errors import InputError

Floats = NDArray[np.float64]
Weights = NDArray[np.float32]
Block = tuple[slice, NDArray[Any]]

BLOCK_ROWS = 16384
ALL = "all"


@dataclass(frozen=True)
class RedshiftDistributions:
    """N(z) of groups of galaxies, as counts per bin.

    Attributes
    ----------
    z_edges : (n_bins + 1,).
    groups : name of each group; the first is all galaxies.
    n : number of galaxies in each group, (groups,).
    n_labelled : of these, how many have a label on the grid (or the size of the reference catalogue's group),
        (groups,).
    stacked, point, reference : counts (groups, n_bins, 1 + bootstraps), float32. Column 0 is the sample itself. A
        reference without galaxies is zero.
    compared : the same of the labelled galaxies alone, where the labels are of a part of the galaxies: the distance of
        all galaxies' N(z) from theirs would be that of two populations.
    """

    z_edges: Floats
    groups: tuple[str, ...]
    n: NDArray[np.int64]
    n_labelled: NDArray[np.int64]
    stacked: Weights
    point: Weights
    reference: Weights
    compared: RedshiftDistributions | None = None


@dataclass(frozen=True)
class Grouping:
    """Which groups galaxies belong to.

    Attributes
    ----------
    cell : cell of each galaxy, (N,); every group is a union of cells.
    groups : name -> its cells.
    """

    cell: NDArray[np.int64]
    groups: dict[str, list[int]]

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return 1 + max(max(cells, default=0) for cells in self.groups.values())


def group_galaxies(
    magnitude: ArrayLike, z_phot: ArrayLike, magnitude_edges: ArrayLike, tomographic_edges: ArrayLike
) -> Grouping:
    """Sort galaxies into magnitude bins and tomographic bins.

    Parameters
    ----------
    magnitude : [AB], (N,); NaN is in no magnitude bin.
    z_phot : point estimates, (N,).
    magnitude_edges, tomographic_edges : edges, ascending; bins include their lower edge. Empty: no bins of that kind.

    Returns
    -------
    Groups ``all``, ``21.0 < mag < 22.0`` … and ``0.5 < z < 1.0`` …; a galaxy outside all bins counts in ``all`` only.
    """
    m_bin, m_names = _bins(magnitude, magnitude_edges, "mag")
    z_bin, z_names = _bins(z_phot, tomographic_edges, "z")
    width = len(z_names) + 1  # the last bin of each kind holds what is outside
    cell = m_bin * width + z_bin
    n_cells = (len(m_names) + 1) * width
    groups = {ALL: list(range(n_cells))}
    groups |= {name: [k * width + j for j in range(width)] for k, name in enumerate(m_names)}
    groups |= {name: [k * width + j for k in range(len(m_names) + 1)] for j, name in enumerate(z_names)}
    return Grouping(cell, groups)


def redshift_distributions(
    blocks: Iterable[Block],
    z_edges: ArrayLike,
    z_phot: ArrayLike,
    z_label: ArrayLike,
    grouping: Grouping,
    bootstraps: int,
    seed: int = 0,
    done: Callable[[int], None] = lambda _rows: None,
) -> RedshiftDistributions:
    """Stack PDFs and bin point estimates and labels, for every group and every bootstrap resample.

    Parameters
    ----------
    blocks : (rows, PDFs of these rows as probabilities (rows, n_bins)), e.g. from :func:`blocks_of` or a qp file.
    z_edges : (n_bins + 1,).
    z_phot, z_label : point estimates and labels, (N,); NaN is left out of its histogram, and so is what lies outside
        the grid.
    grouping : see :func:`group_galaxies`.
    bootstraps : number of resamples.
    seed : of the weights.
    done : is called with the number of galaxies after each block, for a progress bar.
    """
    edges = np.asarray(z_edges, np.float64)
    n_bins, n_cells = len(edges) - 1, grouping.n_cells
    random = np.random.default_rng(seed)
    inverse = poisson_table()
    sums = np.zeros((3, n_cells * n_bins, 1 + bootstraps), np.float32)
    bins = [_bin_of(values, edges) for values in (z_phot, z_label)]
    for rows, pdf in blocks:
        cell = grouping.cell[rows]
        weights = inverse[random.integers(0, 2**16, (len(cell), 1 + bootstraps), np.uint16)]
        weights[:, 0] = 1
        order = np.argsort(cell, kind="stable")
        block = np.asarray(pdf, np.float32)[order]
        bounds = np.searchsorted(cell[order], np.arange(n_cells + 1))
        for k in np.flatnonzero(np.diff(bounds)):
            same = slice(bounds[k], bounds[k + 1])
            sums[0, k * n_bins : (k + 1) * n_bins] += block[same].T @ weights[same]
        for kind, bin_of_galaxy in enumerate(bins, start=1):
            bin_here = bin_of_galaxy[rows][order]
            _add_histogram(sums[kind], weights, cell[order] * n_bins + bin_here, bin_here >= 0)
        done(len(cell))
    shaped = sums.reshape(3, n_cells, n_bins, 1 + bootstraps)
    stacked, point, reference = (np.stack([k[cells].sum(axis=0) for cells in grouping.groups.values()]) for k in shaped)
    size = np.bincount(grouping.cell, minlength=n_cells)
    labelled = np.bincount(grouping.cell[bins[1] >= 0], minlength=n_cells)
    return RedshiftDistributions(
        edges,
        tuple(grouping.groups),
        np.array([size[cells].sum() for cells in grouping.groups.values()]),
        np.array([labelled[cells].sum() for cells in grouping.groups.values()]),
        stacked,
        point,
        reference,
    )


def with_reference(
    distributions: RedshiftDistributions,
    z: ArrayLike,
    grouping: Grouping,
    seed: int = 0,
) -> RedshiftDistributions:
    """Replace the reference by another catalogue's redshifts (M,), sorted into the same groups.

    Its resamples are independent of the galaxies': bins of a Poisson bootstrap are Poisson numbers of the counts.
    """
    edges, columns = distributions.z_edges, distributions.reference.shape[2]
    random = np.random.default_rng(seed)
    bins = _bin_of(z, edges)
    reference = np.zeros_like(distributions.reference)
    size = np.zeros(len(distributions.groups), np.int64)
    for row, name in enumerate(distributions.groups):
        inside = np.isin(grouping.cell, grouping.groups.get(name, [])) & (bins >= 0)
        counts = np.bincount(bins[inside], minlength=len(edges) - 1)
        reference[row, :, 0] = counts
        reference[row, :, 1:] = random.poisson(counts[:, None], (len(counts), columns - 1))
        size[row] = counts.sum()
    return RedshiftDistributions(
        edges, distributions.groups, distributions.n, size, distributions.stacked, distributions.point, reference
    )


def blocks_of(pdf: NDArray[Any], rows: int = BLOCK_ROWS) -> Iterator[Block]:
    """Go through PDFs (N, n_bins) in memory, or in a memory map, in blocks."""
    for start in range(0, pdf.shape[0], rows):
        part = slice(start, min(start + rows, pdf.shape[0]))
        yield part, pdf[part]


def poisson_table() -> Weights:
    """Return the inverse CDF of the Poisson distribution of mean 1 at 65536 equidistant levels, (65536,)."""
    levels = (np.arange(2**16) + 0.5) / 2**16
    return np.asarray(stats.poisson.ppf(levels, 1.0), np.float32)


def _add_histogram(total: Weights, weights: Weights, key: NDArray[np.int64], known: NDArray[np.bool_]) -> None:
    """Add each known galaxy's weights (rows, columns) to row ``key`` of ``total``."""
    members = np.flatnonzero(known)
    if not len(members):
        return
    keys, row = np.unique(key[members], return_inverse=True)
    ones = np.ones(len(members), np.float32)
    total[keys] += sparse.csr_matrix((ones, (row, members)), shape=(len(keys), len(weights))) @ weights


def _bin_of(z: ArrayLike, edges: Floats) -> NDArray[np.int64]:
    """Bin of each redshift, (N,); −1 outside the grid and where there is none."""
    values = np.asarray(z, np.float64)
    k = np.searchsorted(edges, values, side="right") - 1
    k[values == edges[-1]] = len(edges) - 2
    return np.where(np.isfinite(values) & (values >= edges[0]) & (values <= edges[-1]), k, -1)


def _bins(values: ArrayLike, edges: ArrayLike, name: str) -> tuple[NDArray[np.int64], list[str]]:
    """Bin of each value, (N,), the number of bins where it is outside all; and the bins' names."""
    array, bounds = np.asarray(values, np.float64), np.asarray(edges, np.float64)
    if len(bounds) < 2:
        return np.zeros(len(array), np.int64), []
    if not (np.diff(bounds) > 0).all():
        raise InputError(f"edges {bounds.tolist()} of the {name} bins do not increase; give them in ascending order.")
    k = np.searchsorted(bounds, array, side="right") - 1
    digits = _digits(bounds)
    names = [f"{low:.{digits}f} < {name} < {high:.{digits}f}" for low, high in pairwise(bounds)]
    outside = ~np.isfinite(array) | (k < 0) | (k >= len(names))
    return np.where(outside, len(names), k), names


def _digits(bounds: Floats) -> int:
    """Decimals that show edges as they are, three at most (quantiles have more), or as many as tell them apart."""
    for digits in (1, 2, 3):
        if np.allclose(bounds, np.round(bounds, digits), rtol=0, atol=1e-9):
            return digits
    apart = (digits for digits in range(3, 9) if (np.diff(np.round(bounds, digits)) > 0).all())
    return next(apart, 9)
