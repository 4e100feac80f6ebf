"""``task=emitters`` and the table of a study that ends with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.config import Config
from photoz_lit.errors import InputError
from photoz_lit.files import write_json
from photoz_lit.run_folder import run_folder
from photoz_lit.studies.definition import Study, jobs_of
from photoz_lit.studies.results import read_results
from photoz_lit.tasks.emitters import emitter_rows, survey_settings
from photoz_lit.tasks.study_results import StudyFolders, gather
from photoz_lit.tasks.task import perform
from photoz_lit.tasks.train import train
from tests.composed import composed

METHODS = ("none", "dann", "guided_paired", "oracle")


def catalogue() -> pd.DataFrame:
    """Three [OII] emitters, one of them taken for another line, and an Hα emitter that colours do not tell."""
    return pd.DataFrame(
        {
            "line_true": ["oii", "oii", "oii", "ha"],
            "interloper_removed": [False, False, True, False],
            "z_true": [1.47, 1.48, 1.46, 0.40],
        }
    )


def test_rows_follow_their_formulas() -> None:
    z_phot = np.array([1.47, 1.47 + 0.247, 1.0, 0.40])
    removed, everyone, true = emitter_rows(catalogue(), z_phot, 1.47, 0.15)
    assert [row["sample"] for row in (removed, everyone, true)] == [
        "interlopers removed", "with interlopers", "true [OII]",
    ]  # fmt: skip
    assert [row["n_test"] for row in (removed, everyone, true)] == [3, 4, 3]
    assert removed["contamination"] == pytest.approx(1 / 3)
    assert removed["bias"] == pytest.approx((0 + 0.1 - 1.07 / 2.47) / 3)
    assert removed["eta"] == pytest.approx(1 / 3)
    assert removed["bias_true"] == pytest.approx((0 + 0.237 / 2.48 + 0) / 3)
    assert true["bias"] == pytest.approx((0 + 0.1 - 0.47 / 2.47) / 3)
    assert true["contamination"] == 0
    assert sum(everyone["z_phot_counts"]["counts"]) == 4
    assert everyone["z_phot_counts"]["counts"][29] == 1  # 1.45 to 1.50


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("emitters")


@pytest.fixture(scope="module")
def config(place: Path) -> Config:
    """Of a run that needs no training on a few galaxies of XMM Deep."""
    return composed(
        "field=xmm_d", "network=template_fit", "network.colours=4", "network.stride=25", "network.a_v=[0.3]",
        "simulation.n_galaxies=60", "simulation.processes=1", "simulation.magnitude_faint=24", "scale.stamp_size=8",
        "data.bands=[u,g,r,i,z,y]", "data.simulation_seed=1", f"data.cache={place / 'cache'}",
        f"paths.runs={place / 'runs'}", f"paths.experiments={place / 'experiments'}",
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(config: Config) -> Path:
    return train(config).path


def test_a_run_on_emitters_and_the_study_around_it(config: Config, folder: Path, place: Path) -> None:
    task = composed(
        "task=emitters", f"run={folder}", "task.galaxies=60", "simulation.processes=1", "trainer=cpu",
        f"data.cache={place / 'cache'}",
    )  # fmt: skip
    perform(task)
    rows = json_rows(folder)
    assert rows[1]["n_test"] == 60
    assert 5 <= rows[0]["n_test"] < 40
    assert np.isfinite([row[name] for row in rows for name in ("sigma_mad", "eta", "bias_true")]).all()
    record = json.loads((folder / "emitters_provenance.json").read_text())
    assert record["rows"] == {"read": 60, "used": 60, "left_out": {}}
    for row in rows:
        count = record["rows_of"][row["sample"]]
        assert (count["read"], count["used"]) == (60, row["n_test"])
        assert sum(count["left_out"].values()) == 60 - row["n_test"]

    study = Study.model_validate(
        {"name": "oii", "description": "", "question": "?", "seeds": [0],
         "rows": [{"method": "none", "overrides": [], "then": "emitters"}]}
    )  # fmt: skip
    pointers, results = place / "runs" / "studies" / "oii", place / "experiments" / "oii" / "results.json"
    pointers.mkdir(parents=True)
    (pointers / "none_seed0.txt").write_text(f"{folder}\n")
    for _ in range(2):  # gathered again, rows replace themselves
        gather(StudyFolders(study, pointers, results.parent))
    kept = read_results(results)["rows"]
    assert len(kept) == 3
    assert kept[0]["field"] == "xmm_d"
    assert "by_mag" not in kept[0]
    perform(config.model_copy(update={"study": study, "task": composed("task=compare").task}))
    table = pd.read_csv(results.parent / "emitters.csv")
    assert table["sample"].tolist() == ["interlopers removed", "with interlopers", "true [OII]"]
    assert table["sigma_mad"].iloc[0] == pytest.approx(rows[0]["sigma_mad"])
    usual = pd.read_csv(results.parent / "comparison.csv")
    assert usual["n"].tolist() == [rows[0]["n_test"]]
    text = (results.parent / "emitters.md").read_text()
    published = (
        "| interlopers removed | published | adapted | 1,853 | – | – | – | 33.85 | 11.28 | -8.46 | 2.38 | 11.15 |"
    )
    assert published in text
    assert (results.parent / "emitters.png").is_file()


def json_rows(folder: Path) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = json.loads((folder / "emitters.json").read_text())
    return rows


def test_how_many_times_better_than_no_adaptation(tmp_path: Path) -> None:
    counts = {"z_min": 0.0, "z_max": 3.0, "counts": [1] * 60}
    rows = [
        {"method": method, "field": "xmm_d", "seed": seed, "data": "simulated", "sample": "interlopers removed",
         "n_test": 60, "contamination": 0.04, "sigma_mad": sigma, "eta": 0.1, "bias": bias + 0.001 * seed,
         "sigma_mad_true": sigma, "eta_true": 0.1, "bias_true": bias, "z_phot_counts": counts}
        for method, sigma, bias in (("guided_paired", 0.03, -0.01), ("none", 0.09, -0.05), ("template_fit", 0.08, 0.04))
        for seed in (0, 1)
    ]  # fmt: skip
    about = {"command": "", "git_commit": "", "scale": "demo", "reference": "none"}
    write_json(tmp_path / "results.json", {**about, "rows": rows})
    perform(composed("task=compare", f"runs={tmp_path}"))
    table = pd.read_csv(tmp_path / "emitters.csv").set_index("method")
    assert table.index.tolist() == ["guided_paired", "none", "template_fit"]  # by name: no study puts them in order
    assert table.loc["guided_paired", "times_better_sigma_mad"] == pytest.approx(3)
    assert table.loc["guided_paired", "times_better_bias"] == pytest.approx(0.0495 / 0.0095)
    assert table.loc["guided_paired", "bias_err"] == pytest.approx(0.0005)
    assert pd.isna(table.loc["none", "times_better_bias"])
    usual = pd.read_csv(tmp_path / "comparison.csv").set_index("method")
    assert usual.loc["guided_paired", "gain_sigma_mad"] == pytest.approx(100 * (1 - 0.03 / 0.09))


@pytest.mark.long
def test_the_study_takes_over_the_runs_of_domain_adaptation() -> None:
    def runs_of(name: str) -> set[str]:
        study = composed("task=study", f"study={name}", "study.seeds=[0]").study
        assert study is not None
        jobs = [job for job in jobs_of(study) if "xmm_d" in job.name and job.method in METHODS]
        return {run_folder(composed(*job.overrides), "x").path.name for job in jobs}

    assert len(runs_of("oii_emitters")) == 4
    assert runs_of("oii_emitters") <= runs_of("domain_adaptation")


def test_bad_input(folder: Path) -> None:
    with pytest.raises(InputError, match="needs run="):
        perform(composed("task=emitters"))
    with pytest.raises(InputError, match=r"task\.survey=population.*no 'emitters'"):
        survey_settings("population")
    with pytest.raises(InputError, match="no emitter is left of the sample 'interlopers removed'"):
        emitter_rows(catalogue().assign(interloper_removed=True), np.ones(4), 1.47, 0.15)
    with pytest.raises(InputError, match=r"task\.simulation_seed=1 is the sky that the run was trained on"):
        perform(composed("task=emitters", f"run={folder}", "task.simulation_seed=1"))
