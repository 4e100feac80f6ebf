"""Bootstrap of the metrics over galaxies, galaxy by galaxy: exact, and fast enough for 100 000 of them.

A draw is a multinomial resample of the N galaxies, kept as how often each was drawn. Means are then matrix products,
and σ_MAD comes from those counts along the residuals sorted once (``weighted_mad``): no draw is ever sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.point import is_outlier, sigma_mad
from photoz_lit.evaluation.significance.weighted_mad import WeightedMAD

Floats = NDArray[np.float64]
Counts = NDArray[np.float32]

METRICS = ("sigma_mad", "eta", "bias", "crps")  # of every comparison; further ones are means over galaxies
BLOCK_VALUES = 4_000_000  # counts held at once: 16 MB


@dataclass(frozen=True)
class Residuals:
    """What the networks of one method did on the same galaxies.

    Attributes
    ----------
    delta : Δz, (seeds, N), one row per trained network.
    crps : CRPS of each galaxy [redshift], (seeds, N); NaN where a method has no PDFs.
    threshold : |Δz| from which a galaxy is an outlier.
    further : name of a metric that is a mean -> its value of each galaxy, (seeds, N); NaN where it does not exist.
    """

    delta: Floats
    crps: Floats
    threshold: float
    further: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.delta.ndim != 2 or self.delta.shape != self.crps.shape or not self.delta.size:
            raise InputError(f"Δz {self.delta.shape} and CRPS {self.crps.shape} must both be (seeds, galaxies).")
        if not np.isfinite(self.delta).all():
            raise InputError("a Δz is not finite; compare galaxies with a label and an estimate only.")

    @property
    def n_seeds(self) -> int:
        """Number of trained networks."""
        return len(self.delta)

    @property
    def n_galaxies(self) -> int:
        """Number of galaxies."""
        return int(self.delta.shape[1])

    def one(self, seed: int) -> Residuals:
        """Return the residuals of one network alone."""
        return self.some(slice(seed, seed + 1))

    def some(self, seeds: slice) -> Residuals:
        """Return the residuals of some networks."""
        further = {name: values[seeds] for name, values in self.further.items()}
        return Residuals(self.delta[seeds], self.crps[seeds], self.threshold, further)

    @property
    def means(self) -> dict[str, Floats]:
        """Metrics that are means over galaxies: name -> value of each galaxy, (seeds, N)."""
        outlier = is_outlier(self.delta, self.threshold).astype(np.float64)
        return {"eta": outlier, "bias": self.delta, "crps": self.crps, **self.further}

    def metrics(self) -> dict[str, Floats]:
        """Return each metric of each network on all galaxies: name -> (seeds,)."""
        means = {name: values.mean(axis=1) for name, values in self.means.items()}
        return {"sigma_mad": np.array([sigma_mad(delta) for delta in self.delta]), **means}


def bootstrap_counts(n: int, draws: int, random: np.random.Generator) -> Iterator[Counts]:
    """Yield how often each of n galaxies is drawn in resamples of size n, in blocks (some draws, n), float32.

    Counts and their sums are whole numbers below 2²⁴, which float32 holds exactly.
    """
    block = max(1, BLOCK_VALUES // n)
    for start in range(0, draws, block):
        counts = np.empty((min(block, draws - start), n), np.float32)
        for row in counts:
            row[:] = np.bincount(random.integers(0, n, n, dtype=np.int32), minlength=n)
        yield counts


class Resampler:
    """Metrics of resampled galaxies for the networks of one method; what does not change is computed once."""

    def __init__(self, residuals: Residuals) -> None:
        self.mads = [WeightedMAD(delta) for delta in residuals.delta]
        self.names = tuple(residuals.means)
        stacked = np.concatenate(list(residuals.means.values()), axis=0)
        # means are taken around the sample's own, so that float32 products lose nothing that matters; outliers are
        # counted, in whole numbers, so that a tie between two networks stays a tie
        self.middle = np.where((stacked == np.round(stacked)).all(axis=1), 0, stacked.mean(axis=1))
        self.centred = np.ascontiguousarray((stacked - self.middle[:, None]).T, np.float32)
        self.n_seeds = residuals.n_seeds

    def metrics(self, counts: Counts) -> dict[str, Floats]:
        """Return ``sigma_mad`` and the means (``bias`` signed) -> (draws, seeds) of counts (draws, N)."""
        total = counts.sum(axis=1, keepdims=True, dtype=np.float64)
        means = self.middle + (counts @ self.centred).astype(np.float64) / total
        widths = np.stack([mad.sigma_mad(counts) for mad in self.mads], axis=1)
        return {"sigma_mad": widths, **dict(zip(self.names, np.split(means, len(self.names), axis=1), strict=True))}
