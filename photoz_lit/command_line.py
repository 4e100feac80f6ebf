"""What the command line says: its help, and Hydra's errors as one sentence with the nearest known name."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.table import Table

from photoz_lit.errors import nearest
from photoz_lit.fields import conf_directory

USAGE = """[bold]photoz_lit[/bold]: galaxy photometric redshifts from multi-band images

  python -m photoz_lit +experiment=<name> \\[key=value ...]     train and evaluate
  python -m photoz_lit task=<verb> \\[key=value ...]            any other verb
  python -m photoz_lit -m +experiment=<name> key=a,b,c        sweep: one job per combination
  python -m photoz_lit --cfg job +experiment=<name>           print the whole config
"""


def print_help() -> None:
    """Print tasks, experiments, studies and fields, one line each."""
    console = Console()
    console.print(USAGE, highlight=False)
    for group, title in (("task", "tasks"), ("experiment", "experiments"), ("study", "studies"), ("field", "fields")):
        table = Table(title=title, title_justify="left", box=None, show_header=False, padding=(0, 2, 0, 2))
        for name, description in sorted(descriptions(group).items()):
            table.add_row(name, description)
        if table.row_count:
            console.print(table, highlight=False)
            console.print()


def descriptions(group: str) -> dict[str, str]:
    """Name and one-line description of every choice of a config group."""
    found = {}
    for path in (conf_directory() / group).glob("*.yaml"):
        content = yaml.safe_load(path.read_text()) or {}
        found[path.stem] = str(content.get("description") or content.get(group, {}).get("description", ""))
    return found


def with_default_scale(overrides: Sequence[str]) -> list[str]:
    """Add ``scale=paper`` where ``data.store`` names real data and no scale is given."""
    given = dict(o.lstrip("+").split("=", 1) for o in overrides if "=" in o)
    store = given.get("data.store", "")
    if "scale" in given or not store:
        return list(overrides)
    first = Path(store.strip("[]").split(",")[0].strip("'\" "))
    try:
        real = json.loads((first / "store.json").read_text()).get("data") == "real"
    except (OSError, ValueError, AttributeError):
        real = False  # the task that opens the store says what is wrong with it
    return [*overrides, "scale=paper"] if real else list(overrides)


def explain(error: Exception, overrides: Sequence[str] = ()) -> str:
    """Turn an error of Hydra or OmegaConf into one sentence.

    Unknown keys and choices are answered with the nearest known one; the group choices among ``overrides`` tell
    which keys there are.
    """
    text = str(error)
    cause = str(error.__cause__ or "")
    if match := re.search(r"(?:Could not find|In '.*': Could not find|Could not load) '([\w/]+)/([\w.-]+)'", text):
        group, choice = match.groups()
        known = [p.stem for p in (conf_directory() / group).glob("*.yaml")]
        return f"unknown {group} '{choice}'{nearest(choice, known)}"
    if match := re.search(r"Could not override '(@?[\w.@]+)'", text):
        return _unknown_key(match[1], overrides)
    if match := re.search(r"Key '(\w+)' (?:is )?not in", text + cause):
        return _unknown_key(match[1], overrides)
    if match := re.search(r"Could not append to config. An item is already at '([\w.]+)'", text):
        return f"'+{match[1]}' is a known key; write '{match[1]}=...' without the plus sign."
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"{first.strip().rstrip('.')}."


def _unknown_key(key: str, overrides: Sequence[str]) -> str:
    known = _known_keys(overrides)
    if key in known or any(k.startswith(key + ".") for k in known):
        return f"'{key}' cannot be set that way; see the file of its group in conf/."
    group = key.split(".")[0]
    beside = [k for k in known if k.startswith(group + ".")]
    if beside:
        return f"unknown key '{key}'{nearest(key, beside, group + '.')}"
    return f"unknown key '{key}'{nearest(group, {k.split('.')[0] for k in known})}"


def _known_keys(overrides: Sequence[str]) -> list[str]:
    """Dotted names of every key of the default config with the groups that ``overrides`` choose."""
    chosen = [o for o in overrides if (conf_directory() / o.lstrip("+").split("=")[0]).is_dir()]
    for choices in (chosen, []):  # a choice may be the one that is unknown, or one of a sweep
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
            try:
                return _dotted(compose("config", overrides=choices))
            except (HydraException, OmegaConfBaseException):
                continue
    return []


def _dotted(config: DictConfig) -> list[str]:
    def walk(node: Any, prefix: str) -> list[str]:
        if not isinstance(node, dict):
            return [prefix]
        return [name for k, v in node.items() for name in walk(v, f"{prefix}.{k}" if prefix else str(k))]

    return walk(OmegaConf.to_container(config, resolve=False), "")
