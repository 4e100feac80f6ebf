"""Every command in the READMEs, the Makefile and the tasks' descriptions is read, and reaches what it sets."""

import re
import shlex
from itertools import product
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from photoz_lit.command_line.arguments import read_arguments, require_key_and_value, with_named_task
from photoz_lit.command_line.choices import config_folders
from photoz_lit.command_line.overrides import for_hydra, split_at_commas
from photoz_lit.command_line.quoting import parsed
from photoz_lit.command_line.reach import require_reached_by_one
from photoz_lit.fields import conf_directory

ROOT = Path(__file__).parents[2]
FOLDERS = config_folders()
#: Pages that add a choice (docs/add_a_*.md) are followed literally by tests/docs; choices.md is made by `make docs`.
PAGES = [path for path in sorted((ROOT / "docs").glob("*.md")) if not path.name.startswith(("add_a", "choices"))]
TUTORIALS = [  # not the page that `make docs` makes of a notebook
    path for path in sorted((ROOT / "docs" / "tutorials").glob("*.md")) if not path.with_suffix(".ipynb").exists()
]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "Makefile",
    *PAGES,
    *TUTORIALS,
    *sorted((ROOT / "experiments").glob("*/README.md")),
]
#: What stands for the user's own in a command.
STAND_FOR = {"adapt=<method>": "adapt=dann", "field=<name>": "field=hsc9b", "ingest=<reader>": "ingest=fits_stamps"}
STAND_FOR |= {"fetch=<service>": "fetch=legacy_viewer"}
STAND_FOR |= {
    "study=<name>": "study=width",
    "ingest=mine": "ingest=fits_stamps",
    "<run or method>": "r",
    "<folder or list>": "r",
}


def commands_in(text: str) -> list[str]:
    """Commands of a text, without comments, continued lines joined, placeholders filled."""
    joined = re.sub(r"\\\n\s*", "", text)
    joined = re.sub(r"`([^`]*)\n([^`]*)`", r"`\1 \2`", joined)
    found = re.findall(r"(?:-m photoz_lit) ([^\n`#|]*(?:'[^']*'[^\n`#|]*)*)", joined)
    return [filled(one) for one in found]


def filled(command: str) -> str:
    for placeholder, name in STAND_FOR.items():
        command = command.replace(placeholder, name)
    command = re.sub(r"--config-dir \S+|(?:<settings below>)| > .*| \[\S+=\S+ ?$", "", command)
    command = re.sub(r" \[(\S+=\S+)\]", r" \1", command)  # what may be left out
    return re.sub(r"<[^>]*>|…", "x", command).strip()


def described() -> list[str]:
    """Commands in the descriptions of tasks: ``task=predict run=<run> data.store=<store>``."""
    found = []
    for path in sorted((conf_directory() / "task").glob("*.yaml")):
        text = str(yaml.safe_load(path.read_text())["description"])
        found += [filled(one) for one in re.findall(r"(?:task|\+?experiment)=\S+(?: \S+=\S+| \[\S+=\S+\])*", text)]
    return found


COMMANDS = sorted({command for path in DOCUMENTS for command in commands_in(path.read_text())} | set(described()))


def require_runs(command: str) -> None:
    """Read a command as the command line does, compose every job of it, and check that each key reaches one."""
    given = with_named_task(read_arguments(shlex.split(command)))
    require_key_and_value(given.overrides)
    overrides = for_hydra(given.overrides, given.multirun)
    jobs = []
    for chosen in product(*([one] if not given.multirun else swept(one) for one in overrides)):
        kept = [one for one in chosen if not one.startswith("hydra")]
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
            jobs.append((compose("config", overrides=kept), kept))
    require_reached_by_one(jobs, FOLDERS, sweep=given.multirun)


def swept(override: str) -> list[str]:
    read = parsed(override)
    if read is None or not read.is_sweep_override():
        return [override]
    key, _, value = override.partition("=")
    return [f"{key}={one}" for one in split_at_commas(value)]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_runs(command: str) -> None:
    require_runs(command)


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 60
    assert "task=emitters run=x" in COMMANDS
