"""``task=<task> --help``: the keys that a task takes, with type, default and one line each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Literal, cast, get_args, get_origin

from omegaconf import OmegaConf
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape

from photoz_lit.command_line.choices import choices_of, compose_config, config_folders, description_of, is_group
from photoz_lit.command_line.key_types import accepts, section_of, takes_names, types_of
from photoz_lit.command_line.overrides import for_hydra, key_of
from photoz_lit.command_line.reach import leaves
from photoz_lit.config import Config
from photoz_lit.console import NamesTable
from photoz_lit.fields import conf_directory
from photoz_lit.network_choice import settings_type_of
from photoz_lit.settings import Input
from photoz_lit.tasks.task import Task, marked, within

NEEDED = "needed"
PLAIN = {str: "text", Path: "path", int: "int", float: "float", bool: "true/false", NoneType: "null", Any: "any"}


def print_task_help(overrides: Sequence[str], config_dir: Path | None = None) -> None:
    """Print what the chosen task takes, under the groups that the overrides choose."""
    folders = config_folders(config_dir)
    composed = compose_config(for_hydra(overrides, False, config_dir), config_dir)
    content = cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True))
    task = Task.of(content["task"])
    console = Console()
    description = description_of(choices_of("task", folders)[task.name], "task")
    console.print(f"[bold]task={escape(task.name)}[/bold]: {escape(description)}")
    options = option_rows(task, content["task"])
    open_options = [task.spelt(key.removeprefix("task.")) for key, _, default, _ in options if default == NEEDED]
    needed = [*open_options, *task.takes.needs]
    if needed:
        console.print(f"It needs {', '.join(needed)}.", highlight=False)
    table = NamesTable(box=None, padding=(0, 2, 0, 0))
    for title in ("key", "type", "default", "what it is"):
        table.add_column(title, overflow="fold")
    for cells in [*options, *config_rows(task, content, comments_in_use(overrides, content, folders))]:
        table.add_row(*cells)
    console.print(table, highlight=False)


def option_rows(task: Task, values: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Key, type, default and meaning of each option of a task, with the short spelling that it has."""
    inputs = dict(marked(task.options))
    rows = []
    for name, field in task.options.model_fields.items():
        key, short, kinds = f"task.{name}", task.spelt(name), types_of(f"task.{name}", task.options)
        default = NEEDED if values[name] is None and not accepts(kinds, None) else _shown(values[name])
        also = "" if short == key else f"; also {short}="
        rows.append((key, _kind(kinds, inputs.get(name)), default, f"{field.description}{also}"))
    return rows


def config_rows(task: Task, content: dict[str, Any], comments: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """The same of the keys of the config that a task reads."""
    inputs = dict(marked(Config))
    read = [*task.takes.needs, *(task.takes.reads or ())]
    network = settings_type_of(content["network"])
    shown: dict[str, Any] = {}
    for key, value in leaves({name: part for name, part in content.items() if name != "task"}).items():
        shown.setdefault(listed := _listed(key), value if listed == key else "…")
    rows = []
    for key, value in shown.items():
        if any(within(key, one) for one in read) and not key.endswith(("_target_", ".description")):
            meaning = comments.get(key) or attributes(section_of(key, network=network)).get(key.split(".")[-1], "")
            kinds = types_of(key, network=network)
            if kinds == [Any] and type(value) in PLAIN:  # an option of a part that a section leaves open
                kinds = [type(value)]
            rows.append((key, _kind(kinds, inputs.get(key)), _shown(value), meaning))
    return rows


def _kind(kinds: list[Any], named: Input | None) -> str:
    """Types as a user reads them; of what names a store, a run or a file, that."""
    shown = " | ".join(dict.fromkeys(type_name(one) for one in kinds))
    if named is None:
        return shown
    return re.sub(r"\b(text|path)\b", str(named), shown)


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) < 40 else "…"


def _listed(key: str) -> str:
    """A key as it is listed: of a dictionary, such as the bands of a field, the dictionary alone."""
    parts = key.split(".")
    outer = (".".join(parts[:n]) for n in range(1, len(parts)))
    return next((one for one in outer if takes_names(types_of(one))), key)


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
        names, colon, meaning = entry.partition(" : ")
        if colon:
            found |= dict.fromkeys(names.split(", "), " ".join(meaning.split()).rstrip("."))
    return found


def comments_in_use(overrides: Sequence[str], content: dict[str, Any], folders: Sequence[Path]) -> dict[str, str]:
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
