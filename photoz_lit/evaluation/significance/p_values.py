"""Is one method better than another? Relative gains and the two p-values that stand beside them.

The gain of a metric is G = (|B| − |M|) / max(|B|, |M|) · 100 %, of the baseline B and the method M; positive is better
(it fits 20 of the 21 gains printed in the source document). Where more is better it is that of −B and −M, without the
bars. Every p-value is one-sided: small says that M is better; near 1 that B is. A gain below 0.01 % is a tie and no
gain, as rounding alone makes such. No p-value is below 1 / (resamples + 1), which is what the resampling can resolve.

``p_galaxies`` is a paired bootstrap over galaxies: both networks meet the same resampled galaxies, and p is the share
of resamples without a gain. It judges one pair of trained networks and says nothing of others: of two baselines that
differ in nothing but the seed, it finds up to a third "better" at 0.05. With several seeds it is the mean over the
pairs (first seed with first seed, and so on), with the range over single pairs.

``p_method`` judges the method, beyond the networks that happen to be trained, and needs three seeds of each. It is the
tail of Student's t, with S − 1 degrees of freedom as the scatter of S seeds is itself uncertain, beyond the difference
D = |B| − |M| of the means over seeds of |metric|, over its standard error. That error has two parts: the scatter of
the seeds over √S (of pairs, first seed with first seed, where both methods have as many), which holds what each network
does on these galaxies by chance; and what all networks of a method do on them alike, from a paired bootstrap over
galaxies: the variance of D minus the part that differs from network to network. Resampling five seeds as they are, in
place of the t distribution, rejects 7.2, 2.8 and 1.1 % of a true null at 0.05, 0.01 and 0.001.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from photoz_lit.errors import InputError
from photoz_lit.evaluation.significance.binned_bootstrap import binned_metrics
from photoz_lit.evaluation.significance.bootstrap import Resampler, Residuals, bootstrap_counts
from photoz_lit.metric import metric

Floats = NDArray[np.float64]
Metrics = dict[str, Floats]

DRAWS = 10_000
BINNED_ABOVE = 100_000  # galaxies; above, the bootstrap works on binned residuals
MINIMUM_SEEDS = 3
DRAWS_PER_VARIANCE = 5  # a variance needs fewer draws of galaxies than a share of them
TIE = 0.01  # [%] a smaller gain is none
ROUNDING = 1e-7  # nor is a smaller difference of a metric, where the metric itself is next to zero


@dataclass(frozen=True)
class Significance:
    """Outcome of a bootstrap.

    Attributes
    ----------
    p : metric -> p-value; NaN where a metric does not exist.
    gain_spread : metric -> standard deviation of the resampled gains [%].
    draws : number of resamples.
    pairs : number of pairs of networks (``p_galaxies``) or of training seeds (``p_method``).
    p_lowest, p_highest : metric -> p-value of the single pair with the lowest and the highest one.
    """

    p: dict[str, float]
    gain_spread: dict[str, float]
    draws: int
    pairs: int
    p_lowest: dict[str, float]
    p_highest: dict[str, float]


def relative_gain(baseline: float | Floats, method: float | Floats) -> Floats:
    """Return G = (|B| − |M|) / max(|B|, |M|) · 100 [%]; 0 where both are zero."""
    return gain_in_badness(np.abs(baseline), np.abs(method))


def gain_in_badness(baseline: float | Floats, method: float | Floats) -> Floats:
    """Return (B − M) / max(|B|, |M|) · 100 [%] of the :meth:`~photoz_lit.metric.Metric.badness` of a metric."""
    b, m = np.asarray(baseline, np.float64), np.asarray(method, np.float64)
    larger = np.maximum(np.abs(b), np.abs(m))
    return np.asarray(100 * (b - m) / np.where(larger > 0, larger, 1))


class Bootstrap:
    """Metrics of resampled galaxies; a method that is compared with several others is resampled once.

    Parameters
    ----------
    seed : of the resampling; the same galaxies are drawn for every method of as many galaxies.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._known: dict[str, Metrics] = {}

    def metrics(self, residuals: Residuals, draws: int) -> Metrics:
        """Resampled metrics of every network of a method, name -> (draws, seeds)."""
        content = hashlib.sha256(b"".join(values.tobytes() for values in residuals.means.values()))
        name = f"{content.hexdigest()} {residuals.delta.shape} {residuals.threshold} {[*residuals.further]}"
        if name not in self._known or len(self._known[name]["eta"]) < draws:
            resampler = Resampler(residuals)
            counts = bootstrap_counts(residuals.n_galaxies, draws, np.random.default_rng(self.seed))
            self._known[name] = _joined(resampler.metrics(some) for some in counts)
        return {metric: values[:draws] for metric, values in self._known[name].items()}


def p_galaxies(
    baseline: Residuals,
    method: Residuals,
    draws: int = DRAWS,
    seed: int = 0,
    binned: bool | None = None,
    bootstrap: Bootstrap | None = None,
) -> Significance:
    """Compare trained networks by a paired bootstrap over galaxies.

    Parameters
    ----------
    baseline, method : residuals of the same galaxies in the same order; networks are paired by their order.
    draws : resamples.
    seed : of the resampling.
    binned : use the binned bootstrap; by default above 100 000 galaxies.
    bootstrap : remembers what it has resampled already, with a fixed seed; None remembers nothing.
    """
    _same_galaxies(baseline, method)
    pairs = min(baseline.n_seeds, method.n_seeds)
    if baseline.n_galaxies > BINNED_ABOVE if binned is None else binned:
        per_pair, random = [], np.random.default_rng(seed)
        for k in range(pairs):
            blocks = binned_metrics(baseline.one(k), method.one(k), draws, random)
            per_pair.append(_joined(_pair_gains(b, m, 1) for b, m in blocks))
        return _outcome({name: np.concatenate([gains[name] for gains in per_pair], axis=1) for name in per_pair[0]})
    resampled = bootstrap or Bootstrap(seed)
    return _outcome(_pair_gains(resampled.metrics(baseline, draws), resampled.metrics(method, draws), pairs))


def p_method(
    baseline: Residuals, method: Residuals, draws: int = DRAWS, seed: int = 0, bootstrap: Bootstrap | None = None
) -> Significance:
    """Compare methods by the scatter of their training seeds and of the galaxies.

    Parameters
    ----------
    baseline, method : residuals of the same galaxies in the same order, each of at least three training seeds; where
        both have as many, networks are paired by their order.
    draws : the floor of p is 1 / (draws + 1); galaxies are drawn ``draws / 5`` times, enough for a variance.
    seed : of the resampling.
    bootstrap : as for :func:`p_galaxies`.

    Raises
    ------
    InputError : fewer than three seeds of one of them.
    """
    _same_galaxies(baseline, method)
    fewest = min(baseline.n_seeds, method.n_seeds)
    if fewest < MINIMUM_SEEDS:
        raise InputError(f"p_method needs {MINIMUM_SEEDS} training seeds of each method, not {fewest}; run more seeds.")
    resampled, number = bootstrap or Bootstrap(seed), max(2, draws // DRAWS_PER_VARIANCE)
    b_drawn, m_drawn = (resampled.metrics(side, number) for side in (baseline, method))
    b_known, m_known = baseline.metrics(), method.metrics()
    p, spread = {}, {}
    for name in b_known:
        # |bias| of each network: a method whose networks err to both sides is no better for it
        badness = metric(name).badness
        known = [badness(side[name]) for side in (b_known, m_known)]
        drawn = [badness(side[name]) for side in (b_drawn, m_drawn)]
        p[name] = max(_tail(known, drawn, fewest), 1 / (draws + 1))  # a NaN stays one
        spread[name] = float(gain_in_badness(drawn[0].mean(axis=1), drawn[1].mean(axis=1)).std())
    return Significance(p, spread, draws, fewest, p, p)


def _tail(known: list[Floats], drawn: list[Floats], fewest: int) -> float:
    """Tail of t beyond the difference of the means of baseline and method, (seeds,) each, resampled (draws, seeds)."""
    b, m = (float(values.mean()) for values in known)
    beyond = b - m - max(TIE / 100 * max(abs(b), abs(m)), ROUNDING)
    if len(known[0]) == len(known[1]):
        known, drawn = [known[0] - known[1]], [drawn[0] - drawn[1]]
    seeds = sum(float(values.var(ddof=1)) / len(values) for values in known)
    moved = [side - values for side, values in zip(drawn, known, strict=True)]  # by the draw of galaxies
    together = moved[0].mean(axis=1) - (moved[1].mean(axis=1) if len(moved) > 1 else 0)
    apart = sum(float(side.var(axis=1, ddof=1).mean()) / side.shape[1] for side in moved)
    error = float(np.sqrt(seeds + max(0.0, float(together.var()) - apart)))
    if error == 0:
        return float(beyond <= 0)
    return float(stats.t.sf(beyond / error, fewest - 1))


def _pair_gains(b: Metrics, m: Metrics, pairs: int) -> Metrics:
    """Gain of each pair of networks, name -> (draws, pairs); 0 where rounding could make it."""
    sides = {name: [metric(name).badness(side[name][:, :pairs]) for side in (b, m)] for name in b}
    return {
        name: np.where(np.abs(one - other) < ROUNDING, 0.0, gain_in_badness(one, other))
        for name, (one, other) in sides.items()
    }


def _joined(blocks: Iterable[Metrics]) -> Metrics:
    """Blocks of draws below each other."""
    parts = list(blocks)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _outcome(gains: Metrics) -> Significance:
    """P-values and spreads of gains (draws, pairs): the mean over pairs, and the range."""
    draws, pairs = next(iter(gains.values())).shape
    p, lowest, highest, spread = {}, {}, {}, {}
    for name, values in gains.items():
        exists = bool(np.isfinite(values).all())
        of_pair = (1 + (values <= TIE).sum(axis=0)) / (1 + draws) if exists else np.full(pairs, np.nan)
        p[name], lowest[name], highest[name] = (float(f(of_pair)) for f in (np.mean, np.min, np.max))
        spread[name] = float(values.std(axis=0).mean()) if exists else float("nan")
    return Significance(p, spread, draws, pairs, lowest, highest)


def _same_galaxies(baseline: Residuals, method: Residuals) -> None:
    if baseline.n_galaxies != method.n_galaxies:
        raise InputError(
            f"the baseline has {baseline.n_galaxies} galaxies, the other {method.n_galaxies}; pair the same galaxies."
        )
