"""Odds, limits beyond which a redshift is unreliable, and the metrics of the galaxies that are kept."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from photoz_lit.errors import InputError
from photoz_lit.evaluation.plots.kept import kept_figure
from photoz_lit.evaluation.reliability.kept import kept_curve
from photoz_lit.evaluation.reliability.limits import ReliabilityLimits
from photoz_lit.evaluation.reliability.odds import odds
from tests.evaluation.reliability.test_reliability import EDGES, mixture


def test_odds_are_the_probability_about_the_estimate() -> None:
    pdf = np.stack([mixture((1, 1.0, 0.2)), mixture((0.7, 0.5, 0.05), (0.3, 3.0, 0.05)), mixture((1, 0.1, 0.3))])
    found = odds(pdf, EDGES, [1.0, 0.5, 0.1], 0.15)
    whole = stats.norm.cdf(4, 0.1, 0.3) - stats.norm.cdf(0, 0.1, 0.3)
    at_the_edge = (stats.norm.cdf(0.265, 0.1, 0.3) - stats.norm.cdf(0, 0.1, 0.3)) / whole
    np.testing.assert_allclose(found, [stats.norm.cdf(1.5) * 2 - 1, 0.7, at_the_edge], atol=2e-3)


def test_few_galaxies_like_the_training_are_unreliable_and_other_ones_are(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    limits = ReliabilityLimits.of({0: random.beta(20, 1, 5000), 2: random.beta(2, 1, 5000)})
    assert limits.odds[0] == pytest.approx(stats.beta.ppf(0.02, 20, 1), abs=0.01)
    own, fold = random.beta(20, 1, 20_000), np.zeros(20_000, int)
    assert limits.unreliable(own, None, fold).mean() == pytest.approx(0.02, abs=0.005)
    both = limits.unreliable(own, random.uniform(0, 100, 20_000), fold)
    assert both.mean() == pytest.approx(1 - 0.98**2, abs=0.006)
    assert limits.unreliable(np.array([0.5, 0.5, 0.5, np.nan]), None, np.array([0, 2, -1, 0])).tolist() == [
        *(True, False, True, True)
    ]
    assert limits.unreliable(np.array([1.0, 1.0]), np.array([97.9, 98.1]), np.array([0, 0])).tolist() == [False, True]
    limits.write(tmp_path / "limits.json")
    assert ReliabilityLimits.read(tmp_path / "limits.json") == limits
    (tmp_path / "limits.json").write_text("[]")
    with pytest.raises(InputError, match=r"limits\.json cannot be read .*; run task=calibrate again"):
        ReliabilityLimits.read(tmp_path / "limits.json")


def test_the_surest_are_kept() -> None:
    z = np.full(10, 1.0)
    delta = np.array([0.5, 0.0, 0.01, -0.01, 0.02, 0.0, -0.4, 0.01, 0.0, 0.0])
    table = pd.DataFrame({"z": z, "z_phot": z + 2 * delta, "crps": np.arange(10.0)})
    order = np.where(np.abs(delta) > 0.1, 0.1, 0.9) + np.arange(10) / 1000
    curve = kept_curve(table, order, 0.15, shares=(1.0, 0.8, 0.5))
    assert curve["share"].tolist() == [0.5, 0.8, 1.0]
    assert curve["n"].tolist() == [5, 8, 10]
    assert curve["eta"].tolist() == [0.0, 0.0, 0.2]
    assert curve["cut"].tolist() == pytest.approx([0.904, 0.901, 0.1])
    kept = [9, 8, 7, 5, 4]
    assert curve["crps"][0] == pytest.approx(np.mean(kept))
    assert curve["sigma_mad"][0] == pytest.approx(stats.median_abs_deviation(delta[kept], scale=1 / 1.4826))
    assert kept_figure({"odds": curve}, "simulated").get_suptitle() == "simulated"
