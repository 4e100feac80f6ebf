import json
from pathlib import Path
from typing import Any

import pytest

from photoz_lit.errors import InputError
from photoz_lit.fields import conf_directory
from photoz_lit.networks.complexity import complexity_of
from photoz_lit.networks.multimodal import build_network
from photoz_lit.networks.settings import NetworkSettings
from photoz_lit.studies.definition import Study, StudyJob, jobs_of
from photoz_lit.studies.galaxies import JobGalaxies
from photoz_lit.studies.results import read_results
from photoz_lit.studies.rows import merged_rows, result_row
from photoz_lit.tasks import study as study_task
from photoz_lit.tasks.overrides_of_jobs import require_taken_over
from photoz_lit.tasks.task import perform
from tests.composed import composed, composed_study
from tests.conftest import make_store

STUDIES = sorted(p.stem for p in (conf_directory() / "study").glob("*.yaml"))


def study_of(**changes: object) -> Study:
    rows = [
        {"method": "baseline", "overrides": ["a=1"]},
        {
            "method": "multimodal",
            "overrides": ["b=2"],
            "sweep": {
                "fusion": [{"value": "early", "overrides": ["f=e"]}, {"value": "late", "overrides": ["f=l"]}],
                "size": [{"value": 2, "overrides": ["s=2"]}],
            },
        },
    ]
    content = {"name": "s", "description": "", "question": "?", "seeds": [0, 1], "common": ["c=0"], "rows": rows}
    return Study.model_validate({**content, **changes})


def test_jobs_are_all_combinations_seed_by_seed() -> None:
    jobs = jobs_of(study_of())
    assert [j.seed for j in jobs] == [0, 0, 0, 1, 1, 1]
    assert jobs[1].overrides == ("c=0", "b=2", "f=e", "s=2", "seed=0")
    assert jobs[2].settings == {"fusion": "late", "size": 2}
    assert len({j.name for j in jobs}) == 6


def kinds_of_jobs(name: str) -> list[StudyJob]:
    """Jobs of a study, one of those that differ by their seed alone."""
    study = composed("task=study", f"study={name}").study
    assert study is not None
    assert study.name == name
    jobs = jobs_of(study)
    assert len({job.name for job in jobs}) == len(jobs)
    return list({tuple(o for o in job.overrides if not o.startswith("seed=")): job for job in jobs}.values())


@pytest.mark.parametrize("name", STUDIES)
def test_the_first_and_the_last_job_of_every_study_are_valid_configs(name: str) -> None:
    jobs = kinds_of_jobs(name)
    for job in (jobs[0], jobs[-1]):
        composed(*job.overrides)


@pytest.mark.long
@pytest.mark.parametrize("name", STUDIES)
def test_every_job_of_every_study_is_a_valid_config(name: str) -> None:
    for job in kinds_of_jobs(name):
        composed(*job.overrides)


def test_rows_replace_those_of_the_same_job_and_keep_the_others() -> None:
    job = StudyJob("baseline", 3, {"bands": 5}, ())
    first = result_row(job, {"field": "hsc9b", "data": "simulated", "sigma_mad": 0.02, "n_test": 9})
    second = result_row(job, {"field": "hsc9b", "data": "simulated", "sigma_mad": 0.01, "n_test": 9})
    other = result_row(StudyJob("baseline", 4, {"bands": 5}, ()), {"field": "hsc9b", "data": "simulated"})
    rows = merged_rows([first, other], [second])
    assert len(rows) == 2
    assert {r["seed"]: r.get("sigma_mad") for r in rows} == {3: 0.01, 4: None}


def test_rows_stand_in_the_order_of_the_study_and_of_the_follow_up() -> None:
    jobs = jobs_of(study_of())
    about = {"field": "hsc9b", "data": "simulated", "size": 2}
    late, early = ({"method": "multimodal", "fusion": name, **about} for name in ("late", "early"))
    parts = [{**early, "seed": 1, "kept": name} for name in ("all", "without u_g", "only g_r")]
    gone = {"method": "a_method_that_was_taken_out", "seed": 0, **about}
    old = [gone, {**late, "seed": 0}, {**early, "seed": 0}]
    assert merged_rows(old, [*parts, {**late, "seed": 1}], jobs) == [old[2], *parts, old[1], {**late, "seed": 1}, gone]


def test_a_study_runs_its_missing_jobs_and_keeps_earlier_rows(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=100).path
    common = ["field=hsc6b", f"data.store={store}", "network=catalogue_forest", "network.trees=5"]
    order = {"order": [{"value": "1,2", "overrides": []}]}  # commas and quotes in names are no sweep to Hydra
    study = study_of(seeds=[0], common=common, rows=[{"method": "catalogue_forest", "overrides": [], "sweep": order}])
    paths = [f"paths.runs=\"{tmp_path}/a's, b's\"", f"paths.experiments={tmp_path / 'experiments'}"]
    config = composed_study(*paths)
    results = tmp_path / "experiments" / "s" / "results.json"
    perform(config.model_copy(update={"study": study}))
    (row,) = read_results(results)["rows"]
    assert row["method"] == "catalogue_forest"
    assert row["field"] == "hsc6b"
    assert 0 < row["sigma_mad"] < 0.1
    assert json.loads(results.read_text())["command"] == "python -m photoz_lit task=study study=s"
    perform(config.model_copy(update={"study": study.model_copy(update={"seeds": [0, 1]})}))
    assert [r["seed"] for r in read_results(results)["rows"]] == [0, 1]


@pytest.mark.long
def test_a_job_made_with_other_settings_is_made_again_and_the_others_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = make_store(tmp_path / "store", n=100).path
    common = ["field=hsc6b", f"data.store={store}", "network=catalogue_forest"]
    rows = [{"method": f"of_{trees}", "overrides": [f"network.trees={trees}"]} for trees in (5, 6)]
    study = study_of(seeds=[0], common=common, rows=rows)
    paths = [f"paths.runs={tmp_path / 'runs'}", f"paths.experiments={tmp_path / 'experiments'}"]
    results = tmp_path / "experiments" / "s" / "results.json"

    def row_of(method: str) -> dict[str, Any]:
        (row,) = (row for row in read_results(results)["rows"] if row["method"] == method)
        return row

    perform(composed_study(*paths).model_copy(update={"study": study}))
    before = {name: row_of(name) for name in ("of_5", "of_6")}
    first = study.rows[0].model_copy(update={"overrides": ["network.trees=5", "network.min_samples_leaf=40"]})
    changed = study.model_copy(update={"rows": [first, study.rows[1]]})
    capsys.readouterr()
    perform(composed_study("trainer.devices=2", *paths).model_copy(update={"study": changed}))
    said = " ".join(capsys.readouterr().out.split())
    assert "of_5_seed0 was made with other settings (network.min_samples_leaf: 3 -> 40)" in said
    assert "of_6_seed0 was made" not in said
    assert "2 jobs, 1 done" in said
    assert row_of("of_5")["sigma_mad"] != before["of_5"]["sigma_mad"]
    assert row_of("of_6") == before["of_6"]


@pytest.mark.long
def test_rows_of_other_settings_do_not_stay_where_the_new_job_fails(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=100).path
    common = ["field=hsc6b", f"data.store={store}", "network=catalogue_forest", "network.trees=5"]
    study = study_of(seeds=[0], common=common, rows=[{"method": "forest", "overrides": []}])
    paths = [f"paths.runs={tmp_path / 'runs'}", f"paths.experiments={tmp_path / 'experiments'}"]
    results = tmp_path / "experiments" / "s" / "results.json"
    perform(composed_study(*paths).model_copy(update={"study": study}))
    (row,) = read_results(results)["rows"]
    assert JobGalaxies(results.parent, row["galaxies"]).there
    gone = study.model_copy(update={"common": [*common, "data.bands=[g,q]"]})
    with pytest.raises(InputError, match="1 of 1 jobs failed"):
        perform(composed_study(*paths).model_copy(update={"study": gone}))
    assert read_results(results)["rows"] == []
    assert not JobGalaxies(results.parent, row["galaxies"]).there
    perform(composed_study(*paths).model_copy(update={"study": study}))  # back again: the run is still there
    (back,) = read_results(results)["rows"]
    assert back == row
    assert JobGalaxies(results.parent, row["galaxies"]).there


@pytest.mark.long
def test_jobs_that_share_a_run_at_the_same_time_make_it_once(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=100).path
    common = ["field=hsc6b", f"data.store={store}", "network=catalogue_forest", "network.trees=5"]
    rows = [{"method": name, "overrides": []} for name in ("one", "other")]
    rows.append({"method": "broken", "overrides": ["network.trees=0"]})
    study = study_of(seeds=[0], common=common, rows=rows)
    paths = [f"paths.runs={tmp_path / 'runs'}", f"paths.experiments={tmp_path / 'experiments'}"]
    config = composed_study("jobs=3", *paths).model_copy(update={"study": study})
    with pytest.raises(InputError, match=r"1 of 3 jobs failed.*broken_seed0 \(.*network\.trees=0"):
        perform(config)
    one, other = read_results(tmp_path / "experiments" / "s" / "results.json")["rows"]
    assert (one.pop("method"), other.pop("method")) == ("one", "other")
    assert one.pop("galaxies") != other.pop("galaxies")
    assert one == other  # their seconds of training too
    assert len(list((tmp_path / "runs" / "hsc6b").iterdir())) == 1
    logs = [path.read_text() for path in (tmp_path / "runs" / "studies" / "s" / "logs").glob("*o*_seed0.log")]
    assert sorted("This run is finished already" in log for log in logs if "trees=0" not in log) == [False, True]


@pytest.mark.long
def test_a_study_is_split_over_sessions_by_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = make_store(tmp_path / "store", n=100).path
    common = ["field=hsc6b", f"data.store={store}", "network=catalogue_forest", "network.trees=5"]
    rows = [{"method": "one", "overrides": []}, {"method": "with_its_own", "overrides": [], "seeds": [0]}]
    study = study_of(seeds=[0, 1], common=common, rows=rows)
    paths = [f"paths.runs={tmp_path / 'runs'}", f"paths.experiments={tmp_path / 'experiments'}"]
    results = tmp_path / "experiments" / "s" / "results.json"

    def sitting(*overrides: str) -> set[tuple[str, int]]:
        perform(composed_study(*overrides, *paths).model_copy(update={"study": study}))
        return {(row["method"], row["seed"]) for row in read_results(results)["rows"]}

    assert sitting("task.seeds=[1]") == {("one", 1)}  # a row with other seeds has none of them
    assert "1 of 3 jobs, 0 done" in capsys.readouterr().out
    assert sitting("task.seeds=[0]") == {("one", 0), ("one", 1), ("with_its_own", 0)}
    assert sitting() == {("one", 0), ("one", 1), ("with_its_own", 0)}
    assert "3 jobs, 3 done" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"task\.seeds: the study has no seed 2; its seeds are 0, 1\."):
        sitting("task.seeds=[0,2]")


@pytest.mark.parametrize(
    ("common", "said"),
    [
        (["trainer.max_epoch=3"], r"unknown key 'trainer\.max_epoch'; did you mean 'trainer\.max_epochs'"),
        (["scale=papr"], r"unknown scale 'papr'; did you mean 'paper'"),
    ],
)
def test_an_unknown_key_for_all_jobs_is_refused_before_one_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, common: list[str], said: str
) -> None:
    monkeypatch.setattr(study_task, "run_jobs", lambda *_: pytest.fail("a job was started"))
    study = study_of(common=common, rows=[{"method": "baseline", "overrides": ["+experiment=hsc6b_baseline"]}])
    config = composed_study(f"paths.experiments={tmp_path}", f"paths.runs={tmp_path / 'runs'}")
    with pytest.raises(InputError, match=said):
        perform(config.model_copy(update={"study": study}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("scale=paper", r"do not get scale=paper.*\"study\.common=\['scale=demo', .*, 'scale=paper'\]\""),
        ("simulation.n_galaxies=77", r"do not get simulation\.n_galaxies=77"),
    ],
)
def test_what_would_reach_no_job_of_a_study_is_refused(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        perform(composed_study("study=depth", override, f"paths.experiments={tmp_path}"))
    assert list(tmp_path.iterdir()) == []


def test_what_a_study_passes_on_is_not_refused() -> None:
    machine = ["trainer=ddp", "trainer.devices=2", "trainer.threads=1", "trainer.progress=false", "jobs=2"]
    places = ["paths.runs=a", "data.cache=b", "simulation.catalogue=c.csv", "logger=wandb", "logger.project=d"]
    require_taken_over(composed_study("study=depth", "study.common=['scale=paper']", *machine, *places))


def gflop_of(job: StudyJob) -> float:
    config = composed("scale.width=0.25", *job.overrides)
    assert isinstance(config.network, NetworkSettings)
    bands, bins = list(config.field.band_names), len(config.field.z_edges) - 1
    size = config.scale.stamp_size
    network = build_network(config.network, config.modality, config.fusion, bands, size, bins)
    return complexity_of(network, size).gflop


@pytest.mark.parametrize("name", ["gain_by_survey", "gain_by_family"])
def test_the_baseline_at_equal_compute_costs_what_the_multimodal_network_costs(name: str) -> None:
    study = composed("task=study", f"study={name}", "study.seeds=[0]").study
    assert study is not None
    jobs = {job.name.split("_")[0] + "/" + job.method: job for job in jobs_of(study)}
    for field in ("sdss", "cfhtls", "hsc6b", "hsc9b"):
        narrow, wide, multimodal = (
            gflop_of(jobs[f"{field}/{method}"]) for method in ("baseline", "baseline_equal_compute", "multimodal")
        )
        assert wide == pytest.approx(multimodal, rel=0.02)
        assert narrow < 0.94 * multimodal


def test_the_wide_stem_costs_what_pairs_of_bands_cost() -> None:
    study = composed("task=study", "study=modality_size", "study.seeds=[0]").study
    assert study is not None
    jobs = {job.name.removesuffix("_seed0"): job for job in jobs_of(study)}
    wide, pairs = jobs["hsc9b_baseline_baseline_wide_stem"], jobs["hsc9b_early_fusion_multimodal_size-2"]
    assert gflop_of(wide) == pytest.approx(gflop_of(pairs), rel=0.02)


def test_a_sweep_cannot_take_the_name_of_a_rows_own_entry() -> None:
    row = {"method": "a", "overrides": [], "sweep": {"galaxies": [{"value": 6000, "overrides": []}]}}
    with pytest.raises(ValueError, match="'galaxies' is an entry of every row of the results"):
        Study.model_validate({"name": "s", "description": "", "question": "?", "seeds": [0], "rows": [row]})


def test_a_seed_may_have_a_sky_of_its_own() -> None:
    jobs = jobs_of(study_of(by_seed={1: ["sky=11"]}))
    assert [job.overrides for job in jobs if job.method == "baseline"] == [
        ("c=0", "a=1", "seed=0"),
        ("c=0", "a=1", "sky=11", "seed=1"),
    ]
    with pytest.raises(ValueError, match="by_seed names seed 7, of which the study has no job"):
        study_of(by_seed={7: ["sky=11"]})
