from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.chosen_baseline import set_apart
from photoz_lit.evaluation.compare import baseline_method, compare, group_runs, label_of, settings_of
from photoz_lit.evaluation.comparison_files import markdown, write_comparison
from photoz_lit.evaluation.predictions import read_predictions
from photoz_lit.evaluation.published import beside_published, read_published
from photoz_lit.evaluation.report import read_json
from photoz_lit.evaluation.runs import Run, find_runs, read_runs, rows_as_runs, without_applications
from photoz_lit.evaluation.significance import relative_gain
from photoz_lit.fields import load_field
from photoz_lit.files import write_json
from tests.evaluation.mixtures import make_run
from tests.evaluation.study_rows import WRITTEN, rows

FOREST = {"network": {"name": "catalogue_forest"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seeds of a baseline, five of a better network, one forest."""
    runs = tmp_path_factory.mktemp("runs")
    for seed in range(5):
        make_run(runs / "hsc6b_baseline" / f"seed{seed}", "hsc6b_baseline", seed)
        make_run(runs / "hsc6b_early_fusion" / f"seed{seed}", "hsc6b_early_fusion", 10 + seed, scatter=0.024)
    make_run(runs / "hsc6b_baseline" / "forest", "hsc6b_baseline", 0, scatter=0.05, config=FOREST)
    return runs


@pytest.fixture(scope="module")
def table(folder: Path) -> pd.DataFrame:
    return compare(read_runs(find_runs(folder)), draws=300)


def row_of(table: pd.DataFrame, method: str, source: str = "all") -> pd.Series:  # type: ignore[type-arg]
    return table[(table["method"] == method) & (table["source"] == source)].iloc[0]


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


def test_an_applied_run_is_no_method(folder: Path, tmp_path: Path) -> None:
    own = [folder / name / "seed0" for name in ("hsc6b_baseline", "hsc6b_early_fusion")]
    applied = []
    for run in own:
        copy = shutil.copytree(run, tmp_path / run.parent.name)
        made = json.loads((copy / "provenance.json").read_text()) if (copy / "provenance.json").is_file() else {}
        (copy / "provenance.json").write_text(json.dumps({**made, "run": str(run), "drop": []}))
        metrics = read_json(copy / "metrics.json")
        write_json(copy / "metrics.json", {**metrics, "experiment": f"{run.parent.name} applied"})
        applied.append(copy)
    assert without_applications([own[0], *applied]) == ([own[0], applied[1]], [applied[0]])
    assert without_applications(applied) == (applied, [])  # of two networks on another store
    assert [run.method for run in read_runs(applied)] == ["baseline", "early_fusion"]


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


def test_settings_that_differ_make_rows_of_their_own(tmp_path: Path) -> None:
    for stage in ("early", "late"):
        for seed in range(2):
            config = {"fusion": {"name": stage}, "trainer": {"devices": seed}, "experiment": {"name": stage}}
            make_run(tmp_path / stage / str(seed), "hsc6b_multimodal", seed, n=100, config=config)
    groups = group_runs(read_runs(find_runs(tmp_path)))
    assert [(g.method, dict(g.settings), len(g.runs)) for g in groups] == [
        ("multimodal", {"fusion": "early"}, 2),
        ("multimodal", {"fusion": "late"}, 2),
    ]
    assert groups[0].label == "multimodal (fusion early)"


def test_length_of_training_simulation_and_data_tell_runs_apart(tmp_path: Path) -> None:
    def settings_of(name: str, *configs: dict[str, object]) -> list[dict[str, object]]:
        folders = [
            make_run(tmp_path / name / str(i), "hsc6b_baseline", 0, n=50, config=c) for i, c in enumerate(configs)
        ]
        if name == "store":
            for i, folder in enumerate(folders):
                made = json.loads((folder / "provenance.json").read_text())
                (folder / "provenance.json").write_text(json.dumps({**made, "data_hash": f"{i}"}))
        return [dict(run.settings) for run in read_runs(folders)]

    epochs = settings_of("epochs", *({"trainer": {"max_epochs": n, "devices": n}} for n in (6, 12)))
    assert epochs == [{"max_epochs": "6"}, {"max_epochs": "12"}]
    again = settings_of("scale", *({"scale": {"max_epochs": n}, "trainer": {"max_epochs": n}} for n in (6, 12)))
    assert again == epochs
    families = [("plain", 64, 1.0), ("pasquet", 96, 1.0), ("pasquet", 96, 0.5)]
    told = settings_of("family", *({"network": {"name": n, "dense": d, "width": w}} for n, d, w in families))
    assert told == [
        {"network": "pasquet", "width": "0.5"},
        {"network": "pasquet", "width": "1.0"},
        {"network": "plain", "width": "1.0"},
    ]
    sizes = settings_of("size", *({"simulation": {"n_galaxies": n}} for n in (4000, 20000)))
    assert sizes == [{"n_galaxies": "4000"}, {"n_galaxies": "20000"}]
    batches = settings_of("batch", *({"data": {"batch_size": n}} for n in (32, 64)))
    assert batches == [{"batch_size": "32"}, {"batch_size": "64"}]
    stores = settings_of("store", *({"data": {"store": name}} for name in ("stores/a", "stores/b")))
    assert stores == [{"data": "stores/a"}, {"data": "stores/b"}]
    assert len(settings_of("moved", *({"data": {"store": name}} for name in ("a", "elsewhere/a")))) == 1


def test_a_network_that_two_studies_share_is_one_seed() -> None:
    once = rows_as_runs({"rows": rows()})
    pd.testing.assert_frame_equal(compare([*once, *once]), compare(once))
    other = rows_as_runs({"rows": [row | {"sigma_mad": 0.5} for row in rows()[:1]]})
    with pytest.raises(
        InputError, match=r"baseline on hsc9b has two different results of seed 0 .*one after the other"
    ):
        compare([*once, *other])


def test_the_last_of_equal_runs_counts(tmp_path: Path) -> None:
    first = make_run(tmp_path / "a", "hsc6b_baseline", 0, n=50)
    second = make_run(tmp_path / "b", "hsc6b_baseline", 0, n=60)
    later = (second / "metrics.json").stat().st_mtime + 10
    os.utime(first / "metrics.json", (later, later))
    assert [run.path for run in read_runs([first, second])] == [first]


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
    read = pd.read_csv(written[1]).fillna({"unequal": ""})
    pd.testing.assert_frame_equal(read, table.reset_index(drop=True), check_dtype=False)
    text = written[0].read_text()
    assert text.startswith("# Gain by survey")
    assert "Data: **simulated**" in text
    lines = [line for line in text.splitlines() if line.startswith("| hsc6b | all | early_fusion")]
    assert f"{1e3 * row_of(table, 'early_fusion')['sigma_mad']:.2f} ±" in lines[0]
    assert "| HSC-6b | published | multimodal | 46,800 | 8.87 | 1.20 | 1.63 |" in text


def test_published_numbers_are_those_of_the_notes() -> None:
    published = read_published()
    assert len(published["multimodal"]) == 7
    for entry in published["multimodal"]:
        load_field(entry["field"])
        for name, gain in entry["gain"].items():
            known = float(relative_gain(entry["baseline"][name], entry["multimodal"][name]))
            assert gain == pytest.approx(known, abs=1.0 if name != "bias" else 3.0), (entry["data"], name)
    emitters = published["oii_emitters"]
    assert emitters["adapted"] == {"sigma_mad": 0.03385, "eta": 0.1128, "bias": -0.00846}


def test_published_stand_beside_ours(table: pd.DataFrame) -> None:
    beside = beside_published(table, "baseline")
    assert set(beside["data"]) == {"HSC-6b"}
    assert list(beside["who"]) == ["published"] * 2 + ["ours, simulated"] * 3
    assert beside_published(table.assign(field="zcosmos"), "baseline").empty


def test_places_without_runs_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run in it"):
        find_runs(tmp_path)
    with pytest.raises(InputError, match="is not there"):
        find_runs([tmp_path / "x"])
    with pytest.raises(InputError, match="runs=<folder>"):
        find_runs(None)
    write_json(tmp_path / "metrics.json", {"accuracy": 1})
    with pytest.raises(InputError, match="no 'sigma_mad'"):
        read_runs(find_runs(tmp_path))


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
