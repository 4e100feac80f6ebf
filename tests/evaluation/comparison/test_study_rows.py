from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.baseline_settings import set_apart
from photoz_lit.evaluation.comparison.published import beside_published
from photoz_lit.evaluation.comparison.runs import rows_as_runs
from photoz_lit.evaluation.comparison.table import compare, label_of, settings_of
from tests.evaluation.comparison.conftest import row_of
from tests.evaluation.study_rows import rows


def test_a_network_that_two_studies_share_is_one_seed() -> None:
    once = rows_as_runs({"rows": rows()})
    pd.testing.assert_frame_equal(compare([*once, *once]), compare(once))
    other = rows_as_runs({"rows": [row | {"sigma_mad": 0.5} for row in rows()[:1]]})
    with pytest.raises(
        InputError, match=r"baseline on hsc9b has two different results of seed 0 .*one after the other"
    ):
        compare([*once, *other])


def test_rows_of_a_study_without_galaxies() -> None:
    table = compare(rows_as_runs({"rows": rows()}))
    better = row_of(table, "multimodal")
    assert better["sigma_mad"] == pytest.approx(0.018)
    assert better["sigma_mad_spread"] == pytest.approx(0.001)
    assert better["gain_sigma_mad"] == pytest.approx(10)
    assert np.isnan(better["p_galaxies_sigma_mad"])
    assert np.isnan(better["crps"])


def test_gains_are_of_the_seeds_that_both_have_with_their_standard_error() -> None:
    dead = [row | {"seed": 9, "sigma_mad": 0.9} for row in rows() if row["method"] == "baseline"][:1]
    forest = [row | {"method": "catalogue_forest", "sigma_mad": 0.01} for row in rows()[:1]]
    table = compare(rows_as_runs({"rows": [*rows(), *dead, *forest]}))
    better = row_of(table, "multimodal")
    pairs = [100 * 2 / 19, 100 * 2 / 20, 100 * 2 / 21]  # σ of baseline and multimodal: 19 and 17, 20 and 18, 21 and 19
    assert better["gain_sigma_mad"] == pytest.approx(10)
    assert better["gain_sigma_mad_error"] == pytest.approx(np.std(pairs, ddof=1) / np.sqrt(3))
    assert row_of(table, "baseline")["seeds"] == 4
    meets_all = row_of(table, "catalogue_forest")
    assert meets_all["gain_sigma_mad"] == pytest.approx(100 * (0.24 - 0.01) / 0.24)  # of one seed, and all baselines
    assert np.isnan(meets_all["gain_sigma_mad_error"])


def test_settings_of_one_method_are_compared_with_each_other() -> None:
    runs = rows_as_runs({"swept": ["depth"], "rows": rows(with_depth=True)})
    apart, name = set_apart(runs, "multimodal", {"depth": 1})
    assert name == "multimodal (depth 1)"
    table = compare(apart, name)
    gains = {(r["method"], r["depth"]): r["gain_sigma_mad"] for _, r in table.iterrows() if r["method"] != name}
    assert gains == {("multimodal", 0.5): pytest.approx(50), ("baseline", 0.5): pytest.approx(100 * 8 / 18),
                     ("baseline", 1.0): pytest.approx(-10)}  # fmt: skip
    assert row_of(table, name)["sigma_mad"] == pytest.approx(0.018)
    assert set_apart(runs, None, {}) == (runs, None)
    with pytest.raises(InputError, match=r"fit 0 of multimodal \(depth 0.5\), multimodal \(depth 1\)"):
        set_apart(runs, "multimodal", {"depth": 3})


def test_each_setting_meets_the_baseline_of_its_own() -> None:
    table = compare(rows_as_runs({"swept": ["depth"], "rows": rows(with_depth=True)}))
    better = table[table["method"] == "multimodal"]
    assert list(better["depth"]) == [0.5, 1.0]
    np.testing.assert_allclose(better["gain_sigma_mad"], [10, 10])


def test_fields_stand_in_the_order_of_the_paper_and_meet_the_baseline_of_their_settings() -> None:
    def row(field: str, method: str, sigma: float, **settings: str) -> dict[str, object]:
        return {"field": field, "method": method, "seed": 0, "sigma_mad": sigma, "data": "simulated", **settings}

    rows = [
        row("xmm_d", "baseline", 0.02),
        row("hsc9b", "baseline", 0.08, network="plain"),
        row("hsc9b", "baseline", 0.02),
        row("hsc9b", "multimodal", 0.04, network="plain"),
        row("hsc9b", "multimodal", 0.01),
        row("sdss", "baseline", 0.02),
    ]
    table = compare(rows_as_runs({"swept": ["network"], "rows": rows}))
    assert list(dict.fromkeys(table["field"])) == ["sdss", "hsc9b", "xmm_d"]
    assert list(table.loc[table["method"] == "multimodal", "gain_sigma_mad"]) == pytest.approx([50, 50])
    labels = set(beside_published(table, "baseline")["method"])
    assert labels == {"baseline", "multimodal", "baseline (network plain)", "multimodal (network plain)"}
    assert label_of(pd.Series({"method": "without g_r", "beta": 2.0}), ["beta"]) == "without g_r (beta 2)"
    assert settings_of(pd.DataFrame(columns=["method", "beta", "eta", "p_method_eta", "eta_spread"])) == ["beta"]
