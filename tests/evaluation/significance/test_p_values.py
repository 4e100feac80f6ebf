from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from photoz_lit.errors import InputError
from photoz_lit.evaluation.significance.bootstrap import METRICS, Residuals
from photoz_lit.evaluation.significance.p_values import p_galaxies, p_method, relative_gain


def networks(
    n: int, seeds: range | list[int], sigma: float = 0.02, seed_scatter: float = 0.03, shared: float = 0.7
) -> Residuals:
    """Networks whose residuals share a part (hard galaxies are hard for all) and whose quality depends on the seed."""
    common = np.random.default_rng(99).standard_t(3, n)
    rows = []
    for seed in seeds:
        random = np.random.default_rng(1000 + seed)
        quality = sigma * (1 + seed_scatter * random.normal())
        own = random.standard_t(3, n)
        rows.append(quality * (shared * common + np.sqrt(1 - shared**2) * own) + 0.02 * sigma * random.normal())
    delta = np.stack(rows)
    return Residuals(delta, 0.5 * np.abs(delta), 0.15)


def test_gain_is_the_formula_and_fits_the_printed_ones() -> None:
    assert relative_gain(0.22, 0.29) == pytest.approx(-24.1, abs=0.1)  # CFHTLS bias, printed −24.05
    assert relative_gain(7.99, 7.85) == pytest.approx(1.75, abs=0.02)  # SDSS σ, printed 1.74
    assert relative_gain(-2.0, 1.0) == 50.0  # signs do not count
    assert relative_gain(0.0, 0.0) == 0.0


def test_p_galaxies_of_the_mean_agrees_with_a_paired_t_test() -> None:
    b, m = networks(3000, [1], 0.02), networks(3000, [2], 0.02)
    crps_difference = (b.crps - m.crps)[0]
    known = stats.ttest_1samp(crps_difference, 0, alternative="greater").pvalue
    assert 0.01 < known < 0.99
    assert p_galaxies(b, m, 8000).p["crps"] == pytest.approx(known, abs=0.02)


def test_p_galaxies_agrees_with_a_plain_bootstrap() -> None:
    b, m = networks(500, [1], 0.02), networks(500, [2], 0.0194)
    random = np.random.default_rng(5)
    worse = 0
    for _ in range(2000):
        rows = random.integers(0, 500, 500)
        widths = [stats.median_abs_deviation(side.delta[0][rows]) for side in (b, m)]
        worse += widths[0] - widths[1] <= 0
    assert p_galaxies(b, m, 8000).p["sigma_mad"] == pytest.approx(worse / 2000, abs=0.035)


def test_sure_things_and_ties() -> None:
    b, m = networks(2000, [1], 0.02), networks(2000, [1], 0.015)
    assert p_galaxies(b, m, 500).p["sigma_mad"] == 1 / 501  # what 500 resamples can resolve, never 0
    assert p_galaxies(m, b, 500).p["sigma_mad"] == 1
    assert p_galaxies(b, b, 500).p == dict.fromkeys(METRICS, 1.0)  # no gain is no gain


def test_networks_that_differ_by_rounding_are_tied() -> None:
    b = networks(2000, range(3), 0.02)
    delta = b.delta + np.random.default_rng(0).normal(0, 1e-8, b.delta.shape)
    again = Residuals(delta, 0.5 * np.abs(delta), 0.15)
    for side, other in ((b, again), (again, b), (b, b)):
        assert p_galaxies(side, other, 500).p == dict.fromkeys(METRICS, 1.0)
        assert all(p > 0.99 for p in p_method(side, other, 500).p.values())


def test_p_galaxies_says_of_how_many_pairs_it_is_and_their_range() -> None:
    b, m = networks(800, range(3)), networks(800, range(10, 14))
    outcome = p_galaxies(b, m, 400)
    single = [p_galaxies(b.one(k), m.one(k), 400).p["sigma_mad"] for k in range(3)]
    assert outcome.pairs == 3
    assert outcome.p["sigma_mad"] == pytest.approx(np.mean(single))
    assert outcome.p_lowest["sigma_mad"] == min(single)
    assert outcome.p_highest["sigma_mad"] == max(single)


def test_same_seed_same_p() -> None:
    b, m = networks(300, [1]), networks(300, [2])
    assert p_galaxies(b, m, 300, seed=4) == p_galaxies(b, m, 300, seed=4)


def test_missing_crps_gives_no_p() -> None:
    b = networks(300, [1])
    blind = Residuals(b.delta, np.full_like(b.crps, np.nan), 0.15)
    outcome = p_galaxies(b, blind, 200)
    assert np.isnan(outcome.p["crps"])
    assert outcome.p["eta"] == 1.0


def test_binned_bootstrap_agrees_with_galaxies() -> None:
    n = 12_000
    b, m = networks(n, [1], 0.02), networks(n, [2], 0.0199)
    exact, binned = p_galaxies(b, m, 3000, binned=False), p_galaxies(b, m, 3000, seed=1, binned=True)
    for name in METRICS:  # 3000 draws: spreads are known to 1.3 % each, a p of 0.5 to 0.009
        assert binned.gain_spread[name] == pytest.approx(exact.gain_spread[name], rel=0.05), name
        assert binned.p[name] == pytest.approx(exact.p[name], abs=0.05), name


@pytest.mark.long
def test_binned_bootstrap_agrees_to_one_percent() -> None:
    n = 120_000
    b, m = networks(n, [1], 0.02), networks(n, [2], 0.0199)
    exact, binned = p_galaxies(b, m, 40_000, binned=False), p_galaxies(b, m, 40_000, seed=1, binned=True)
    for name in METRICS:  # 40 000 draws: spreads are known to 0.35 % each
        assert binned.gain_spread[name] == pytest.approx(exact.gain_spread[name], rel=0.01 + 0.01), name
        assert binned.p[name] == pytest.approx(exact.p[name], abs=0.01), name


@pytest.mark.long
def test_speed_of_100_000_galaxies() -> None:
    b, m = networks(100_000, [1], 0.02), networks(100_000, [2], 0.0199)
    start = time.process_time()
    p_galaxies(b, m, 10_000)
    assert time.process_time() - start < 60


def test_p_method_needs_three_seeds() -> None:
    with pytest.raises(InputError, match="needs 3 training seeds of each method, not 2"):
        p_method(networks(100, range(5)), networks(100, range(2)))


def test_p_method_finds_a_better_method_but_no_lucky_one() -> None:
    base = networks(1500, range(5), 0.02)
    better = p_method(base, networks(1500, range(10, 15), 0.018), 2000)
    assert better.p["sigma_mad"] < 0.01
    assert p_method(base, networks(1500, range(10, 15), 0.024), 2000).p["sigma_mad"] > 0.99
    # one lucky network among five of the same method proves nothing, however many galaxies there are
    lucky = networks(1500, range(10, 15), 0.02)
    lucky.delta[0] *= 0.5
    assert p_method(base, lucky, 2000).p["sigma_mad"] > 0.02


def test_p_method_of_seeds_that_scatter_is_a_t_test() -> None:
    """Residuals that are multiples of one list leave no scatter but the seeds'."""
    common = np.random.default_rng(3).standard_t(3, 500)
    widths = {"b": [2.0, 2.1, 1.9, 2.05, 2.2], "m": [1.9, 1.8, 1.95, 2.0, 1.85]}
    b, m = (Residuals(np.outer(w, common), np.outer(w, np.abs(common)), 1e3) for w in widths.values())
    paired = stats.ttest_1samp(np.subtract(*widths.values()), 0, alternative="greater").pvalue
    outcome = p_method(b, m, 2000)
    assert outcome.p["sigma_mad"] == pytest.approx(paired, rel=0.05)  # galaxies move both alike, a little
    fewer = Residuals(m.delta[:4], m.crps[:4], 1e3)
    scatter = np.sqrt(np.var(widths["b"], ddof=1) / 5 + np.var(widths["m"][:4], ddof=1) / 4)
    apart = stats.t.sf((np.mean(widths["b"]) - np.mean(widths["m"][:4])) / scatter, 3)
    assert p_method(b, fewer, 2000).p["sigma_mad"] == pytest.approx(apart, rel=0.05)


def test_p_method_is_never_below_what_the_resampling_resolves() -> None:
    base, better = networks(300, range(5), 0.02, 1e-6), networks(300, range(5), 0.002, 1e-6)
    assert p_method(base, better, 99).p["sigma_mad"] == 0.01
    assert p_method(better, base, 99).p["sigma_mad"] > 0.99


def null_of_methods(seeds: int, trials: int, n: int = 120, draws: int = 150) -> np.ndarray:
    """p_method (trials, metrics) of a method against itself with other seeds, on galaxies that all share."""
    random = np.random.default_rng(seeds)
    found = []
    for trial in range(trials):
        common, sides = random.standard_t(3, n), []
        for _ in range(2):
            quality = 0.02 * (1 + 0.1 * random.normal(size=(seeds, 1)))
            own = random.standard_t(3, (seeds, n))
            delta = quality * (0.7 * common + np.sqrt(1 - 0.7**2) * own) + 0.01 * random.normal(size=(seeds, 1))
            sides.append(Residuals(delta, 0.5 * np.abs(delta), 0.05))
        outcome = p_method(*sides, draws=draws, seed=trial)
        found.append([outcome.p[name] for name in METRICS])
    return np.array(found)


@pytest.mark.parametrize("seeds", [3, *(pytest.param(n, marks=pytest.mark.long) for n in (4, 5))])
def test_calibration_of_p_method(seeds: int) -> None:
    """Of a true null p < 0.05 in 5 % of trials and p < 0.01 in 1 %, for each metric within its counting error."""
    p = null_of_methods(seeds, 200)
    for level in (0.05, 0.01):
        rejected = (p < level).sum(axis=0)
        allowed = stats.binom.ppf([5e-4, 1 - 5e-4], 200, level)
        assert (rejected <= allowed[1]).all(), (level, rejected)
        # of all metrics together not far fewer either: a test that never rejects is no test
        assert rejected.sum() >= 0.4 * level * p.size, (level, rejected)


@pytest.mark.long
@pytest.mark.parametrize("seeds", [3, 5])
def test_calibration_of_p_method_in_its_tail(seeds: int) -> None:
    trials = 4000
    p = null_of_methods(seeds, trials, n=60, draws=1500)
    for level in (0.05, 0.01, 0.001):
        rejected = (p < level).sum(axis=0)
        allowed = stats.binom.ppf([5e-4, 1 - 5e-4], trials, level)
        assert (rejected <= allowed[1]).all(), (level, rejected)
        assert rejected.sum() >= 0.4 * level * p.size, (level, rejected)


def test_different_galaxies_are_refused() -> None:
    with pytest.raises(InputError, match="pair the same galaxies"):
        p_galaxies(networks(100, [1]), networks(99, [1]))
