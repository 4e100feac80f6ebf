from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from photoz_lit.errors import InputError
from photoz_lit.evaluation.bootstrap import METRICS, Residuals
from photoz_lit.evaluation.significance import p_galaxies, p_method, relative_gain


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
    assert p_galaxies(b, m, 500).p["sigma_mad"] == 0
    assert p_galaxies(m, b, 500).p["sigma_mad"] == 1
    assert p_galaxies(b, b, 500).p == dict.fromkeys(METRICS, 1.0)  # no gain is no gain


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


def test_p_method_needs_five_seeds() -> None:
    with pytest.raises(InputError, match="needs 5 training seeds of each method, not 4"):
        p_method(networks(100, range(5)), networks(100, range(4)))


def test_p_method_finds_a_better_method_but_no_lucky_one() -> None:
    base = networks(1500, range(5), 0.02)
    better = p_method(base, networks(1500, range(10, 15), 0.018), 2000)
    assert better.p["sigma_mad"] < 0.01
    assert p_method(base, networks(1500, range(10, 15), 0.024), 2000).p["sigma_mad"] > 0.99
    # one lucky network among five of the same method proves nothing, however many galaxies there are
    lucky = networks(1500, range(10, 15), 0.02)
    lucky.delta[0] *= 0.5
    assert p_method(base, lucky, 2000).p["sigma_mad"] > 0.02


def test_calibration_of_p_method() -> None:
    """A baseline against itself with other seeds: p < 0.05 in at most 10 % of splits."""
    low = []
    for split in range(40):
        seeds = np.random.default_rng(split).permutation(2000)[:10].tolist()
        outcome = p_method(networks(200, seeds[:5]), networks(200, seeds[5:]), 500, seed=split)
        low.append([outcome.p[name] < 0.05 for name in METRICS])
    assert (np.mean(low, axis=0) <= 0.10).all()
    assert np.mean(low) <= 0.08


def test_different_galaxies_are_refused() -> None:
    with pytest.raises(InputError, match="pair the same galaxies"):
        p_galaxies(networks(100, [1]), networks(99, [1]))
