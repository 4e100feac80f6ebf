"""The choices of every config group: the package's, and those in the user's own ``--config-dir``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from photoz_lit.fields import conf_directory

#: The safe loader, in C where PyYAML was built with it: ``--help`` reads some 150 files.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def config_folders(config_dir: Path | None = None) -> tuple[Path, ...]:
    """Folders in which config groups are looked for, the user's own first, as Hydra looks."""
    return (conf_directory(),) if config_dir is None else (config_dir, conf_directory())


def is_group(name: str, folders: Sequence[Path]) -> bool:
    """Whether a config group has this name."""
    return bool(name) and any((folder / name).is_dir() for folder in folders)


def choices_of(group: str, folders: Sequence[Path]) -> dict[str, Path]:
    """Files of a group by the name of the choice, sorted."""
    found: dict[str, Path] = {}
    for folder in reversed(folders):
        found.update({path.stem: path for path in (folder / group).glob("*.yaml")})
    return dict(sorted(found.items()))


def read_choice(path: Path) -> dict[str, Any]:
    """Content of a choice's file as it stands there; empty where it is no mapping: Hydra says what is wrong with it."""
    try:
        content = LOADER(path.read_text(encoding="utf-8")).get_single_data()
    except (OSError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def compose_config(overrides: Sequence[str], config_dir: Path | None = None) -> DictConfig:
    """Config that overrides, as Hydra reads them, compose."""
    search = [] if config_dir is None else [f"hydra.searchpath=['file://{config_dir.resolve()}']"]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
        return compose("config", overrides=[*overrides, *search])


def chosen_task(overrides: Sequence[str], folders: Sequence[Path]) -> str:
    """Name of the task that overrides choose: the last ``task=``, else that of the experiment, else ``train``."""
    task, experiment = "", ""
    for override in overrides:
        key, _, value = override.partition("=")
        if key.lstrip("+") == "task":
            task = value.strip("'\"")
        elif key.lstrip("+") == "experiment":
            experiment = value.strip("'\"")
    path = choices_of("experiment", folders).get(experiment)
    entries = read_choice(path).get("defaults", []) if path is not None and not task else []
    for entry in entries:
        if isinstance(entry, dict) and "override /task" in entry:
            task = str(entry["override /task"])
    return task or "train"


def description_of(path: Path, group: str) -> str:
    """One line on a choice: its ``description``, else the first comment of its file."""
    content = read_choice(path)
    section = content.get(group)
    found = content.get("description") or (section.get("description") if isinstance(section, dict) else None)
    return str(found) if found else _first_comment(path)


def _first_comment(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in lines:
        text = line.removeprefix("#").strip()
        if not line.startswith("#"):
            return ""
        if not text.startswith("@"):
            return text
    return ""
