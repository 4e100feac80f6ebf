"""Bootstrap of the metrics of one pair of networks on very many galaxies, from binned residuals.

Both networks' residuals are sorted into bins that are narrow (24 in a window of ±5 √N ranks) where the median and the
ends of the central half lie, and wide between. A draw is a multinomial resample of the occupied pairs of bins, which
is the distribution that resampling galaxies gives to their numbers; σ_MAD follows from the two marginal histograms,
and within a bin galaxies stay where they are in the sample. η needs four cells only and is exact. For the other means
(bias, CRPS …) of more than 100 000 galaxies the central limit theorem stands in: a bivariate normal with the sample's
own covariance. The spread of gains agrees with that of the bootstrap over galaxies to 1 % (a test measures it).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from photoz_lit.evaluation.metrics.point import MAD_TO_SIGMA
from photoz_lit.evaluation.significance.bootstrap import Residuals
from photoz_lit.evaluation.significance.weighted_mad import BISECTIONS, critical_windows

Floats = NDArray[np.float64]

BINS_IN_WINDOW = 24
BLOCK_DRAWS = 500


def binned_metrics(
    baseline: Residuals, method: Residuals, draws: int, random: np.random.Generator
) -> Iterator[tuple[dict[str, Floats], dict[str, Floats]]]:
    """Yield resampled metrics of both networks, each name -> (some draws, 1), until ``draws`` are done.

    ``baseline`` and ``method`` hold one network each, on the same galaxies in the same order.
    """
    both = (baseline, method)
    sides = [_Binned(side.delta[0]) for side in both]
    cells, cell_counts = np.unique(
        sides[0].bin_of_galaxy * sides[1].n_bins + sides[1].bin_of_galaxy, return_counts=True
    )
    share = cell_counts / cell_counts.sum()
    first, second = np.divmod(cells, sides[1].n_bins)
    sums = [_summing(first, sides[0].n_bins), _summing(second, sides[1].n_bins)]
    outliers = [np.abs(side.delta[0]) >= side.threshold for side in both]
    four = np.bincount(2 * outliers[0] + outliers[1], minlength=4)
    means = [side.means for side in both]
    apart = random.spawn(1)[0]  # a further metric changes no draw of the others
    n = baseline.n_galaxies
    for start in range(0, draws, BLOCK_DRAWS):
        size = min(BLOCK_DRAWS, draws - start)
        counts = random.multinomial(n, share, size).astype(np.float64)
        sigma = [side.sigma_mad(np.asarray(counts @ matrix)) for side, matrix in zip(sides, sums, strict=True)]
        table = random.multinomial(n, four / n, size)
        eta = [(table[:, 2] + table[:, 3]) / n, (table[:, 1] + table[:, 3]) / n]
        drawn = {"sigma_mad": sigma, "eta": eta}
        for name in (one for one in means[0] if one != "eta"):
            stream = apart if name in baseline.further else random
            drawn[name] = [*_means(means[0][name][0], means[1][name][0], size, stream)]
        first, second = ({name: values[side][:, None] for name, values in drawn.items()} for side in (0, 1))
        yield first, second


class _Binned:
    """Residuals (N,) sorted into bins, and σ_MAD of a histogram over them."""

    def __init__(self, delta: Floats) -> None:
        order = np.argsort(delta, kind="stable")
        self.ordered = delta[order]
        inside = [np.linspace(low, high, BINS_IN_WINDOW + 1) for low, high in critical_windows(self.ordered)]
        edges = np.concatenate([[0], *inside, [len(delta)]]).round().astype(np.int64)
        self.rank_edges = np.unique(edges)
        self.n_bins = len(self.rank_edges) - 1
        self.bin_of_galaxy = np.empty(len(delta), np.int64)
        self.bin_of_galaxy[order] = np.repeat(np.arange(self.n_bins), np.diff(self.rank_edges))

    def sigma_mad(self, histogram: Floats) -> Floats:
        """σ_MAD (draws,) of histograms (draws, n_bins)."""
        running = np.concatenate([np.zeros((len(histogram), 1)), np.cumsum(histogram, axis=1)], axis=1)
        half = 0.5 * running[:, -1]
        centre = self._value_at(running, half)
        low, high = np.zeros(len(centre)), np.full(len(centre), self.ordered[-1] - self.ordered[0])
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            enough = self._below(running, centre + middle) - self._below(running, centre - middle) >= half
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.asarray(MAD_TO_SIGMA * high)

    def _value_at(self, running: Floats, rank: Floats) -> Floats:
        """Residual at a rank of the resample: found in the histogram, then in the sample's own order in that bin."""
        k = np.clip([np.searchsorted(r, t) - 1 for r, t in zip(running, rank, strict=True)], 0, self.n_bins - 1)
        row = np.arange(len(running))
        below, inside = running[row, k], running[row, k + 1] - running[row, k]
        fraction = (rank - below) / np.maximum(inside, 1)
        place = self.rank_edges[k] + fraction * np.diff(self.rank_edges)[k]
        return np.asarray(np.interp(place, np.arange(len(self.ordered)) + 0.5, self.ordered))

    def _below(self, running: Floats, value: Floats) -> Floats:
        """How many galaxies of the resample lie below a residual, (draws,)."""
        place = np.interp(value, self.ordered, np.arange(len(self.ordered)) + 0.5, left=0, right=len(self.ordered))
        k = np.clip(np.searchsorted(self.rank_edges, place, side="right") - 1, 0, self.n_bins - 1)
        row = np.arange(len(running))
        fraction = (place - self.rank_edges[k]) / np.diff(self.rank_edges)[k]
        return np.asarray(running[row, k] + fraction * (running[row, k + 1] - running[row, k]))


def _summing(bins: NDArray[np.int64], n_bins: int) -> sparse.csr_matrix:
    """Matrix (cells, n_bins) that adds up the cells of each bin."""
    return sparse.csr_matrix((np.ones(len(bins)), (np.arange(len(bins)), bins)), shape=(len(bins), n_bins))


def _means(a: Floats, b: Floats, draws: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Resampled means of two quantities of the same galaxies, each (draws,)."""
    covariance = np.cov(a, b, bias=True) / len(a)
    if not np.isfinite(covariance).all():
        return np.full(draws, np.nan), np.full(draws, np.nan)
    both = random.multivariate_normal([a.mean(), b.mean()], covariance, draws, method="eigh")
    return both[:, 0], both[:, 1]
