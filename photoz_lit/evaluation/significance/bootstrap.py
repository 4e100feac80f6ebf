"""Bootstrap of the metrics over galaxies, galaxy by galaxy: exact, and fast enough for 100 000 of them.

A draw is a multinomial resample of the N galaxies, kept as how often each was drawn. Means are then matrix products,
and σ_MAD comes from those counts along the residuals sorted once (``weighted_mad``): no draw is ever sorted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.point import outlier_fraction, sigma_mad
from photoz_lit.evaluation.significance.weighted_mad import WeightedMAD

Floats = NDArray[np.float64]
Counts = NDArray[np.float32]

METRICS = ("sigma_mad", "eta", "bias", "crps")
BLOCK_VALUES = 4_000_000  # counts held at once: 16 MB


@dataclass(frozen=True)
class Residuals:
    """What the networks of one method did on the same galaxies.

    Attributes
    ----------
    delta : Δz, (seeds, N), one row per trained network.
    crps : CRPS of each galaxy [redshift], (seeds, N); NaN where a method has no PDFs.
    threshold : |Δz| from which a galaxy is an outlier.
    """

    delta: Floats
    crps: Floats
    threshold: float

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
        return Residuals(self.delta[seed : seed + 1], self.crps[seed : seed + 1], self.threshold)

    def metrics(self) -> dict[str, Floats]:
        """Return each metric of each network on all galaxies: name -> (seeds,)."""
        return {
            "sigma_mad": np.array([sigma_mad(delta) for delta in self.delta]),
            "eta": np.array([outlier_fraction(delta, self.threshold) for delta in self.delta]),
            "bias": self.delta.mean(axis=1),
            "crps": self.crps.mean(axis=1),
        }


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
        values = [np.abs(residuals.delta) >= residuals.threshold, residuals.delta, residuals.crps]
        stacked = np.concatenate(values, axis=0).astype(np.float64)
        # means are taken around the sample's own, so that float32 products lose nothing that matters; outliers are
        # counted, in whole numbers, so that a tie between two networks stays a tie
        self.middle = stacked.mean(axis=1)
        self.middle[: residuals.n_seeds] = 0
        self.centred = np.ascontiguousarray((stacked - self.middle[:, None]).T, np.float32)
        self.n_seeds = residuals.n_seeds

    def metrics(self, counts: Counts) -> dict[str, Floats]:
        """Return ``sigma_mad``, ``eta``, ``bias`` (signed) and ``crps`` -> (draws, seeds) of counts (draws, N)."""
        total = counts.sum(axis=1, keepdims=True, dtype=np.float64)
        means = self.middle + (counts @ self.centred).astype(np.float64) / total
        eta, bias, crps = np.split(means, 3, axis=1)
        widths = np.stack([mad.sigma_mad(counts) for mad in self.mads], axis=1)
        return {"sigma_mad": widths, "eta": eta, "bias": bias, "crps": crps}
