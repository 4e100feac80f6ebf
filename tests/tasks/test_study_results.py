"""A study goes on from its results where its runs are gone, and takes over what another study made already."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from photoz_lit.studies.definition import Study
from photoz_lit.studies.galaxies import JobGalaxies
from photoz_lit.studies.results import StudyResults, read_results
from photoz_lit.tasks.changed_settings import SIMULATION, Asked, asked_for, changes
from photoz_lit.tasks.task import perform
from tests.composed import composed_study

SMALL = ["field=hsc6b", "network=catalogue_forest", "network.trees=5", "simulation.n_galaxies=150"]


def study_of(name: str, rows: list[dict[str, object]], common: list[str] = SMALL) -> Study:
    content = {"name": name, "description": "", "question": "?", "seeds": [0], "common": common, "rows": rows}
    return Study.model_validate(content)


def made(study: Study, folder: Path, *overrides: str) -> list[dict[str, object]]:
    paths = [f"paths.{name}={folder / name}" for name in ("runs", "experiments")]
    config = composed_study(f"data.cache={folder / 'cache'}", *paths, *overrides)
    perform(config.model_copy(update={"study": study}))
    rows: list[dict[str, object]] = read_results(folder / "experiments" / study.name / "results.json")["rows"]
    return rows


FOREST = study_of("first", [{"method": "catalogue_forest", "overrides": []}])


def row_without_its_run(folder: Path) -> dict[str, object]:
    (row,) = made(FOREST, folder)
    shutil.rmtree(folder / "runs")
    return row


@pytest.mark.long
def test_a_job_whose_run_is_gone_is_not_made_again_while_its_settings_are_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = row_without_its_run(tmp_path)
    capsys.readouterr()
    assert made(FOREST, tmp_path) == [row]
    said = " ".join(capsys.readouterr().out.split())
    assert "1 jobs, 1 done" in said
    assert "1 of them stand there without runs" in said
    assert not list((tmp_path / "runs").glob("*/*/metrics.json"))

    (changed,) = made(study_of("first", [{"method": "catalogue_forest", "overrides": ["network.trees=6"]}]), tmp_path)
    said = " ".join(capsys.readouterr().out.split())
    assert "made with other settings (network.trees: 5 -> 6)" in said
    assert changed["sigma_mad"] != row["sigma_mad"]


@pytest.mark.long
def test_results_that_do_not_say_what_made_them_are_made_again(tmp_path: Path) -> None:
    (row,) = made(FOREST, tmp_path)
    folder = tmp_path / "experiments" / "first"
    results = StudyResults.read(folder)
    assert results.made_with[str(row["galaxies"])]["network.trees"] == 5
    results.made_with.clear()
    results.write()
    shutil.rmtree(tmp_path / "runs")
    made(FOREST, tmp_path)
    assert len(list((tmp_path / "runs").glob("*/*/metrics.json"))) == 1


@pytest.mark.long
def test_what_another_study_made_is_taken_over_under_the_jobs_own_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = row_without_its_run(tmp_path)
    capsys.readouterr()
    values = [{"value": trees, "overrides": [f"network.trees={trees}"]} for trees in (5, 7)]
    other = study_of("second", [{"method": "forest", "overrides": [], "sweep": {"trees": values}}])
    same, new = made(other, tmp_path, "trainer.threads=1")
    said = " ".join(capsys.readouterr().out.split())
    assert "forest_trees-5_seed0: the same run as catalogue_forest_seed0 of first" in said
    assert "2 jobs, 1 done" in said
    assert (same["method"], same["trees"], new["trees"]) == ("forest", 5, 7)
    assert same["galaxies"] == "forest_trees-5_seed0"
    assert {k: v for k, v in same.items() if k not in ("method", "galaxies", "trees")} == {
        k: v for k, v in row.items() if k not in ("method", "galaxies")
    }
    folder = tmp_path / "experiments"
    pd.testing.assert_frame_equal(
        JobGalaxies(folder / "second", str(same["galaxies"])).read(),
        JobGalaxies(folder / "first", str(row["galaxies"])).read(),
    )
    assert len(list((tmp_path / "runs").glob("*/*/metrics.json"))) == 1  # that of 7 trees

    (again,) = made(study_of("first", [{"method": "catalogue_forest", "overrides": ["network.trees=7"]}]), tmp_path)
    assert again["sigma_mad"] == new["sigma_mad"]  # and back, without the column of the other study's sweep
    assert "trees" not in again


@pytest.mark.long
def test_real_data_are_never_taken_for_simulated_ones(tmp_path: Path) -> None:
    row_without_its_run(tmp_path)
    store = next((tmp_path / "cache").glob("hsc6b-*/catalogue*"), None)
    assert store is not None
    common = [*SMALL, f"data.store={store.parent}"]
    made(study_of("second", [{"method": "catalogue_forest", "overrides": []}], common), tmp_path)
    assert len(list((tmp_path / "runs").glob("*/*/metrics.json"))) == 1


@pytest.mark.long
def test_the_kept_settings_name_no_path(tmp_path: Path) -> None:
    (row,) = made(FOREST, tmp_path)
    said = StudyResults.read(tmp_path / "experiments" / "first").made_with[str(row["galaxies"])]
    assert str(tmp_path) not in str(said)
    assert said["photoz_lit"]
    assert said["data_hash"]


@pytest.mark.long
def test_a_sitting_that_is_stopped_between_its_two_files_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = study_of("first", [{"method": "catalogue_forest", "overrides": []}]).model_copy(update={"seeds": [0, 1]})
    before = made(two, tmp_path, "task.seeds=[0]")
    folder = tmp_path / "experiments" / "first"
    with monkeypatch.context() as stopped:
        stopped.setattr("photoz_lit.studies.results._write_a_row_a_line", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            made(two, tmp_path)
    assert read_results(folder / "results.json")["rows"] == before
    rows = made(two, tmp_path)
    assert [row["seed"] for row in rows] == [0, 1]
    assert rows[:1] == before
    assert all(JobGalaxies(folder, str(row["galaxies"])).there for row in rows)


def test_an_optional_section_that_is_set_or_unset_is_a_change() -> None:
    plain = {"data.label_weights": None, "data.select": None, "new": 1}
    weighted = {"data.label_weights.cosmos2020": 0.5, "data.select": None}
    assert changes(plain, Asked(weighted, {})) == ["data.label_weights.cosmos2020: None -> 0.5"]
    assert changes(weighted, Asked(plain, {})) == ["data.label_weights.cosmos2020: 0.5 -> None"]
    new = {**weighted, "data.new_key": 3}  # the software did not have it
    assert changes(weighted, Asked(new, {})) == changes(weighted, Asked(new, {"data.new_key": 3})) == []
    assert changes(weighted, Asked(new, {"data.new_key": 2})) == ["data.new_key: 2 -> 3"]
    here, there = (
        asked_for([*SMALL, f"simulation.conditions={value}"]) for value in ("null", "{base: cosmos_ud, parts: [depth]}")
    )
    assert any("simulation.conditions.base: None -> cosmos_ud" in one for one in changes(here.settings, there))
    assert any("simulation.conditions.base: cosmos_ud -> None" in one for one in changes(there.settings, here))


@pytest.mark.long
def test_a_sitting_of_some_seeds_forgets_what_was_made_with_other_settings_of_all(tmp_path: Path) -> None:
    first = study_of("first", [{"method": "catalogue_forest", "overrides": []}]).model_copy(update={"seeds": [0, 1]})
    assert [row["seed"] for row in made(first, tmp_path)] == [0, 1]
    changed = first.model_copy(update={"common": [*SMALL, "network.min_samples_leaf=9"]})
    assert [row["seed"] for row in made(changed, tmp_path, "task.seeds=[0]")] == [0]
    assert [row["seed"] for row in made(changed, tmp_path)] == [0, 1]


def test_other_galaxies_make_a_network_again() -> None:
    """Version 6 draws other galaxies than 4 and 5."""
    earlier, standard = (asked_for(["field=hsc6b", f"simulation/galaxies={name}"]) for name in ("earlier", "standard"))
    assert "simulation.pixels: 4 -> 6" in changes(earlier.settings, standard)


def test_a_change_of_the_catalogues_magnitudes_alone_makes_the_forest_again_and_no_network() -> None:
    """Version 5 of the simulation took 0.02 mag of scatter off the magnitudes; the pixels are those of version 4."""
    then = {"simulation.magnitude_floor": 0.02}
    fields = ["field=hsc6b", "simulation/galaxies=earlier"]
    network, forest = asked_for(fields), asked_for([*fields, "network=catalogue_forest"])
    assert changes({**network.settings, **then}, network) == []
    assert changes({**forest.settings, **then, SIMULATION: 4}, forest) == [
        "simulation.magnitude_floor: 0.02 -> 0.0",
        "simulation.version: 4 -> 5",
    ]
    # from version 5 on the scatter is in the pixels too
    assert changes({**network.settings, **then, SIMULATION: 5}, network) == ["simulation.magnitude_floor: 0.02 -> 0.0"]
    chosen = asked_for([*fields, "data.select='mag_i < 24'"])  # magnitudes decide who is trained on
    assert changes({**chosen.settings, **then, SIMULATION: 4}, chosen) != []
