"""What a setting is for is said on its field; ids of runs, twins of studies and comparisons follow from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from pydantic_core import PydanticUndefined

from photoz_lit import setting_roles
from photoz_lit.config import Config, TrainerSettings, validate
from photoz_lit.evaluation.comparison.runs import read_runs
from photoz_lit.fields import conf_directory
from photoz_lit.run_folder import config_of_run, run_folder
from photoz_lit.setting_roles import OF_THE_ID, keys_of
from photoz_lit.settings import Role, Settings
from photoz_lit.simulation.galaxies import earlier_galaxies
from photoz_lit.tasks.changed_settings import Asked, asked_for, changes, made_with
from tests.composed import composed
from tests.evaluation.mixtures import make_run

EXPERIMENTS = sorted(path.stem for path in (conf_directory() / "experiment").glob("*.yaml"))
INPUTS = ("data.store", "data.source", "data.target", "data.mosaics", "data.labels", "simulation.catalogue")
ADAPTING = ["field=cosmos_ud", "data.target_fields=[xmm_d]", "adapt=dann", "adapt.parts.adversary.hidden=7"]
#: Keys that records may lack: the default of their class is what those records were made with.
LACKED = {
    *("scale.recipe", "tta", "trust", "simulation.table", "trainer.evaluation_precision", "trainer.num_nodes"),
    *("trainer.micro_batches", "data.prefetch", "scale.align"),
    *(f"engine.{name}" for name in ("name", "_target_", "workers", "scheduler", "options")),
    *("data.mosaics", "simulation.disturbances"),
    *(f"data.{name}" for name in ("source_select", "labels_table", "label_missing", "label_allow", "n_labelled")),
    *(f"module.{name}" for name in ("recipe", "optimiser", "muon_learning_rate", "muon_momentum", "schedule", "tta")),
    *(f"module.{name}" for name in ("label_smoothing", "weight_average", "initialisation", "calibration")),
    *("module.init", "module.frozen", "fetch"),
}
#: What is put into a dictionary that was empty.
ENTRY = "more"
#: Sections whose classes stand for a whole section in code, or in a file of the user's own; in YAML they say the same.
OF_CODE = ("network.", "modality.", "ingest.", "labels.", "field.", "experiment.")
#: But for what a choice sets apart: sizes, names, the baseline's stem.
CHOSEN = {"network.width", "modality.stem_filters", "ingest.stamp_size"}
CHOSEN |= {"ingest.description", "field.label", "field.description"}


class NewSection(Settings):
    """A section that records lack."""

    value: int = 1
    place: Annotated[str, Role.PLACE] = "here"


class NewTrainer(TrainerSettings):
    """With keys that records lack."""

    brand_new: int = 3
    workers: Annotated[int, Role.MACHINE] = 2


class NewConfig(Config):
    """The config of a later version."""

    trainer: NewTrainer
    further: NewSection = NewSection()


@pytest.fixture(scope="module")
def contents() -> Iterator[dict[str, dict[str, Any]]]:
    """Every experiment's config."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
        yield {
            name: OmegaConf.to_container(compose("config", overrides=[f"+experiment={name}"]), resolve=True)  # type: ignore[misc]
            for name in EXPERIMENTS
        }


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """Config of a run that adapts, as ``provenance.json`` has it."""
    return composed(*ADAPTING).model_dump(mode="json", by_alias=True)


def with_other(record: dict[str, Any], *names: str) -> dict[str, Any]:
    """The record with other values of some keys; what is read lies in another folder."""
    content = deepcopy(record)
    for name in names:
        section = content
        *outer, last = name.split(".")
        for part in outer:
            section = section[part]
        section[last] = "elsewhere/x" if name in INPUTS else other(section[last])
    return content


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return {ENTRY: 1}
    if isinstance(value, list):
        return [*value, "more"]
    return "other" if value is None else value + ("x" if isinstance(value, str) else 1)


def of_dictionaries(names: Iterable[str]) -> set[str]:
    """Keys, with a dictionary's own name for what was put into it."""
    return {name.removesuffix(f".{ENTRY}") for name in names}


def names_with(record: dict[str, Any], *roles: Role) -> list[str]:
    return [key.name for key in keys_of(record) if key.role in roles]


def test_the_roles_are_as_the_fields_say(record: dict[str, Any]) -> None:
    def sections(role: Role) -> set[str]:
        parts = {name.split(".")[0] for name in names_with(record, role)}
        whole = {
            one for one in parts if {key.role for key in keys_of(record) if key.name.split(".")[0] == one} == {role}
        }
        return whole | {name for name in names_with(record, role) if name.split(".")[0] not in whole}

    numerics = ("accelerator", "devices", "strategy", "num_nodes", "precision", "evaluation_precision")
    machine = ("data.cache", "data.num_workers", "data.resident", "data.prefetch", "simulation.processes")
    sizes = ("width", "align", "n_galaxies", "max_epochs", "batch_size", "learning_rate", "standardise", "recipe")
    lists = ("methods", "seeds", "images", "catalogue_galaxies")
    assert sections(Role.NUMERICS) == {
        f"trainer.{name}" for name in (*numerics, "channels_last", "compile", "micro_batches")
    }
    assert sections(Role.MACHINE) == {"trust", "trainer.threads", "trainer.progress", *machine}
    assert sections(Role.COSMETIC) == {
        *("experiment", "logger", "trainer.name", "field.label", "field.description"),
        *(f"scale.{name}" for name in sizes),
    }
    assert sections(Role.WORK) == {"task", "study", "adapt.without_win", *(f"labels.study.{name}" for name in lists)}
    assert {name for name in sections(Role.PLACE) if not name.startswith("labels.")} == {
        *("paths", "ingest", "engine", "fetch", *INPUTS)
    }
    assert "labels.study.faint" in names_with(record, Role.RESULT)
    assert "adapt.parts.adversary.hidden" in names_with(record, Role.RESULT)


def test_defaults_stand_in_yaml_alone_but_for_keys_that_records_lack(contents: dict[str, dict[str, Any]]) -> None:
    keys = [key for key in keys_of(validate(contents["hsc9b_baseline"])) if not key.in_entry]
    known = [key for key in keys if key.default is not PydanticUndefined and key.role is not Role.WORK]
    found = {key.name for key in known if not key.name.startswith((*OF_CODE, "simulation.galaxies."))}
    assert found == LACKED
    assert {key.name for key in known if key.name.startswith(OF_CODE) and not key.at_default} <= CHOSEN | {
        "experiment.description"
    }


def test_a_new_key_with_a_default_changes_no_id(
    contents: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: run_folder(validate(content), "data").path for name, content in contents.items()}
    monkeypatch.setattr(setting_roles, "Config", NewConfig)
    for name, content in contents.items():
        assert run_folder(NewConfig.model_validate(content), "data").path == before[name]
    content, path = contents["hsc9b_baseline"], before["hsc9b_baseline"]

    def with_new(trainer: dict[str, int], section: dict[str, Any]) -> Path:
        changed = {**content, "trainer": {**content["trainer"], **trainer}, "further": section}
        return run_folder(NewConfig.model_validate(changed), "data").path

    assert with_new({"brand_new": 3, "workers": 9}, {"value": 1, "place": "there"}) == path
    assert len({path, with_new({"brand_new": 4}, {}), with_new({}, {"value": 2})}) == 3


def test_the_keys_that_shape_the_result_or_its_last_digits_make_the_id(record: dict[str, Any]) -> None:
    def in_id(content: dict[str, Any]) -> dict[str, Any]:
        return {key.name: key.value for key in keys_of(content) if key.in_id}

    before, after = in_id(record), in_id(with_other(record, *(key.name for key in keys_of(record))))
    found = {name for name in before | after if name not in before or before[name] != after.get(name)}
    assert of_dictionaries(found) == set(names_with(record, *OF_THE_ID)) >= of_dictionaries(after)


def test_ids_of_composed_configs() -> None:
    plain = run_folder(composed(), "data")
    idle = ["trainer.threads=3", "data.cache=x", "data.num_workers=2", "logger=wandb", "trust=[p]", "adapt=dann",
            "ingest.path=x", "labels.study.seeds=[7]", "scale.n_galaxies=5", "simulation.n_galaxies=10000"]  # fmt: skip
    assert run_folder(composed(*idle), "data") == plain
    shaping = ("trainer.precision=32", "module.tta=1", "modality.size=3", "data.source_select='z > 1'", "tta=8")
    assert len({plain, run_folder(composed(), "other"), *(run_folder(composed(one), "data") for one in shaping)}) == 7


def test_a_study_takes_a_run_for_changed_by_what_shapes_the_result_alone(
    record: dict[str, Any], tmp_path: Path
) -> None:
    asked = asked_for(ADAPTING)
    tiny = {key.name: key.value for key in keys_of(record) if key.role is Role.RESULT}
    asked = Asked({**asked.settings, **tiny}, asked.defaults)

    def changed(content: dict[str, Any]) -> set[str]:
        made = {"config": content, "photoz_lit": asked.settings["photoz_lit"], "data_hash": "x"}
        (tmp_path / "provenance.json").write_text(json.dumps({**made, "simulation_version": 6}))
        return {one.partition(": ")[0] for one in changes(made_with(tmp_path), asked)}

    beside = [name for name in names_with(record, *set(Role) - {Role.RESULT}) if name not in INPUTS]
    assert changed(record) == changed(with_other(record, *beside)) == set()
    assert of_dictionaries(changed(with_other(record, *tiny))) == set(tiny)


def test_a_record_without_a_key_was_made_with_its_default(record: dict[str, Any], tmp_path: Path) -> None:
    older = deepcopy(record)
    del older["simulation"]["galaxies"], older["module"]["recipe"], older["tta"]
    (tmp_path / "metrics.json").touch()
    (tmp_path / "provenance.json").write_text(json.dumps({"config": {**older, "bench": {"full": False}, "jobs": 2}}))
    config = config_of_run(tmp_path, composed())
    assert (config.simulation.galaxies, config.module.recipe, config.tta) == (earlier_galaxies(), "published", None)
    fast, published = asked_for([]), asked_for(["module.recipe=published", "simulation/galaxies=earlier"])
    lacks = ("module.", "tta", "simulation.windows.zcosmos.")
    made = {name: value for name, value in published.settings.items() if not name.startswith(lacks)}
    made["module.learning_rate"] = 0.001
    assert changes(made, published) == []
    assert "module.recipe: published -> fast" in changes(made, fast)


def test_a_comparison_tells_runs_apart_by_what_shapes_the_result_alone(record: dict[str, Any], tmp_path: Path) -> None:
    seedless = [name for name in names_with(record, Role.RESULT) if name != "seed"]
    beside = [*names_with(record, *set(Role) - {Role.RESULT}), "seed"]
    configs = {"plain": record, "beside": with_other(record, *beside), "other": with_other(record, *seedless)}
    runs = [make_run(tmp_path / name, "hsc6b_baseline", 0, n=30, config=content) for name, content in configs.items()]
    assert [run.settings for run in read_runs(runs[:2])] == [{}]
    one, two = read_runs([runs[0], runs[2]])
    by_name = {
        name for name in seedless if name.rpartition(".")[0] + ".name" in seedless and not name.endswith(".name")
    }
    said = {name for name in seedless if name in one.settings or name.rpartition(".")[2] in one.settings}
    sections = {f"{name}.name" for name in one.settings}
    empty = {key.name for key in keys_of(record) if key.value == {}}
    assert set(seedless) - by_name - said - sections == empty & set(seedless)
    assert ENTRY in two.settings  # the run with something in them says so
