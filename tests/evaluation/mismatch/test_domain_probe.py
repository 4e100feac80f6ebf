from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import norm

from photoz_lit.errors import InputError
from photoz_lit.evaluation.mismatch.domain_probe import domain_probe
from photoz_lit.evaluation.mismatch.magnitude_match import matched_rows


def test_shifted_gaussians_have_the_known_area() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(size=(4000, 6)), random.normal(size=(4000, 6))
    b[:, 2] += 1.0
    result = domain_probe(100 + 5 * a, 100 + 5 * b)
    assert result.auc == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.015)
    assert result.accuracy == pytest.approx(norm.cdf(0.5), abs=0.015)
    assert result.a_distance == pytest.approx(2 * (2 * result.accuracy - 1))


def test_one_population_is_a_coin_also_with_unequal_numbers() -> None:
    random = np.random.default_rng(2)
    for n, m in ((1000, 1000), (3000, 300)):
        result = domain_probe(random.normal(size=(n, 50)), random.normal(size=(m, 50)))
        assert result.auc == pytest.approx(0.5, abs=0.05)
        assert abs(result.a_distance) < 0.2


def test_quick_and_deterministic() -> None:
    random = np.random.default_rng(3)
    a = np.maximum(random.normal(size=(2000, 256)) @ random.normal(size=(256, 256)), 0)
    b = np.maximum(random.normal(0.03, 1, size=(2000, 256)) @ random.normal(size=(256, 256)), 0)
    start = time.monotonic()
    first = domain_probe(a, b, seed=4)
    assert time.monotonic() - start < 3  # below 1 s on an idle core
    assert first == domain_probe(a, b, seed=4)
    assert domain_probe(np.ones((20, 3)), np.ones((20, 3))).auc == 0.5


def test_bad_features() -> None:
    good = np.zeros((20, 3))
    for other, sentence in (
        (np.zeros((20, 2)), "3 and 2 features"),
        (np.zeros((9, 3)), "9 galaxies"),
        (np.full((20, 3), np.nan), "not finite in row 0"),
        (np.zeros(20), "shape"),
    ):
        with pytest.raises(InputError, match=sentence):
            domain_probe(good, other)


def test_matched_magnitudes_have_one_distribution() -> None:
    random = np.random.default_rng(5)
    a, b = random.normal(22, 1, 3000), np.append(random.normal(23, 1, 2000), np.nan)
    rows_a, rows_b = matched_rows(a, b, seed=1)
    assert len(rows_a) == len(rows_b) > 500
    assert len(np.unique(rows_a)) == len(rows_a)
    bins = np.arange(15, 30, 0.1)
    assert np.array_equal(np.histogram(a[rows_a] + 1e-9, bins)[0], np.histogram(b[rows_b] + 1e-9, bins)[0])
    assert a[rows_a].mean() == pytest.approx(b[rows_b].mean(), abs=0.02)
    assert all(np.array_equal(x, y) for x, y in zip(matched_rows(a, b, seed=1), (rows_a, rows_b), strict=True))
    with pytest.raises(InputError, match=r"first from 20\.00 to 20\.00 and deep from 25\.00"):
        matched_rows([20.0], [25.0], names=("first", "deep"))
    with pytest.raises(InputError, match="second has no galaxy with a magnitude"):
        matched_rows([20.0], [np.nan])
