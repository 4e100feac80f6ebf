from __future__ import annotations

import numpy as np
import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.point import sigma_mad
from photoz_lit.evaluation.significance import bootstrap
from photoz_lit.evaluation.significance.bootstrap import Resampler, Residuals, bootstrap_counts
from photoz_lit.evaluation.significance.weighted_mad import WeightedMAD


def drawn(values: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    """The resamples themselves."""
    return [np.repeat(values, row.astype(int)) for row in counts]


@pytest.mark.parametrize("n", [3, 20, 101, 1000, 6001])
@pytest.mark.parametrize("digits", [17, 2])
def test_sigma_mad_is_that_of_the_sorted_resample(n: int, digits: int) -> None:
    random = np.random.default_rng(n)
    delta = np.round(0.02 * random.standard_t(2, n), digits)  # two digits: ties everywhere
    counts = next(bootstrap_counts(n, 40, random))
    known = [sigma_mad(sample) for sample in drawn(delta, counts)]
    np.testing.assert_allclose(WeightedMAD(delta).sigma_mad(counts), known, atol=1e-11)


def test_a_draw_that_leaves_its_windows_is_done_again() -> None:
    random = np.random.default_rng(1)
    delta = 0.02 * random.standard_t(2, 5000)
    counts = np.zeros((2, 5000), np.float32)
    counts[0, np.argsort(delta)[-500:]] = 10  # the upper tail alone
    counts[1] = 1
    known = [sigma_mad(sample) for sample in drawn(delta, counts)]
    np.testing.assert_allclose(WeightedMAD(delta).sigma_mad(counts), known, atol=1e-11)


def test_counts_are_multinomial() -> None:
    counts = np.concatenate(list(bootstrap_counts(50, 4000, np.random.default_rng(0))))
    assert counts.shape == (4000, 50)
    np.testing.assert_array_equal(counts.sum(axis=1), 50)
    assert counts.var() == pytest.approx(1 - 1 / 50, rel=0.02)
    assert np.cov(counts[:, 0], counts[:, 1])[0, 1] == pytest.approx(-1 / 50, abs=0.05)
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.08)  # 5 σ: no galaxy is left out


def test_counts_come_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "BLOCK_VALUES", 120)
    assert [len(counts) for counts in bootstrap_counts(50, 5, np.random.default_rng(0))] == [2, 2, 1]
    assert [len(counts) for counts in bootstrap_counts(500, 2, np.random.default_rng(0))] == [1, 1]


def test_every_metric_is_that_of_the_resample() -> None:
    random = np.random.default_rng(2)
    delta, crps = 0.1 * random.standard_t(2, (2, 300)) + 0.01, random.random((2, 300))
    counts = next(bootstrap_counts(300, 25, random))
    metrics = Resampler(Residuals(delta, crps, 0.15)).metrics(counts)
    for seed in range(2):
        samples = drawn(delta[seed], counts)
        np.testing.assert_allclose(metrics["bias"][:, seed], [s.mean() for s in samples], atol=1e-7)
        # to the last digit, so that equal numbers of outliers are a tie
        np.testing.assert_array_equal(metrics["eta"][:, seed], [(np.abs(s) >= 0.15).sum() / 300 for s in samples])
        np.testing.assert_allclose(metrics["crps"][:, seed], [s.mean() for s in drawn(crps[seed], counts)], atol=1e-7)
        np.testing.assert_allclose(metrics["sigma_mad"][:, seed], [sigma_mad(s) for s in samples], atol=1e-11)


def test_residuals_are_checked() -> None:
    with pytest.raises(InputError, match="seeds, galaxies"):
        Residuals(np.zeros((2, 3)), np.zeros((1, 3)), 0.15)
    with pytest.raises(InputError, match="not finite"):
        Residuals(np.full((1, 3), np.nan), np.zeros((1, 3)), 0.15)
