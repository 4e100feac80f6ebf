"""What the user types, and what Hydra reads in it."""

import json
import subprocess
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from photoz_lit.command_line.overrides import for_hydra, split_at_commas
from photoz_lit.command_line.quoting import parsed, typed
from photoz_lit.fields import conf_directory
from photoz_lit.tasks.aliases import as_typed

NAMES = (
    "healpix=1", "my (copy)", "field[1]", "d'or", "été", "a,b", "a#b", "a$b", "~/x", "my stores/a", "{}", "a{b}", "[a]",
    "2024", "00123", "1e3", "true", 'say "x"', "a;b", "a&b", "a!b", "back\\slash", "end\\", "a:b", "d'or, \"x\" (1)",
    "x=1,y",
)  # fmt: skip


def from_command_line(*overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
        return compose("config", overrides=for_hydra(overrides))


@pytest.mark.parametrize("name", NAMES)
def test_a_text_arrives_letter_by_letter_through_a_real_shell_as_it_is_printed(name: str) -> None:
    printed = typed("store", name)
    script = f"printf '%s' {printed}"
    argument = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    override, _ = for_hydra([argument, "task=ingest"])
    read = parsed(override)
    assert read is not None
    assert read.value() == name


@pytest.mark.parametrize("name", [name for name in NAMES if "," not in name])
def test_a_text_without_commas_needs_no_quotes_of_hydra(name: str) -> None:
    for key in ("store", "ingest.path", "paths.runs", "data.source", "simulation.catalogue", "run"):
        read = parsed(for_hydra([f"{key}={name}", "task=nz"])[0])
        assert read is not None
        assert read.value() == name


def test_a_comma_is_a_sweep_unless_it_is_in_the_name_of_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert for_hydra(["task=nz", "store=a,b"]) == ["task=nz", "task.store=a,b"]
    (tmp_path / "a,b").mkdir()
    assert for_hydra(["task=nz", "store=a,b"]) == ["task=nz", "task.store='a,b'"]
    assert for_hydra(["task=nz", "store=a,b"], multirun=True) == ["task=nz", "task.store=a,b"]
    assert for_hydra(["task=nz", "store=h=1,h=2,c"], multirun=True) == ["task=nz", "task.store='h=1','h=2',c"]


def test_lists_numbers_and_choices_stay_what_they_are() -> None:
    kept = [
        "data.store=[a,b]", "data.bands=[u_g,g_r]", "seed=0,1", "modality.size=2,3", "modality.order=[1,2]",
        "network=plain", "data.labels=null", "task.rerun=true", "adapt.strength=1e-3", "trainer.devices=2",
        "scale=paper", "study=width", "study.common=['scale=paper']", "data.bands=[u,g]", "~data.labels",
        "hydra.sweep.dir=x", "data.store=${data.source}", "network=treyer,plain", "data.resident=auto",
        "simulation.conditions={base: cosmos_ud, parts: [depth, seeing]}", "data.bands=[]", "data.store=[1,2]",
    ]  # fmt: skip
    assert for_hydra(kept) == kept
    targets = for_hydra(["task=mismatch", "targets=[h=1, b]", "targets=h=1"])
    assert targets[1:] == ["task.targets=['h=1',b]", "task.targets='h=1'"]


def test_a_short_spelling_stands_for_an_option_of_the_chosen_task() -> None:
    assert for_hydra(["store=a", "task=ingest"]) == ["task.output=a", "task=ingest"]
    assert for_hydra(["store=a", "task=inspect"]) == ["task.store=a", "task=inspect"]
    assert for_hydra(["bench.output=a.json", "task=bench"]) == ["task.file=a.json", "task=bench"]
    assert for_hydra(["run=a", "task=bench"]) == ["run=a", "task=bench"]
    assert for_hydra(["rerun=true"]) == ["task.rerun=true"]
    assert for_hydra(["run=a,b", "task=predict,nz"], multirun=True)[0] == "task.run=a,b"


def test_jobs_of_a_sweep_are_the_launchers_and_those_of_a_study_its_own() -> None:
    assert for_hydra(["jobs=3", "seed=0,1"], multirun=True)[0] == "hydra.launcher.jobs=3"
    assert for_hydra(["jobs=3", "task=study", "study=width"])[0] == "task.jobs=3"
    assert for_hydra(["jobs=3"]) == ["jobs=3"]


def test_the_jobs_of_a_sweep_are_spelt_as_the_user_typed() -> None:
    assert as_typed("task.run=a", ["task", "run"]) == "run=a"
    assert as_typed("task.run=a", ["task.run"]) == "task.run=a"
    assert as_typed("task.output=a", ["store", "seed"]) == "store=a"
    assert as_typed("seed=a", ["store", "seed"]) == "seed=a"


@pytest.mark.parametrize("plus", ["", "+", "++"])
def test_names_of_open_dictionaries_are_set_with_and_without_a_plus(plus: str) -> None:
    config = from_command_line(
        "ingest=galaxiesml",
        f"{plus}ingest.zero_points.q=26",
        f"{plus}data.label_weights.spec=0.5",
        f"{plus}ingest.columns.z=ZBEST",
        f"{plus}ingest.columns.mag_q.column=MAG=Q",
        f"{plus}ingest.options.anything=3",
        f"{plus}labels.target_columns.mag_i=HSC_i_MAG",
    )
    assert config.ingest.zero_points.q == 26
    assert config.ingest.zero_points.r == 27.0
    assert config.data.label_weights == {"spec": 0.5}
    assert config.ingest.columns.z == "ZBEST"
    assert config.ingest.columns.mag_q == {"column": "MAG=Q"}
    assert config.ingest.options == {"image": "image", "anything": 3}
    assert config.labels.target_columns == {"mag_i": "HSC_i_MAG"}


def test_patterns_of_files_need_no_quotes() -> None:
    config = from_command_line("ingest=fits_stamps", "ingest.options.images={object_id}_{band}.fits")
    assert config.ingest.options.images == "{object_id}_{band}.fits"


@pytest.mark.parametrize("plus", ["", "++"])
def test_several_names_of_an_open_dictionary_at_once(plus: str) -> None:
    config = from_command_line("ingest=arrays", f"{plus}ingest.zero_points={{g: 22.5, r: 22.6}}")
    assert config.ingest.zero_points == {"g": 22.5, "r": 22.6}
    config = from_command_line("ingest=galaxiesml", f"{plus}ingest.zero_points={{g: 22.5, q: 22.6}}")
    assert (config.ingest.zero_points.g, config.ingest.zero_points.r, config.ingest.zero_points.q) == (22.5, 27.0, 22.6)


@pytest.mark.parametrize("plus", ["", "+", "++"])
def test_an_experiment_needs_no_plus(plus: str) -> None:
    assert from_command_line(f"{plus}experiment=sdss_multimodal").experiment.name == "sdss_multimodal"


def test_a_store_of_real_data_takes_the_full_scale_whatever_its_name(tmp_path: Path) -> None:
    for name in ("healpix=1", "d'or", "2024"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "store.json").write_text(json.dumps({"data": "real"}))
        assert for_hydra([f"data.store={tmp_path / name}"])[-1] == "scale=paper"
        assert for_hydra([typed("data.store", tmp_path / name).strip("'\"")])[-1] == "scale=paper"


def test_commas_in_brackets_and_quotes_do_not_split() -> None:
    assert split_at_commas("a,[b,c],'d,e',f(g,h)") == ["a", "[b,c]", "'d,e'", "f(g,h)"]
    assert split_at_commas("d'or,b,") == ["d'or", "b"]
