from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.files import write_json
from photoz_lit.studies import galaxies
from photoz_lit.studies.definition import Study, jobs_of
from photoz_lit.tasks.study_results import StudyFolders, gather
from photoz_lit.tasks.task import perform
from tests.composed import composed
from tests.evaluation.mixtures import make_run

STUDY = Study.model_validate(
    {
        "name": "tiny",
        "description": "two methods",
        "question": "Which?",
        "seeds": [0, 1],
        "rows": [
            {"method": "baseline", "overrides": ["+experiment=hsc6b_baseline"]},
            {"method": "multimodal", "overrides": ["+experiment=hsc6b_early_fusion"]},
        ],
    }
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(2):
        make_run(folder / "hsc6b_baseline" / str(seed), "hsc6b_baseline", seed, n=150)
        make_run(folder / "hsc6b_early_fusion" / str(seed), "hsc6b_early_fusion", 10 + seed, n=150, scatter=0.02)
    return folder


def test_run_folders(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = f"baseline={runs / 'hsc6b_baseline' / '0'}"
    perform(composed("task=compare", f"runs={runs}", baseline, f"store={tmp_path}", "task.draws=50"))
    table = pd.read_csv(tmp_path / "comparison.csv")
    assert list(table["method"].unique()) == ["baseline", "early_fusion"]
    assert (table["seeds"] == 2).all()
    assert (tmp_path / "comparison.md").is_file()
    assert (tmp_path / "comparison.png").is_file()
    assert "gain over baseline" in capsys.readouterr().out


def test_rows_stand_in_the_order_of_the_study(tmp_path: Path) -> None:
    orders = ["1,2,3", "1", "3", "1,2", "2"]
    rows: list[dict[str, object]] = [{"method": "multimodal", "order": order} for order in orders]
    about = {"field": "hsc9b", "seed": 0, "n_test": 9, "data": "simulated", "sigma_mad": 0.02, "eta": 0.1, "bias": 0.0}
    rows = [row | about for row in [*rows, {"method": "baseline"}]]
    (tmp_path / "modality_order").mkdir()
    write_json(tmp_path / "modality_order" / "results.json", {"swept": ["order"], "rows": rows})
    paths = [f"paths.runs={tmp_path / 'runs'}", f"paths.experiments={tmp_path}"]
    perform(composed("task=compare", "study=modality_order", *paths))
    table = pd.read_csv(tmp_path / "modality_order" / "comparison.csv")
    assert table["method"].tolist() == ["baseline", *["multimodal"] * 5]
    assert table["order"].tolist()[1:] == ["1", "2", "3", "1,2", "1,2,3"]


def test_the_baseline_may_lie_elsewhere(runs: Path, tmp_path: Path) -> None:
    config = composed(
        "task=compare",
        f"runs={runs / 'hsc6b_early_fusion'}",
        f"baseline={runs / 'hsc6b_baseline'}",
        f"store={tmp_path}",
        "task.draws=20",
    )
    perform(config)
    assert set(pd.read_csv(tmp_path / "comparison.csv")["method"]) == {"baseline", "early_fusion"}


def test_a_results_file(tmp_path: Path) -> None:
    rows = [
        {"method": method, "field": "sdss", "seed": 0, "n_test": 9, "data": "simulated", "sigma_mad": sigma}
        | {"eta": 0.01, "bias": 0.0, "crps": 0.1}
        for method, sigma in (("baseline", 0.02), ("multimodal", 0.01))
    ]
    write_json(tmp_path / "results.json", {"command": "", "git_commit": "", "scale": "demo", "rows": rows})
    perform(composed("task=compare", f"runs={tmp_path}"))
    table = pd.read_csv(tmp_path / "comparison.csv").set_index("method")
    assert table.loc["multimodal", "gain_sigma_mad"] == pytest.approx(50)
    assert "Treyer+2023" in (tmp_path / "comparison.md").read_text()


def test_a_study_with_runs_at_hand_and_rows_of_runs_that_are_gone(runs: Path, tmp_path: Path) -> None:
    pointers, results = tmp_path / "runs" / "studies" / "tiny", tmp_path / "experiments" / "tiny" / "results.json"
    pointers.mkdir(parents=True)
    results.parent.mkdir(parents=True)
    rows = []
    for job in jobs_of(STUDY):
        folder = runs / ("hsc6b_baseline" if job.method == "baseline" else "hsc6b_early_fusion") / str(job.seed)
        (pointers / f"{job.name}.txt").write_text(f"{folder}\n")
        metrics = json.loads((folder / "metrics.json").read_text())
        rows.append({**metrics, "method": job.method, "field": "hsc6b", "seed": job.seed})
    gone = {**rows[-1], "method": "catalogue_forest"}
    write_json(results, {"command": "", "git_commit": "", "scale": "demo", "rows": [*rows, gone]})
    paths = [f"paths.runs={tmp_path / 'runs'}", f"paths.experiments={tmp_path / 'experiments'}"]
    config = composed("task=compare", *paths, "task.draws=30").model_copy(update={"study": STUDY})
    perform(config)
    table = pd.read_csv(results.parent / "comparison.csv")
    everyone = table[table["source"] == "all"].set_index("method")
    assert list(everyone["seeds"].items()) == [("baseline", 2), ("multimodal", 2), ("catalogue_forest", 1)]
    assert pd.notna(everyone.loc["multimodal", "p_galaxies_sigma_mad"])
    assert pd.isna(everyone.loc["catalogue_forest", "p_galaxies_sigma_mad"])


def test_rows_of_runs_that_are_gone_keep_their_galaxies(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later sitting on another machine has the results file and what was kept beside it, and no runs."""
    monkeypatch.setattr(galaxies, "CRPS_BITS", 23)  # all: what rounding does is tested in tests/studies
    pointers, folder = tmp_path / "runs" / "studies" / "tiny", tmp_path / "experiments" / "tiny"
    pointers.mkdir(parents=True)
    for job in jobs_of(STUDY):
        place = runs / ("hsc6b_baseline" if job.method == "baseline" else "hsc6b_early_fusion") / str(job.seed)
        (pointers / f"{job.name}.txt").write_text(f"{place}\n")
    gather(StudyFolders(STUDY, pointers, folder))
    tables = []
    for number, where in enumerate(("runs", "elsewhere")):
        paths = [f"paths.runs={tmp_path / where}", f"paths.experiments={tmp_path / 'experiments'}"]
        config = composed("task=compare", *paths, "task.draws=40", f"store={tmp_path / str(number)}")
        perform(config.model_copy(update={"study": STUDY}))
        tables.append(pd.read_csv(tmp_path / str(number) / "comparison.csv"))
    columns = [c for c in tables[0] if c.startswith(("field", "source", "method", "n", "sigma", "gain", "p_galaxies"))]
    assert pd.notna(tables[1].loc[tables[1]["method"] == "multimodal", "p_galaxies_sigma_mad"]).all()
    shared = [c for c in columns if c in tables[1]]
    pd.testing.assert_frame_equal(tables[0][shared], tables[1][shared], rtol=1e-4, atol=1e-4)
    assert (folder / "test_galaxies.parquet").stat().st_size < 150 * 60 * len(jobs_of(STUDY))


def test_bad_input(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown key 'task\.draw'"):
        perform(composed("task=compare", f"runs={runs}", "+task.draw=5"))
    with pytest.raises(InputError, match=r"task\.draws=0"):
        perform(composed("task=compare", f"runs={runs}", "task.draws=0"))
    with pytest.raises(InputError, match="no runs are given"):
        perform(composed("task=compare"))
    config = composed("task=compare", f"paths.runs={tmp_path}", f"paths.experiments={tmp_path}")
    with pytest.raises(InputError, match="has no finished run"):
        perform(config.model_copy(update={"study": STUDY}))
