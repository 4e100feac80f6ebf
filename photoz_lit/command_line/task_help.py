"""``task=<task> --help``: the keys that a task takes, with type, default and one line each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Literal, cast, get_args, get_origin

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from photoz_lit.command_line.choices import choices_of, chosen_task, config_folders, description_of, is_group
from photoz_lit.command_line.inputs import options_type
from photoz_lit.command_line.key_types import section_of, takes_names, types_of
from photoz_lit.command_line.overrides import for_hydra, key_of
from photoz_lit.command_line.reach import leaves, within
from photoz_lit.fields import conf_directory
from photoz_lit.tasks.takes import takes_of

NOT_OPTIONS = ("name", "description", "_target_", "takes")
PLAIN = {str: "text", Path: "path", int: "int", float: "float", bool: "true/false", NoneType: "null", Any: "any"}


def print_task_help(overrides: Sequence[str], config_dir: Path | None = None) -> None:
    """Print what the chosen task takes, under the groups that the overrides choose."""
    folders = config_folders(config_dir)
    search = [] if config_dir is None else [f"hydra.searchpath=['file://{config_dir.resolve()}']"]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
        composed = compose("config", overrides=[*for_hydra(overrides), *search])
    takes = takes_of(composed)
    options = options_type(takes)
    task = chosen_task(overrides, folders)
    content = cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True))
    content["task"] = {k: v for k, v in content["task"].items() if k not in NOT_OPTIONS}
    read = ["task", *takes.needs, *takes.inputs, *(takes.reads or ())]
    console = Console()
    description = description_of(choices_of("task", folders)[task], "task")
    console.print(f"[bold]task={escape(task)}[/bold]: {escape(description)}")
    if takes.needs:
        console.print(f"It needs {', '.join(takes.needs)}.", highlight=False)
    comments = _comments(overrides, content, folders)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("key", "type", "default", "what it is"):
        table.add_column(title, overflow="fold")
    content = {"task": content.pop("task"), **content}  # the task's own options first
    shown: dict[str, Any] = {}
    for key, value in leaves(content).items():
        shown.setdefault(listed := _listed(key, options), value if listed == key else "…")
    for key, value in shown.items():
        if key != "task" and any(within(key, one) for one in read) and not key.endswith(("_target_", ".description")):
            told = comments.get(key) or attributes(section_of(key, options)).get(key.split(".")[-1], "")
            kind = " | ".join(dict.fromkeys(type_name(one) for one in types_of(key, options)))
            default = "null" if value is None else str(value)
            table.add_row(*(escape(text) for text in (key, kind, default if len(default) < 40 else "…", told)))
    console.print(table, highlight=False)


def _listed(key: str, options: type[BaseModel] | None) -> str:
    """A key as it is listed: of a dictionary, such as the bands of a field, the dictionary alone."""
    parts = key.split(".")
    outer = (".".join(parts[:n]) for n in range(1, len(parts)))
    return next((one for one in outer if takes_names(types_of(one, options))), key)


def type_name(kind: Any) -> str:
    """A type as a user reads it: ``int``, ``text``, ``drop | blank``, ``list of text``."""
    if get_origin(kind) is Literal:
        return " | ".join(str(one) for one in get_args(kind))
    if get_origin(kind) in (list, tuple):
        return f"list of {type_name(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return f"{{name: {type_name(get_args(kind)[1])}}}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "{…}"
    if kind in PLAIN:
        return PLAIN[kind]
    inner = get_args(kind)
    if get_origin(kind) is not None and hasattr(kind, "__metadata__"):
        inner = inner[:1]
    return " | ".join(dict.fromkeys(type_name(one) for one in inner)) or str(kind)


def attributes(section: type[BaseModel] | None) -> dict[str, str]:
    """What the docstring of a typed section says of each attribute."""
    text = inspect.getdoc(section) if section is not None else None
    _, _, listed = (text or "").partition("Attributes\n----------\n")
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", listed):
        names, colon, told = entry.partition(" : ")
        if colon:
            found |= dict.fromkeys(names.split(", "), " ".join(told.split()).rstrip("."))
    return found


def _comments(overrides: Sequence[str], content: dict[str, Any], folders: Sequence[Path]) -> dict[str, str]:
    """Comments of the config files in use, by dotted key."""
    found = comments_of(conf_directory() / "config.yaml", "")
    chosen = {key_of(one): one.partition("=")[2] for one in overrides}
    for group, section in content.items():
        if is_group(group, folders):
            name = section.get("name") if isinstance(section, dict) else None
            files = choices_of(group, folders)
            base = files.get("base") or next(iter(files.values()))
            for path in (base, files.get(chosen.get(group, str(name)))):
                if path is not None:
                    found |= comments_of(path, group)
    return found


def comments_of(path: Path, group: str) -> dict[str, str]:
    """Comments behind the keys of a YAML file, by dotted key below its group."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.match(r"(\s*)([A-Za-z_]\w*):(.*)", line)
        if match is None:
            continue
        depth = len(match[1])
        above = [one for one in above if one[0] < depth] + [(depth, match[2])]
        _, hash_sign, comment = match[3].partition(" # ")
        if hash_sign:
            found[".".join([*([group] if group else []), *(name for _, name in above)])] = comment.strip()
    return found
