"""How sure the differences between ways of adapting are: one two-level bootstrap, paired over seeds and galaxies.

Every resample draws training seeds and test galaxies with replacement, the same for all methods of a field, so that
what they share (an easy galaxy, a seed's shuffling) drops out of their differences. A method's metric is the mean over
its seeds, of |bias| so that opposite biases do not cancel. Drawing S seeds out of S underestimates their scatter by
√((S − 1)/S), so resampled means are spread by √(S/(S − 1)) around the mean of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photoz_lit.evaluation.comparison.paired import paired_residuals
from photoz_lit.evaluation.comparison.runs import Run
from photoz_lit.evaluation.significance.bootstrap import Resampler, bootstrap_counts

Floats = NDArray[np.float64]
NAMES = ("sigma_mad", "eta", "bias")
SEED_DRAWS = 5  # draws of seeds per draw of galaxies, which is the dearer of the two


@dataclass(frozen=True)
class Drawn:
    """A number and its resamples; sums and ratios of two keep them paired.

    Attributes
    ----------
    value : on all galaxies and seeds.
    draws : (resamples,).
    """

    value: float
    draws: Floats

    def __sub__(self, other: Drawn) -> Drawn:
        return Drawn(self.value - other.value, self.draws - other.draws)

    def __truediv__(self, other: Drawn) -> Drawn:
        with np.errstate(divide="ignore", invalid="ignore"):
            return Drawn(float(np.divide(self.value, other.value)), self.draws / other.draws)

    @property
    def error(self) -> float:
        """Standard error: half of the central 68 % of the resamples, which a ratio's far tails leave alone."""
        low, high = np.nanpercentile(self.draws, [15.865, 84.135])
        return float(0.5 * (high - low))


def paired_draws(methods: Mapping[str, Sequence[Run]], draws: int, seed: int = 0) -> dict[str, dict[str, Drawn]] | None:
    """Resample the metrics of several methods on the same seeds and galaxies.

    Parameters
    ----------
    methods : runs of each on the same test galaxies; seeds that not all of them have are left out.
    draws : resamples.
    seed : of the resampling.

    Returns
    -------
    Method -> ``sigma_mad``, ``eta``, ``bias`` (mean of |bias|); None where galaxies are missing or no seed is
    shared.

    Raises
    ------
    InputError : labels of the runs differ.
    """
    seeds = sorted(set.intersection(*({run.seed for run in runs} for runs in methods.values()))) if methods else []
    if not seeds:
        return None
    chosen = [next(run for run in runs if run.seed == k) for runs in methods.values() for k in seeds]
    pair = paired_residuals(chosen, chosen[:1])
    if pair is None:
        return None
    n_seeds, everyone = len(seeds), pair[0]
    sides = [everyone.some(slice(k, k + n_seeds)) for k in range(0, len(chosen), n_seeds)]
    resamplers = [Resampler(side) for side in sides]
    random = np.random.default_rng(seed)
    parts: list[list[dict[str, Floats]]] = [[] for _ in sides]
    for counts in bootstrap_counts(everyone.n_galaxies, max(1, draws // SEED_DRAWS), random):
        drawn = random.integers(0, n_seeds, (len(counts), SEED_DRAWS, n_seeds))
        weights = (drawn[..., None] == np.arange(n_seeds)).sum(axis=2) / n_seeds
        for part, resampler in zip(parts, resamplers, strict=True):
            metrics = resampler.metrics(counts)
            part.append({name: _means(np.abs(metrics[name]), weights).ravel() for name in NAMES})
    return {
        key: {
            name: Drawn(float(np.abs(side.metrics()[name]).mean()), np.concatenate([block[name] for block in part]))
            for name in NAMES
        }
        for key, side, part in zip(methods, sides, parts, strict=True)
    }


def _means(values: Floats, weights: Floats) -> Floats:
    """Means over resampled seeds, (draws, SEED_DRAWS), of values (draws, seeds)."""
    everyone = values.mean(axis=1)[:, None]
    n_seeds = values.shape[1]
    stretch = np.sqrt(n_seeds / (n_seeds - 1)) if n_seeds > 1 else 0.0
    return np.asarray(everyone + stretch * (np.einsum("ds,drs->dr", values, weights) - everyone))
