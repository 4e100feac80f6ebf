"""Is one method better than another? Relative gains and the two p-values that stand beside them.

The gain of a metric is G = (|B| − |M|) / max(|B|, |M|) · 100 %, of the baseline B and the method M; positive is better
(it fits 20 of the 21 gains printed in the source document). Every p-value is one-sided: the share of resamples in
which the gain is ≤ 0. Small says that M is better; near 1 that B is.

``p_galaxies`` is a paired bootstrap over galaxies: both networks meet the same resampled galaxies. It judges one pair
of trained networks; with several seeds it is the mean over the pairs (first seed with first seed, and so on).

``p_method`` is a two-level bootstrap: training seeds of each method are drawn with replacement, then galaxies, the same
for all networks. A method's metric is the mean over its seeds of |metric|. Drawing S seeds out of S underestimates
their scatter by √((S − 1)/S), so the drawn means are spread by √(S/(S − 1)) around the mean of all. It judges the
method, beyond the networks that happen to be trained, and needs five seeds of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.binned_bootstrap import binned_metrics
from photoz_lit.evaluation.bootstrap import METRICS, Resampler, Residuals, bootstrap_counts

Floats = NDArray[np.float64]
Metrics = dict[str, Floats]

DRAWS = 10_000
BINNED_ABOVE = 100_000  # galaxies; above, the bootstrap works on binned residuals
MINIMUM_SEEDS = 5
SEED_DRAWS = 5  # draws of seeds per draw of galaxies, which is the dearer of the two


@dataclass(frozen=True)
class Significance:
    """Outcome of a bootstrap.

    Attributes
    ----------
    p : metric -> share of resamples with a gain ≤ 0; NaN where a metric does not exist.
    gain_spread : metric -> standard deviation of the resampled gains [%].
    draws : number of resamples.
    """

    p: dict[str, float]
    gain_spread: dict[str, float]
    draws: int


def relative_gain(baseline: float | Floats, method: float | Floats) -> Floats:
    """Return G = (|B| − |M|) / max(|B|, |M|) · 100 [%]; 0 where both are zero."""
    b, m = np.abs(np.asarray(baseline, np.float64)), np.abs(np.asarray(method, np.float64))
    larger = np.maximum(b, m)
    return np.asarray(100 * (b - m) / np.where(larger > 0, larger, 1))


def p_galaxies(
    baseline: Residuals, method: Residuals, draws: int = DRAWS, seed: int = 0, binned: bool | None = None
) -> Significance:
    """Compare trained networks by a paired bootstrap over galaxies.

    Parameters
    ----------
    baseline, method : residuals of the same galaxies in the same order; networks are paired by their order.
    draws : resamples.
    seed : of the resampling.
    binned : use the binned bootstrap; by default above 100 000 galaxies.
    """
    _same_galaxies(baseline, method)
    random = np.random.default_rng(seed)
    pairs = min(baseline.n_seeds, method.n_seeds)
    if baseline.n_galaxies > BINNED_ABOVE if binned is None else binned:
        per_pair = []
        for k in range(pairs):
            blocks = binned_metrics(baseline.one(k), method.one(k), draws, random)
            per_pair.append(_joined(_pair_gains(b, m, 1) for b, m in blocks))
        return _outcome({name: np.concatenate([gains[name] for gains in per_pair], axis=1) for name in METRICS})
    return _outcome(_joined(_pair_gains(b, m, pairs) for b, m in _exact(baseline, method, draws, random)))


def p_method(baseline: Residuals, method: Residuals, draws: int = DRAWS, seed: int = 0) -> Significance:
    """Compare methods by a two-level bootstrap, over training seeds and then galaxies.

    Parameters
    ----------
    baseline, method : residuals of the same galaxies in the same order, each of at least five training seeds.
    draws : resamples; galaxies are drawn ``draws / 5`` times and seeds five times for each.
    seed : of the resampling.

    Raises
    ------
    InputError : fewer than five seeds of one of them.
    """
    _same_galaxies(baseline, method)
    fewest = min(baseline.n_seeds, method.n_seeds)
    if fewest < MINIMUM_SEEDS:
        raise InputError(f"p_method needs {MINIMUM_SEEDS} training seeds of each method, not {fewest}; run more seeds.")
    random = np.random.default_rng(seed)
    blocks = _exact(baseline, method, max(1, draws // SEED_DRAWS), random)
    return _outcome(_joined(_seed_gains(b, m, random) for b, m in blocks))


def _pair_gains(b: Metrics, m: Metrics, pairs: int) -> Metrics:
    """Gain of each pair of networks, name -> (draws, pairs)."""
    return {name: relative_gain(b[name][:, :pairs], m[name][:, :pairs]) for name in METRICS}


def _seed_gains(b: Metrics, m: Metrics, random: np.random.Generator) -> Metrics:
    """Gain of the methods on resampled seeds, name -> (draws · SEED_DRAWS, 1)."""
    chosen = [_drawn_seeds(side["eta"].shape[1], len(side["eta"]), random) for side in (b, m)]
    gains = {}
    for name in METRICS:
        # |bias| of each network: a method whose networks err to both sides is no better for it
        means = [_spread_means(np.abs(side[name]), weight) for side, weight in zip((b, m), chosen, strict=True)]
        gains[name] = relative_gain(*means).reshape(-1, 1)
    return gains


def _joined(blocks: Iterable[Metrics]) -> Metrics:
    """Blocks of draws below each other."""
    parts = list(blocks)
    return {name: np.concatenate([part[name] for part in parts]) for name in METRICS}


def _exact(
    baseline: Residuals, method: Residuals, draws: int, random: np.random.Generator
) -> Iterator[tuple[Metrics, Metrics]]:
    """Resampled metrics of both methods on the same resampled galaxies, block by block."""
    sides = Resampler(baseline), Resampler(method)
    for counts in bootstrap_counts(baseline.n_galaxies, draws, random):
        yield sides[0].metrics(counts), sides[1].metrics(counts)


def _drawn_seeds(n_seeds: int, draws: int, random: np.random.Generator) -> Floats:
    """Weight of each seed in a resample of the seeds, (draws, SEED_DRAWS, n_seeds), rows summing to 1."""
    chosen = random.integers(0, n_seeds, (draws, SEED_DRAWS, n_seeds))
    return np.asarray((chosen[..., None] == np.arange(n_seeds)).sum(axis=2) / n_seeds)


def _spread_means(values: Floats, weights: Floats) -> Floats:
    """Means over resampled seeds, (draws, SEED_DRAWS), of values (draws, n_seeds), spread by √(S/(S − 1))."""
    n_seeds = values.shape[1]
    everyone = values.mean(axis=1)[:, None]
    drawn = np.einsum("ds,drs->dr", values, weights)
    return np.asarray(everyone + np.sqrt(n_seeds / (n_seeds - 1)) * (drawn - everyone))


def _outcome(gains: Metrics) -> Significance:
    """P-values and spreads of gains (draws, pairs), the mean over pairs."""
    p, spread = {}, {}
    for name, values in gains.items():
        exists = bool(np.isfinite(values).all())
        p[name] = float(np.mean(values <= 0)) if exists else float("nan")
        spread[name] = float(values.std(axis=0).mean()) if exists else float("nan")
    return Significance(p, spread, len(next(iter(gains.values()))))


def _same_galaxies(baseline: Residuals, method: Residuals) -> None:
    if baseline.n_galaxies != method.n_galaxies:
        raise InputError(
            f"the baseline has {baseline.n_galaxies} galaxies, the other {method.n_galaxies}; pair the same galaxies."
        )
