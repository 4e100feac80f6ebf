"""Refuse overrides that reach nothing: the task, as its file declares, does not use them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from photoz_lit.command_line.choices import choices_of, read_choice
from photoz_lit.command_line.overrides import key_of
from photoz_lit.config import validate
from photoz_lit.errors import InputError
from photoz_lit.setting_roles import keys_of
from photoz_lit.settings import Role
from photoz_lit.tasks.aliases import ALIASES
from photoz_lit.tasks.task import Task, value_of, within

#: Where a job runs, and whose code it may: a command may always carry them.
ALWAYS_READ = (Role.NUMERICS, Role.MACHINE)
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
    task : as it is declared.
    raw, values : the config, references kept and resolved.
    typed : keys that the user typed.
    """

    task: Task
    raw: Mapping[str, Any]
    values: Mapping[str, Any]
    typed: Sequence[str] = ()

    @classmethod
    def of(cls, composed: DictConfig, typed: Sequence[str] = ()) -> Reach:
        """Reach of the task of a composed config."""
        raw, values = (cast(dict[str, Any], OmegaConf.to_container(composed, resolve=one)) for one in (False, True))
        return cls(Task.of(values["task"]), raw, values, typed)

    def spelt(self, key: str) -> str:
        """A key as the user spells it."""
        name = key.removeprefix("task.")
        return key if name == key else self.task.spelt(name, self.typed)

    def reason_unused(self, key: str) -> str | None:
        """Circumstance in which a key is unused here (``" with data.store"``), None where it is not declared so."""
        conditions = self.task.unused(key, self.values)
        return None if conditions is None else self._in_words(conditions)

    @cached_property
    def read(self) -> set[str]:
        """Keys that are read: those declared, and those to which their values refer."""
        found = {"task", *self.task.takes.needs, *(self.task.takes.reads or ())}
        referring = {
            key: REFERENCE.findall(value)
            for key, value in leaves({**self.raw, "task": None}).items()
            if isinstance(value, str) and REFERENCE.search(value) and self.reason_unused(key) is None
        }
        while True:
            further = {name for key, names in referring.items() if _any_within(key, found) for name in names}
            if further <= found:
                return found
            found |= further

    def sentence(self, key: str) -> str:
        """Sentence on a key that the task does not use: what it reads instead, and what may be meant."""
        known = [name for name in leaves({**self.raw, "task": None}) if _any_within(name, self.read)]
        options = [f"task.{name}" for name in self.task.options.model_fields]
        by_last = {name.split(".")[-1]: name for name in (*known, *options)}
        close = difflib.get_close_matches(key.split(".")[-1], by_last, n=1, cutoff=0.75)
        meant = f"; did you mean {self.spelt(by_last[close[0]])}?" if close and by_last[close[0]] != key else "."
        short = [name for name in options if self.spelt(name) != name]
        read = [*short, *self.task.takes.needs, *(self.task.takes.reads or ()), *options]
        listed = [self.spelt(name) for name in dict.fromkeys(read) if self.reason_unused(name) is None]
        return f"task={self.task.name} does not use {key}: it reads {', '.join(listed)}{meant}"

    def unreached(self, override: str, folders: Sequence[Path]) -> str | None:
        """Sentence on an override that reaches nothing, None where it is used."""
        typed = key_of(override).replace("/", ".")
        key = self.task.key_of(typed)
        if key == "task":
            return None
        if key == "experiment":
            touched = _set_by(override.partition("=")[2], self.task.name, folders)
        else:
            touched = [key]
        reasons = [self.reason_unused(one) for one in touched]
        if touched and all(reason is not None for reason in reasons):
            return f"task={self.task.name} does not use {typed}{reasons[0]}."
        if self.task.takes.reads is None or not touched:
            return None
        always = {key.name for key in keys_of(self.values) if key.role in ALWAYS_READ}
        if any(_reached(one, self.read) or one == "trainer" or _any_within(one, always) for one in touched):
            return None  # a choice of trainer sets the machine alone
        return self.sentence(typed)

    def _in_words(self, conditions: Sequence[str]) -> str:
        """Conditions that hold, in words: ``" with data.store without data.target and data.target_fields"``."""
        present, absent = [], [self.spelt(one[1:]) for one in conditions if one.startswith("!")]
        for one in conditions:
            key, equals, _ = one.partition("=")
            if equals:
                present.append(f"{key.removesuffix('.name')}={value_of(self.values, key)}")
            elif not one.startswith("!"):
                present.append(self.spelt(next(name for name in one.split("|") if value_of(self.values, name))))
        words = [f" {word} {' and '.join(some)}" for word, some in (("with", present), ("without", absent)) if some]
        return "".join(words)


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
    reach = Reach.of(composed, [key_of(one) for one in overrides])
    found = {}
    for override in overrides:
        key = key_of(override).replace("/", ".")
        if within(key, "hydra"):
            idle = not sweep and any(within(key, one) for one in OF_SWEEPS)
            sentence = sentence_on_sweeps(override) if idle else None
        else:
            sentence = reach.unreached(override, folders)
        if sentence is not None:
            found[override] = sentence
    return found


def refused_alias(composed: DictConfig, override: str) -> str | None:
    """Sentence on a short spelling of an option that the task of a composed config lacks; None for other keys."""
    key = key_of(override)
    if key not in ALIASES:
        return None
    return sentence_on_sweeps(override) if key in OF_SWEEPS else Reach.of(composed, [key]).sentence(key)


def sentence_on_sweeps(override: str) -> str:
    """Sentence on what only a sweep reads."""
    return f"{override} is for a sweep; add -m, or leave it out."


def leaves(content: Any, prefix: str = "") -> dict[str, Any]:
    """Values of nested mappings by dotted key; lists are values."""
    if not isinstance(content, Mapping) or not content:
        return {prefix: content}
    found: dict[str, Any] = {}
    for name, value in content.items():
        found |= leaves(value, f"{prefix}.{name}" if prefix else str(name))
    return found


def _any_within(key: str, sections: Iterable[str]) -> bool:
    return any(within(key, one) for one in sections)


def _reached(key: str, read: set[str]) -> bool:
    """Whether a key, or something in its section, is read."""
    return any(within(key, one) or within(one, key) for one in read)


def _set_by(experiment: str, task: str, folders: Sequence[Path]) -> list[str]:
    """Keys that an experiment sets, or one that it builds on; that of its task counts where it chooses what runs."""
    path = choices_of("experiment", folders).get(experiment.strip("'\""))
    content = read_choice(path) if path is not None else {}
    found = list(leaves({k: v for k, v in content.items() if k != "defaults"}))
    for entry in content.get("defaults", []):
        if isinstance(entry, str):
            found += [] if entry == "_self_" else _set_by(entry, task, folders)
            continue
        for group, choice in entry.items():
            name = str(group).removeprefix("override ").strip("/ ")
            if name == "task" and choice == task:
                return []
            found.append(name)
    return [key for key in found if key not in ("task", "experiment.description")]
