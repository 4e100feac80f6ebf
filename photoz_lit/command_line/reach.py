"""Refuse overrides that reach nothing: the task, as its file declares, does not use them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from photoz_lit.command_line.choices import choices_of, read_choice
from photoz_lit.command_line.overrides import key_of
from photoz_lit.config import validate
from photoz_lit.errors import InputError
from photoz_lit.tasks.takes import Takes, takes_of

#: Where and how visibly a job runs, and whose code it may. They change no result: a command may always carry them.
MACHINE = (
    "trust",
    *("trainer.accelerator", "trainer.devices", "trainer.strategy", "trainer.threads", "trainer.progress"),
    *("data.cache", "data.num_workers", "simulation.processes"),
)
#: Keys that only a sweep reads.
OF_SWEEPS = ("jobs", "hydra.launcher", "hydra.sweeper", "hydra.sweep")
#: Set in the jobs of a sweep or a study: whoever starts them has checked that every override reaches one of them.
CHECKED = "PHOTOZ_LIT_CHECKED"
REFERENCE = re.compile(r"\$\{([A-Za-z_][\w.]*)\}")


@dataclass(frozen=True)
class Reach:
    """Which keys a task uses in one composed config.

    Attributes
    ----------
    task : its name.
    takes : what it declares.
    raw, values : the config, references kept and resolved.
    """

    task: str
    takes: Takes
    raw: Mapping[str, Any]
    values: Mapping[str, Any]

    def reason_unused(self, key: str) -> str | None:
        """Circumstance in which a key is unused here (``" with data.store"``), None where it is not declared so."""
        for rule in self.takes.unused:
            if any(within(key, unused) for unused in rule.keys) and all(self._holds(one) for one in rule.when):
                return self._told(rule.when)
        return None

    def read(self) -> set[str]:
        """Keys that are read: those declared, and those to which their values refer."""
        found = {*self.takes.needs, *self.takes.inputs, *(self.takes.reads or ())}
        while True:
            further = {
                name
                for key, value in leaves({**self.raw, "task": None}).items()
                if isinstance(value, str) and any(within(key, read) for read in found) and not self._is_unused(key)
                for name in REFERENCE.findall(value)
            }
            if further <= found:
                return found
            found |= further

    def _is_unused(self, key: str) -> bool:
        return self.reason_unused(key) is not None

    def _holds(self, condition: str) -> bool:
        if condition.startswith("!"):
            return not self._value(condition[1:])
        key, equals, value = condition.partition("=")
        if equals:
            return str(self._value(key)) in value.split("|")
        return any(self._value(one) for one in condition.split("|"))

    def _told(self, conditions: Sequence[str]) -> str:
        """Conditions that hold, in words: ``" with data.store without data.target and data.target_fields"``."""
        present, absent = [], [one[1:] for one in conditions if one.startswith("!")]
        for one in conditions:
            key, equals, _ = one.partition("=")
            if equals:
                present.append(f"{key.removesuffix('.name')}={self._value(key)}")
            elif not one.startswith("!"):
                present.append(next(name for name in one.split("|") if self._value(name)))
        told = [f" {word} {' and '.join(some)}" for word, some in (("with", present), ("without", absent)) if some]
        return "".join(told)

    def _value(self, key: str) -> Any:
        value: Any = self.values
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


def require_reached(composed: DictConfig, overrides: Sequence[str], folders: Sequence[Path]) -> None:
    """Refuse overrides that reach nothing in a composed config.

    Parameters
    ----------
    composed : the config.
    overrides : of the user.
    folders : in which choices are looked for.

    Raises
    ------
    InputError : says which override, what the task reads, and the nearest key.
    """
    unreached = unreached_overrides(composed, overrides, folders)
    if unreached:
        raise InputError(next(iter(unreached.values())))


def require_reached_by_one(
    jobs: Iterable[tuple[DictConfig, Sequence[str]]], folders: Sequence[Path], sweep: bool = True
) -> None:
    """Refuse overrides that none of several jobs uses; a sweep over networks may have keys that only some of them use.

    Parameters
    ----------
    jobs : config and overrides of each; they are composed until every override is used.
    folders : in which choices are looked for.
    sweep : whether they are jobs of a sweep.

    Raises
    ------
    InputError : names the first such override.
    """
    used: set[str] = set()
    unused: dict[str, str] = {}
    for composed, overrides in jobs:
        if {key_of(one) for one in overrides} <= used:
            continue
        try:
            validate(composed)
            sentences = unreached_overrides(composed, overrides, folders, sweep)
        except InputError:
            return  # the job says so itself
        used |= {key_of(one) for one in overrides if one not in sentences}
        unused = {**{key_of(one): sentence for one, sentence in sentences.items()}, **unused}
    left = [sentence for key, sentence in unused.items() if key not in used]
    if left:
        raise InputError(left[0])


def unreached_overrides(
    composed: DictConfig, overrides: Sequence[str], folders: Sequence[Path], sweep: bool = False
) -> dict[str, str]:
    """Overrides that reach nothing, each with the sentence that says so.

    Parameters
    ----------
    composed, overrides, folders : see :func:`require_reached`.
    sweep : whether the config is that of a job of a sweep.
    """
    raw, values = (cast(dict[str, Any], OmegaConf.to_container(composed, resolve=one)) for one in (False, True))
    reach = Reach(values["task"]["name"], takes_of(composed), raw, values)
    read = reach.read()
    found = {}
    for override in overrides:
        key = key_of(override).replace("/", ".")
        if within(key, "hydra") or key == "jobs":
            used = sweep or (key == "jobs" and ("jobs" in read or reach.takes.reads is None))
            sentence = None if used or not _of_sweeps(key) else f"{override} is for a sweep; add -m, or leave it out."
        else:
            sentence = _unreached(override, reach, read, folders)
        if sentence is not None:
            found[override] = sentence
    return found


def _of_sweeps(key: str) -> bool:
    return any(within(key, one) for one in OF_SWEEPS)


def _unreached(override: str, reach: Reach, read: set[str], folders: Sequence[Path]) -> str | None:
    """Sentence on an override that reaches nothing, None where it is used."""
    key = key_of(override).replace("/", ".")
    if key == "task":
        return None
    touched = _set_by(override.partition("=")[2], reach.task, folders) if key == "experiment" else [key]
    reasons = [reach.reason_unused(one) for one in touched]
    if touched and all(reason is not None for reason in reasons):
        return f"task={reach.task} does not use {key}{reasons[0]}."
    if reach.takes.reads is None or not touched or any(_reached(one, read) for one in touched):
        return None
    return _sentence(key, reach, read)


def leaves(content: Any, prefix: str = "") -> dict[str, Any]:
    """Values of nested mappings by dotted key; lists are values."""
    if not isinstance(content, Mapping) or not content:
        return {prefix: content}
    found: dict[str, Any] = {}
    for name, value in content.items():
        found |= leaves(value, f"{prefix}.{name}" if prefix else str(name))
    return found


def within(key: str, section: str) -> bool:
    """Whether a dotted key is a section or lies in it."""
    return key == section or key.startswith(section + ".")


def _reached(key: str, read: set[str]) -> bool:
    """Whether a key, or something in its section, is read; a choice of ``trainer`` sets the machine alone."""
    if within(key, "task") or key == "trainer" or any(within(key, one) for one in MACHINE):
        return True
    return any(within(key, one) or within(one, key) for one in read)


def _set_by(experiment: str, task: str, folders: Sequence[Path]) -> list[str]:
    """Keys that an experiment sets; that of its task counts where it chooses the one that runs."""
    path = choices_of("experiment", folders).get(experiment.strip("'\""))
    content = read_choice(path) if path is not None else {}
    found = list(leaves({k: v for k, v in content.items() if k != "defaults"}))
    for entry in content.get("defaults", []):
        for group, choice in entry.items() if isinstance(entry, dict) else ():
            name = str(group).removeprefix("override ").strip("/ ")
            if name == "task" and choice == task:
                return []
            found.append(name)
    return [key for key in found if key not in ("task", "experiment.description")]


def _sentence(key: str, reach: Reach, read: set[str]) -> str:
    known = [name for name in leaves(reach.raw) if any(within(name, one) for one in read)]
    options = [f"task.{name}" for name in reach.raw["task"] if name not in ("name", "description", "_target_", "takes")]
    by_last = {name.split(".")[-1]: name for name in (*known, *options)}
    close = difflib.get_close_matches(key.split(".")[-1], by_last, n=1, cutoff=0.75)
    meant = f"; did you mean {by_last[close[0]]}?" if close and by_last[close[0]] != key else "."
    declared = [*reach.takes.needs, *reach.takes.inputs, *(reach.takes.reads or ())]
    listed = [name for name in declared if reach.reason_unused(name) is None and not name.startswith("task.")]
    return f"task={reach.task} does not use {key}: it reads {', '.join([*dict.fromkeys(listed), *options])}{meant}"
