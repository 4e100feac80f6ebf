"""Overrides as typed, turned into what Hydra reads: texts with any letter, open dictionaries, defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from photoz_lit.command_line.choices import choices_of, chosen_task, config_folders, is_group, read_choice
from photoz_lit.command_line.key_types import accepts, is_open, takes_dictionaries, takes_lists, types_of
from photoz_lit.command_line.quoting import in_quotes, parsed
from photoz_lit.tasks.task import Task

JOBS, LAUNCHER_JOBS = "jobs", "hydra.launcher.jobs"


def for_hydra(overrides: Sequence[str], multirun: bool = False, config_dir: Path | None = None) -> list[str]:
    """Turn overrides as typed into overrides as Hydra reads them.

    ``experiment=x`` needs no plus sign. Short spellings of options (``run=x``) become the options that they stand for.
    ``ingest.zero_points.r=26`` sets a name that the dictionary lacks, with or without ``+``, and
    ``ingest.zero_points={g: 26, r: 26}`` several. A value that Hydra cannot read, or reads as a number or a list where
    the key takes a text, is that text: ``ingest.path=healpix=1``. Real data get the full scale.

    Parameters
    ----------
    overrides : as typed, ``key=value`` each.
    multirun : whether a comma separates the values of a sweep.
    config_dir : the user's own config folder.
    """
    folders = config_folders(config_dir)
    task = task_chosen_by(overrides, folders)
    options = None if task is None else task.options
    return with_default_scale([_one(_in_full(one, task, multirun), multirun, options, folders) for one in overrides])


def task_chosen_by(overrides: Sequence[str], folders: Sequence[Path]) -> Task | None:
    """The task that overrides choose, of a sweep over tasks the first one; None where there is none such."""
    path = choices_of("task", folders).get(chosen_task(overrides, folders).partition(",")[0])
    content = {} if path is None else read_choice(path)
    return Task.of(content) if "name" in content else None


def _in_full(override: str, task: Task | None, multirun: bool) -> str:
    """An override with its key in full; ``jobs`` of a sweep is the launcher's where the task has no such option."""
    key, equals, value = override.partition("=")
    name = key.lstrip("+")
    full = name if task is None or not equals else task.key_of(name)
    if name == full == JOBS and multirun:
        full = LAUNCHER_JOBS
    return override if full == name else f"{key[: len(key) - len(name)]}{full}={value}"


def with_default_scale(overrides: Sequence[str]) -> list[str]:
    """Add ``scale=paper`` where ``data.store`` names real data and no scale is given."""
    given = dict(o.lstrip("+").split("=", 1) for o in overrides if "=" in o)
    if "scale" in given or "data.store" not in given:
        return list(overrides)
    override = parsed(f"data.store={given['data.store']}")
    store: Any = given["data.store"] if override is None or override.is_sweep_override() else override.value()
    first = Path(str(store[0] if isinstance(store, list) and store else store).split(",")[0])
    try:
        real = json.loads((first / "store.json").read_text()).get("data") == "real"
    except (OSError, ValueError, AttributeError):
        real = False  # the task that opens the store says what is wrong with it
    return [*overrides, "scale=paper"] if real else list(overrides)


def key_of(override: str) -> str:
    """Key or group of an override without ``+``, ``~``, package and value."""
    return override.lstrip("+~").partition("=")[0].partition("@")[0].strip()


def trusted(overrides: Sequence[str]) -> list[str]:
    """Packages that overrides trust (``trust=[my_package]``)."""
    found: list[str] = []
    for override in overrides:
        read = parsed(override) if key_of(override) == "trust" else None
        if read is not None and not read.is_sweep_override():
            value = read.value()
            found += value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return found


def _one(override: str, multirun: bool, options: type[BaseModel] | None, folders: Sequence[Path] = ()) -> str:
    key, equals, raw = override.partition("=")
    name = key.lstrip("+")
    if not equals or name.startswith("~"):
        return override
    if name == "experiment":
        return f"+experiment={raw}"
    if is_group(name.partition("@")[0], folders):
        return f"{key}={_choice(raw)}"
    whole = raw.strip().startswith("{") and is_open(f"{name}.any", options)  # several names of a dictionary at once
    if whole or is_open(name, options):
        key = f"++{name}"
    return f"{key}={literal(name, raw, multirun, options)}"


def _choice(raw: str) -> str:
    """Value of a config group: the name of a choice, in quotes where Hydra would read ``1`` or ``null`` in it."""
    read = parsed(f"key={raw}")
    return raw if read is None or read.is_sweep_override() or isinstance(read.value(), str | list) else in_quotes(raw)


def literal(key: str, raw: str, multirun: bool = False, options: type[BaseModel] | None = None) -> str:
    """Return a value with the quotes that make it the text which the key takes; as it is where Hydra reads it right.

    Parameters
    ----------
    key : dotted.
    raw : value as typed.
    multirun : whether a comma separates the values of a sweep.
    options : type of the task's options.
    """
    kinds = types_of(key, options)
    if not kinds or not accepts(kinds, raw):
        return raw
    override = parsed(f"key={raw}")
    if override is None:
        return _text(kinds, raw, multirun)
    if override.is_sweep_override():
        is_place = not multirun and Path(raw).exists()  # a comma in a name: without -m there is nothing to sweep
        return in_quotes(raw) if is_place else raw
    value = override.value()
    other = takes_lists if isinstance(value, list) else takes_dictionaries if isinstance(value, dict) else None
    return raw if accepts(kinds, value) or (other is not None and other(kinds)) else in_quotes(raw)


def _text(kinds: list[Any], raw: str, multirun: bool) -> str:
    """A value that Hydra cannot read: a text, or those of a list or of a sweep, each in quotes if it needs them."""
    inner = raw.strip()
    if inner.startswith("[") and inner.endswith("]") and takes_lists(kinds):
        return f"[{','.join(_element(part) for part in split_at_commas(inner[1:-1]))}]"
    if re.match(r"\{\w+\}[^,:]", inner):  # a pattern of files, such as {object_id}.fits
        return in_quotes(raw)
    if inner[:1] in ("[", "{") and (takes_lists(kinds) or takes_dictionaries(kinds)):
        return raw  # a list or a dictionary with a slip in it, for which Hydra's sentence is right
    if multirun:
        return ",".join(_element(part) for part in split_at_commas(raw))
    return in_quotes(raw)


def _element(part: str) -> str:
    override = parsed(f"key={part}")
    return in_quotes(part.strip()) if override is None or not isinstance(override.value(), str) else part.strip()


def split_at_commas(text: str) -> list[str]:
    """Split a text at the commas outside of brackets and of quotes, which open at the start of a part."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"" and not parts[-1].strip():
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth = max(0, depth - 1)
        if letter == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part.strip()]
