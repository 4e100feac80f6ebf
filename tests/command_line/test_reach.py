"""What reaches nothing is refused; what a task reads is as it declares."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import photoz_lit
from photoz_lit.__main__ import main
from photoz_lit.command_line.choices import compose_config, config_folders
from photoz_lit.command_line.key_types import types_of
from photoz_lit.command_line.overrides import for_hydra
from photoz_lit.command_line.reach import ALWAYS_READ, require_reached_by_one, unreached_overrides
from photoz_lit.config import Config, validate
from photoz_lit.errors import InputError
from photoz_lit.fields import conf_directory
from photoz_lit.setting_roles import keys_of
from photoz_lit.tasks.task import Takes, Task
from tests.command_line.answered import answered

FOLDERS = config_folders()
TASKS = sorted(path.stem for path in (conf_directory() / "task").glob("*.yaml"))
SOURCE = Path(photoz_lit.__file__).parent


def task_of(task: str) -> Task:
    return Task.of(yaml.safe_load((conf_directory() / "task" / f"{task}.yaml").read_text()))


def takes_of(task: str) -> Takes:
    return task_of(task).takes


def always_read() -> list[str]:
    return [key.name for key in keys_of(validate(compose_config([]))) if key.role in ALWAYS_READ]


def unreached(*overrides: str) -> dict[str, str]:
    composed = compose_config(for_hydra(overrides))
    validate(composed)
    return unreached_overrides(composed, overrides, FOLDERS)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ("task=emitters run=r simulation.n_galaxies=5", "task=emitters does not use simulation.n_galaxies: it reads "),
        ("task=emitters run=r scale=paper", "task=emitters does not use scale: it reads run, "),
        ("task=nz run=r seed=3", "task=nz does not use seed: it reads run, store, "),
        ("task=nz run=r data.select=z>1", "task=nz does not use data.select without store and data.store."),
        ("task=nz run=r task.reference_z=z", "task=nz does not use task.reference_z without task.reference."),
        ("task=predict run=r data.store=s network=plain", "task=predict does not use network: it reads run, "),
        ("task=predict run=r data.store=s experiment=sdss_baseline", "task=predict does not use experiment: it reads "),
        ("task=predict run=r data.store=s trainer.max_epochs=3", "task=predict does not use trainer.max_epochs"),
        ("task=bench trainer=gpu", "task=bench does not use trainer."),
        ("task=ingest store=s data.bands=[g]", "task=ingest does not use data.bands: it reads store, ingest, field, "
                                              "engine; did you mean ingest.bands?"),
        ("task=compare study=width runs=r", "task=compare does not use runs with study."),
        ("data.store=s simulation.n_galaxies=5", "task=train does not use simulation.n_galaxies with data.store"),
        ("data.store=s scale.n_galaxies=5", "task=train does not use scale.n_galaxies: it reads "),
        ("scale.max_epochs=3 trainer.max_epochs=2", "task=train does not use scale.max_epochs: it reads "),
        ("network=catalogue_forest trainer.max_epochs=2", "task=train does not use trainer.max_epochs with "
                                                          "network=catalogue_forest."),
        ("network=template_fit module.calibration=pit", "task=train does not use module.calibration with "
                                                        "network=template_fit."),
        ("data.target=t module.calibration=pit", "task=train does not use module.calibration with data.target"),
        ("adapt=dann", "task=train does not use adapt without data.target and data.target_fields."),
        ("fusion=late", "task=train does not use fusion with module=baseline."),
        ("seed=1 hydra/launcher=submitit_slurm", "hydra/launcher=submitit_slurm is for a sweep; add -m"),
        ("task=study study=width hydra/launcher=submitit_slurm", "hydra/launcher=submitit_slurm is for a sweep; add"),
    ],
)  # fmt: skip
def test_what_reaches_nothing_is_refused(overrides: str, sentence: str) -> None:
    found = unreached(*overrides.split())
    assert list(found) == [overrides.split()[-1 if "scale.max" not in overrides else 0]]
    assert next(iter(found.values())).startswith(sentence)


@pytest.mark.parametrize(
    "overrides",
    [
        "field=hsc9b network=plain trainer.max_epochs=2 seed=3 scale=paper",
        "network=catalogue_forest module.calibration=none",
        "network=catalogue_forest module.recipe=published",
        "experiment=hsc9b_multimodal fusion=late modality.size=3 scale.width=0.5",
        "experiment=xmm_d_adapt adapt=dann adapt.memory=3 data.target_seed=4 simulation.n_galaxies=900",
        "data.store=s data.target=t adapt=coral adapt.strength=2",
        "data.store=s data.target_fields=[xmm_d] simulation.n_galaxies=900",
        "task=predict run=r data.store=s trainer=gpu trainer.devices=1 data.num_workers=2 trainer.progress=false",
        "task=simulate field=hsc9b scale=paper store=s",
        "experiment=zcosmos_labels simulation.catalogue=c labels.study.seeds=[0]",
        "task=ingest experiment=hsc6b_multimodal store=s ingest.path=x",
        "task=study study=width jobs=2 logger=wandb paths.runs=r data.cache=c task.seeds=[0]",
        "task=study study=sdss_gz simulation.catalogue=c.csv study.common=['scale=paper']",
        "task=compare study=width paths.experiments=e store=s baseline=b task.draws=100",
        "task=bench bench.full=true scale=paper",
        "hydra.run.dir=x seed=1",
    ],
)
def test_what_a_task_uses_passes(overrides: str) -> None:
    assert unreached(*overrides.split()) == {}


def composed_jobs(*jobs: str) -> list[tuple[object, list[str]]]:
    found = []
    for job in jobs:
        found.append((compose_config(job.split()), job.split()))
    return found


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ("seed=1 store=x", "task=train does not use store: it reads "),
        ("task=modalities run=r drop=u_g", "task=modalities does not use drop: it reads run, "),
        ("task=study study=depth drop=[u_g]", "task=study does not use drop: it reads jobs, "),
        ("task=bench run=r", "task=bench does not use run: it reads bench.full, "),
        ("seed=1 jobs=3", "jobs=3 is for a sweep; add -m, or leave it out."),
        ("-m seed=1,2 store=x", "task=train does not use store: it reads "),
    ],
)
def test_a_short_spelling_of_what_the_task_lacks_is_refused(
    overrides: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["photoz_lit"])
    with pytest.raises(SystemExit, match="2"):
        main(overrides.split())
    assert capsys.readouterr().err.startswith(f"photoz_lit: {sentence}")


def test_a_sweep_needs_one_job_that_uses_a_key() -> None:
    both = composed_jobs("network=catalogue_forest trainer.max_epochs=2", "network=plain trainer.max_epochs=2")
    require_reached_by_one(both, FOLDERS)  # type: ignore[arg-type]
    forests = composed_jobs(*(f"network=catalogue_forest trainer.max_epochs=2 seed={seed}" for seed in (0, 1)))
    with pytest.raises(InputError, match=r"does not use trainer\.max_epochs with network=catalogue_forest"):
        require_reached_by_one(forests, FOLDERS)  # type: ignore[arg-type]


def test_a_sweep_of_what_no_job_uses_starts_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("photoz_lit.sweep.run_jobs", lambda *_: pytest.fail("a job was started"))
    monkeypatch.setattr("sys.argv", ["photoz_lit"])
    with pytest.raises(SystemExit, match="2"):
        main(["-m", "network=catalogue_forest", "seed=0,1", "trainer.max_epochs=3"])
    assert "does not use trainer.max_epochs with network=catalogue_forest" in capsys.readouterr().err


@pytest.mark.parametrize("task", TASKS)
def test_a_declaration_names_keys_that_there_are(task: str) -> None:
    takes, options = takes_of(task), task_of(task).options
    keys = {*takes.needs, *(takes.reads or ()), *(key for rule in takes.unused for key in rule.keys)}
    for rule in takes.unused:
        keys |= {key for one in rule.when for key in one.lstrip("!").partition("=")[0].split("|")}
    assert [key for key in keys if not types_of(key, options)] == []


def test_every_key_of_the_config_is_read_by_a_task() -> None:
    read = [key for task in TASKS for takes in [takes_of(task)] for key in (takes.reads or takes.needs)]
    unread = set(Config.model_fields) - {key.split(".")[0] for key in (*read, *always_read(), "task")}
    assert unread == set()


@pytest.mark.parametrize("task", TASKS)
def test_a_task_declares_every_key_that_its_file_reads(task: str) -> None:
    takes = takes_of(task)
    declared = [*takes.needs, *(takes.reads or ()), *always_read(), "task"]
    beside = [SOURCE / "tasks" / f"{task}.py", SOURCE.parent / "research" / f"{task}.py"]
    (text,) = (file.read_text() for file in beside if file.is_file())
    undeclared = {
        key
        for key in keys_read(ast.parse(text))
        if not any(key == one or key.startswith(f"{one}.") or one.startswith(f"{key}.") for one in declared)
    }
    assert undeclared == set()


def keys_read(tree: ast.AST) -> set[str]:
    """Dotted keys behind the name ``config``, as far as the config has them."""
    found = set()
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if match := re.fullmatch(r"config\.([\w.]+)", text):
            parts = match[1].split(".")
            while parts and not types_of(".".join(parts)):
                parts.pop()
            found.add(".".join(parts))
    return found - {""}


SLIPS = (
    ["trainer.max_epoch=3"],
    ["network=plane"],
    ["data.store=/nowhere/store"],
    ["task=predict", "run=/nowhere/run", "data.store=x"],
    ["task=emitters", "run=x", "simulation.n_galaxies=9"],
    ["task=mismatch", "source=/nowhere", "targets=/nowhere"],
    ["task=study", "study=width", "scale=paper"],
    ["task=nz", "run=x", "task.seed=many"],
    ["experiment=zcosmos_baseline", "simulation.catalogue=/nowhere.csv"],
)


def test_slips_are_answered_without_loading_what_training_needs() -> None:
    """One process answers them all, for it takes seconds to start; what is loaded, stays loaded."""
    for arguments, sentence in zip(SLIPS, answered(SLIPS), strict=True):
        assert "/nowhere" not in " ".join(arguments) or "/nowhere" in sentence


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(option: str) -> None:
    code = (
        f"import sys\nfrom photoz_lit.__main__ import main\nmain(['{option}'])\n"
        "print([name for name in ('torch', 'pandas', 'astropy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_store_is_no_output_of_predict(capsys: pytest.CaptureFixture[str]) -> None:
    """``store=`` is the store that a task writes; of predictions it would be taken for the store that is read."""
    with pytest.raises(SystemExit) as stop:
        main(["task=predict", "run=r", "store=s"])
    assert stop.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith("photoz_lit: task=predict does not use store: it reads run, ")
    assert said.endswith("did you mean data.store?")


def test_an_engine_is_for_tasks_that_make_tiles() -> None:
    (sentence,) = unreached("task=train", "engine=dask").values()
    assert sentence.startswith("task=train does not use engine")
    assert unreached("task=predict", "run=r", "data.store=s", "task.output=o", "engine=dask", "engine.workers=3") == {}
    (sentence,) = unreached("task=predict", "run=r", "data.store=s", "engine=dask").values()
    assert sentence == "task=predict does not use engine without task.output."
    (sentence,) = unreached("task=predict", "run=r", "data.store=s", "task.output=o", "ingest.catalogue=c").values()
    assert sentence == "task=predict does not use ingest.catalogue without data.mosaics."
