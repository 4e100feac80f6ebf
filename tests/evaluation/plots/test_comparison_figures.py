from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import BarContainer

from photoz_lit.evaluation.comparison.files import write_comparison
from photoz_lit.evaluation.comparison.published import beside_published
from photoz_lit.evaluation.comparison.runs import rows_as_runs
from photoz_lit.evaluation.comparison.table import compare, settings_of
from photoz_lit.evaluation.plots.cost import cost_figure, rows_with_costs
from photoz_lit.evaluation.plots.modalities import are_modalities, modality_figure
from photoz_lit.evaluation.plots.published import published_figure
from photoz_lit.evaluation.plots.sweep import sweep_figure, swept_setting
from tests.evaluation.study_rows import WRITTEN, rows


def test_one_swept_setting_is_drawn_over_its_values(tmp_path: Path) -> None:
    two_values = compare(rows_as_runs({"swept": ["depth"], "rows": rows(with_depth=True)}))
    assert swept_setting(two_values, ["depth"]) is None
    deeper = [row | {"depth": 2.0} for row in rows()]
    wide = [row | {"method": "wide", "sigma_mad": 0.015} for row in rows() if row["method"] == "baseline"]
    table = compare(rows_as_runs({"swept": ["depth"], "rows": [*rows(with_depth=True), *deeper, *wide]}))
    assert swept_setting(table, settings_of(table)) == "depth"
    upper, lower = sweep_figure(table, "baseline", "depth").axes
    drawn = {str(bars.get_label()): np.asarray(bars.lines[0].get_xydata(), float) for bars in upper.containers}
    assert list(drawn) == ["baseline", "multimodal"]  # wide has no depth: a line
    np.testing.assert_allclose(drawn["multimodal"], [[0.5, 9], [1, 18], [2, 18]])
    assert [line.get_ydata() for line in upper.lines if line.get_label() == "wide"] == [[pytest.approx(15)] * 2]
    gains = table[table["method"] == "multimodal"]["gain_sigma_mad"]
    np.testing.assert_allclose(np.asarray(lower.containers[0].lines[0].get_ydata(), float), gains)
    assert [tick.get_text() for tick in lower.get_xticklabels()] == ["0.5", "1", "2"]
    assert lower.get_xscale() == "linear"
    longer = [row | {"depth": 5.0} for row in rows()]
    far = compare(rows_as_runs({"swept": ["depth"], "rows": [*rows(with_depth=True), *deeper, *longer]}))
    below = sweep_figure(far, "baseline", "depth").axes[1]
    assert below.get_xscale() == "log"
    assert [tick.get_text() for tick in below.get_xticklabels()] == ["0.5", "1", "2", "5"]
    names = [path.name for path in write_comparison(table, tmp_path, "baseline")]
    assert names == [*WRITTEN, "sweep.png"]


def test_networks_of_several_costs_are_drawn_over_their_operations(tmp_path: Path) -> None:
    def at(depth: float, gflop: float) -> list[dict[str, object]]:
        return [row | {"depth": depth, "gflop_per_image": gflop} for row in rows()]

    one_cost = compare(rows_as_runs({"swept": ["depth"], "rows": [*at(0.5, 0.2), *at(1, 0.2)]}))
    assert not len(rows_with_costs(one_cost))
    table = compare(rows_as_runs({"swept": ["depth"], "rows": [*at(0.5, 0.1), *at(1, 0.2), *at(2, 0.8)]}))
    assert len(rows_with_costs(table)) == 6
    (axis,) = cost_figure(table, "baseline").axes
    drawn = {str(bars.get_label()): np.asarray(bars.lines[0].get_xydata(), float) for bars in axis.containers}
    np.testing.assert_allclose(drawn["multimodal"], [[0.1, 18], [0.2, 18], [0.8, 18]])
    assert axis.get_xscale() == "log"
    assert [note.get_text() for note in axis.texts] == ["0.5", "1", "2"] * 2
    narrow = compare(rows_as_runs({"swept": ["depth"], "rows": [*at(0.5, 0.1), *at(1, 0.2)]}))
    assert cost_figure(narrow, "baseline").axes[0].get_xscale() == "linear"
    assert [path.name for path in write_comparison(table, tmp_path, "baseline")][-1] == "cost.png"
    assert not len(rows_with_costs(table.drop(columns="gflop_per_image")))


def test_kept_and_dropped_modalities_are_drawn_apart(tmp_path: Path) -> None:
    sigmas = {"all": 0.02, "without u_g": 0.03, "without g_r": 0.025, "only u_g": 0.4, "only g_r": 0.2}
    base = [row for row in rows() if row["method"] == "baseline"]
    kept = [
        row | {"kept": k, "sigma_mad": s + 0.001 * int(str(row["seed"]))} for k, s in sigmas.items() for row in base
    ]
    table = compare(rows_as_runs({"rows": kept}))
    parts: list[dict[str, Any]] = [dict(row) for _, row in table.rename(columns={"method": "kept"}).iterrows()]
    for axis, heights in zip(modality_figure(parts, "simulated").axes, ([0.031, 0.026], [0.401, 0.201]), strict=True):
        assert [tick.get_text() for tick in axis.get_xticklabels()] == ["ug", "gr"]
        (bars,) = [c for c in axis.containers if isinstance(c, BarContainer)]
        np.testing.assert_allclose([bar.get_height() for bar in bars], heights)
    assert [path.name for path in write_comparison(table, tmp_path, "all")][-1] == "modalities.png"
    assert not are_modalities(["all"])
    assert not are_modalities(["all", "without u_g", "multimodal"])


def test_gains_stand_beside_the_published_ones(tmp_path: Path) -> None:
    table = compare(rows_as_runs({"rows": rows()}))
    beside = beside_published(table, "baseline")
    write_comparison(table, tmp_path, "baseline")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "published.csv"), beside, check_dtype=False)
    figure = published_figure(beside, table["data"])
    first = figure.axes[0]
    drawn = {str(bars.get_label()): np.asarray(bars.lines[0].get_xydata(), float) for bars in first.containers}
    assert list(drawn) == ["published", "ours: multimodal"]
    np.testing.assert_allclose(drawn["ours: multimodal"][:, 0], [10])
    np.testing.assert_allclose(drawn["published"][:, 0], [10.13], atol=0.3)  # HSC-9b
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["HSC-9b"]
    ours = beside[beside["who"] != "published"].iloc[1]
    error = table.set_index("method").loc["multimodal", "gain_sigma_mad_error"]
    assert ours["gain_sigma_mad_error"] == pytest.approx(error)
