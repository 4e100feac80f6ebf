from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.files import markdown, write_comparison
from photoz_lit.evaluation.comparison.runs import Run, find_runs, read_runs
from photoz_lit.evaluation.comparison.table import baseline_method, compare, group_runs, settings_of
from photoz_lit.evaluation.predictions.table import read_predictions
from photoz_lit.evaluation.report.record import read_json
from photoz_lit.evaluation.significance.p_values import relative_gain
from tests.evaluation.comparison.conftest import row_of
from tests.evaluation.study_rows import WRITTEN


def test_one_row_per_method_and_source(table: pd.DataFrame) -> None:
    methods = ["baseline", "catalogue_forest", "early_fusion"]
    assert list(table["method"][table["source"] == "all"]) == methods
    assert list(table["source"].unique()) == ["all", "grism", "prism", "spec"]
    assert len(table) == 12
    assert (table["data"] == "simulated").all()
    assert list(table.loc[table["method"] != "catalogue_forest", "seeds"].unique()) == [5]
    assert row_of(table, "baseline")["n"] == 400


def test_seeds_are_folded_into_mean_and_spread(folder: Path, table: pd.DataFrame) -> None:
    values = [read_json(folder / "hsc6b_early_fusion" / f"seed{s}" / "metrics.json")["sigma_mad"] for s in range(5)]
    row = row_of(table, "early_fusion")
    assert row["sigma_mad"] == pytest.approx(np.mean(values))
    assert row["sigma_mad_spread"] == pytest.approx(np.std(values, ddof=1))


def test_gain_is_that_of_the_means(table: pd.DataFrame) -> None:
    base, better = row_of(table, "baseline"), row_of(table, "early_fusion")
    for name in ("sigma_mad", "eta", "crps"):
        assert better[f"gain_{name}"] == pytest.approx(relative_gain(base[name], better[name]), abs=1e-6)
    assert better["gain_sigma_mad"] > 10
    assert row_of(table, "catalogue_forest")["gain_sigma_mad"] < -10
    assert np.isnan(base["gain_sigma_mad"])


def test_p_values_stand_where_they_can(table: pd.DataFrame) -> None:
    better, forest = row_of(table, "early_fusion"), row_of(table, "catalogue_forest")
    assert better["p_galaxies_sigma_mad"] < 0.1
    assert better["p_method_sigma_mad"] < 0.05
    assert forest["p_galaxies_sigma_mad"] > 0.95
    assert np.isnan(forest["p_method_sigma_mad"])  # one seed


def test_the_table_says_of_how_many_pairs_p_galaxies_is(table: pd.DataFrame) -> None:
    better, forest = row_of(table, "early_fusion"), row_of(table, "catalogue_forest")
    assert (better["pairs"], forest["pairs"]) == (5, 1)
    names = [f"p_galaxies_sigma_mad{end}" for end in ("_lowest", "", "_highest")]
    low, mean, high = better[names]
    assert low < mean < high
    assert forest[names].nunique() == 1
    assert settings_of(table) == []
    text = markdown(table, "baseline", "")
    assert " to " in text
    assert not re.search(r"\| 0(\.0*)? \((?!0 )", text)


def test_deaths_are_counted_and_unequal_trainings_marked() -> None:
    def runs(method: str, **metrics: object) -> list[Run]:
        about = {"sigma_mad": 0.02, "eta": 0.1, "bias": 0.0, "n_test": 9, "data": "simulated"}
        return [Run(method, "sdss", seed, {**about, **metrics}) for seed in range(2)]

    usual = {"n_train": 1000, "train_images": 2000, "restarts": 0, "dead_networks": 0}
    table = compare(
        [
            *runs("baseline", **usual),
            *runs("alike", **usual, recipe="published"),
            *runs("longer", **{**usual, "train_images": 4000, "restarts": 1, "dead_networks": 1}),
            *runs("fewer", **{**usual, "n_train": 500, "train_images": 1000}, recipe="fast", tta=8),
            *runs("catalogue_forest", n_train=1000),
        ]
    ).set_index("method")
    assert table.loc["baseline", ["died", "restarts"]].tolist() == [0, 0]
    assert table.loc["longer", ["died", "restarts"]].tolist() == [4, 2]
    assert table.loc["catalogue_forest", ["died", "restarts"]].isna().all()
    assert table["unequal"].to_dict() == {
        "baseline": "",
        "alike": "",
        "longer": "epochs 4 (baseline 2); images 4,000 (baseline 2,000)",
        "fewer": "galaxies 500 (baseline 1,000); images 1,000 (baseline 2,000); recipe fast (baseline published);"
        " tta 8 (baseline 1)",
        "catalogue_forest": "",
    }
    text = markdown(table.reset_index(), "baseline", "")
    assert "| trained unequally |" in text
    assert "| died | restarts |" in text


def test_galaxies_are_paired_by_id(folder: Path, table: pd.DataFrame, tmp_path: Path) -> None:
    shuffled = tmp_path / "runs"
    shutil.copytree(folder, shuffled)
    for path in shuffled.glob("*/*/predictions.parquet"):
        read_predictions(path).sample(frac=1, random_state=1).to_parquet(path)
    again = compare(read_runs(find_runs(shuffled)), draws=300)
    names = [f"gain_{name}" for name in ("sigma_mad", "eta", "bias", "crps")]
    pd.testing.assert_frame_equal(again[names], table[names])


def test_runs_on_other_labels_are_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "runs")
    path = tmp_path / "runs" / "hsc6b_baseline" / "seed3" / "predictions.parquet"
    read_predictions(path).assign(z=0.5).to_parquet(path)
    with pytest.raises(InputError, match="labels differ"):
        compare(read_runs(find_runs(tmp_path / "runs")), draws=10)


def test_the_baseline_is_found_by_name_path_or_habit(folder: Path) -> None:
    groups = group_runs(read_runs(find_runs(folder)))
    assert baseline_method(groups, None) == "baseline"
    assert baseline_method(groups, "early_fusion") == "early_fusion"
    assert baseline_method(groups, str(folder / "hsc6b_early_fusion" / "seed3")) == "early_fusion"
    with pytest.raises(InputError, match="did you mean 'baseline'"):
        baseline_method(groups, "baselin")
    with pytest.raises(InputError, match="baseline=<method>"):
        baseline_method([g for g in groups if g.method == "early_fusion"], None)


def test_files(folder: Path, table: pd.DataFrame, tmp_path: Path) -> None:
    written = write_comparison(table, tmp_path / "out", "baseline", "Gain by survey")
    assert [path.name for path in written] == [*WRITTEN]
    read = pd.read_csv(written[1], dtype={"unequal": str}).fillna({"unequal": ""})
    pd.testing.assert_frame_equal(read, table.reset_index(drop=True), check_dtype=False)
    text = written[0].read_text()
    assert text.startswith("# Gain by survey")
    assert "Data: **simulated**" in text
    lines = [line for line in text.splitlines() if line.startswith("| hsc6b | all | early_fusion")]
    assert f"{1e3 * row_of(table, 'early_fusion')['sigma_mad']:.2f} ±" in lines[0]
    assert "| HSC-6b | published | multimodal | 46,800 | 8.87 | 1.20 | 1.63 |" in text
