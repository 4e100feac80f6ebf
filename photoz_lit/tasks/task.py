"""The seam of tasks: what a verb declares (options, inputs, keys that it reads), checked before it is called.

A task is a function ``run(config, options)`` and a file ``conf/task/<task>.yaml`` with ``name``, ``description``,
``_target_``, the default of every option, and :class:`Takes`. See ``docs/add_a_task.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from photoz_lit.config import Config
from photoz_lit.data.store_folder import require_store
from photoz_lit.errors import InputError, nearest
from photoz_lit.network_choice import settings_type_of
from photoz_lit.run_folder import require_finished
from photoz_lit.settings import CALIBRATION, EstimatorSettings, Input, Settings
from photoz_lit.targets import find_class, find_task, import_trusted
from photoz_lit.tasks.aliases import alias_of, option_of

#: Keys of a task's file that are no options.
NOT_OPTIONS = ("name", "description", "_target_", "takes")


class TaskOptions(Settings):
    """Options of a task, the keys ``task.*``. Each has a description here and its default in the task's file."""

    def check(self, config: Config) -> None:
        """Refuse a config that these options do not fit; a task may put its own check here.

        Raises
        ------
        InputError : says what does not fit.
        """


Options = TypeVar("Options", bound=TaskOptions, contravariant=True)


class Run(Protocol[Options]):
    """The function of a task."""

    def __call__(self, config: Config, options: Options) -> None:
        """Do it."""


class Unused(Settings):
    """Keys that a task leaves unused in some circumstance.

    Attributes
    ----------
    keys : dotted; a section stands for all in it.
    when : all must hold: ``a|b`` is one of them set, ``!a`` is ``a`` unset, ``a=x`` a value. Empty holds always.
    """

    keys: list[str]
    when: list[str] = []


class Takes(Settings):
    """What a task's file declares beside its options, ``takes``.

    Attributes
    ----------
    options : dotted path of the type of the options. It is imported before the task's function, so it stands in a
        module that loads quickly.
    needs : keys of the config that must be given, beside the options that have no default.
    instead : key that is needed -> key that may be given in its place.
    reads : keys of the config that the task reads, a section for all in it. Keys to which these refer
        (``${scale.width}``) are read too. None lets every key through.
    unused : keys among them, and options, that reach nothing in some circumstance.
    fits : whether the task fits what ``network`` names, whose class says itself what it leaves unused.
    """

    options: str | None = None
    needs: list[str] = []
    instead: dict[str, str] = {}
    reads: list[str] | None = None
    unused: list[Unused] = []
    fits: bool = False


@dataclass(frozen=True)
class Task:
    """A verb as it is declared.

    Attributes
    ----------
    name : of ``task=<name>``.
    options : type of its options.
    takes : what else it declares.
    """

    name: str
    options: type[TaskOptions]
    takes: Takes

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Task:
        """Task of a file ``conf/task/<task>.yaml``.

        Parameters
        ----------
        content : of the file; ``name`` and ``takes`` count.

        Raises
        ------
        InputError : the type of its options cannot be imported.
        """
        takes = Takes.model_validate(content.get("takes") or {})
        kind = TaskOptions
        if takes.options is not None:
            kind = find_class(takes.options, TaskOptions, "type of options", "task.takes.options")
        return cls(str(content["name"]), kind, takes)

    def spelt(self, option: str, typed: Sequence[str] = ()) -> str:
        """Key of an option as the user typed it, else by its short name where it has one (``run``), else in full."""
        full = f"task.{option}"
        return full if full in typed else alias_of(option, self.options.model_fields, self.name, typed) or full

    def key_of(self, spelt: str) -> str:
        """Key in full (``task.run``) of one that may be spelt by a short name (``run``)."""
        option = option_of(spelt, self.options.model_fields, self.name)
        return spelt if option is None else f"task.{option}"

    def read_options(self, given: Mapping[str, Any], typed: Sequence[str] = ()) -> TaskOptions:
        """Check the options of a task.

        Parameters
        ----------
        given : values by name of the option; an empty text counts as null.
        typed : keys that the user typed.

        Raises
        ------
        InputError : an option is unknown (the nearest one is named), missing, or its value is wrong.
        """
        try:
            return self.options.model_validate({name: None if value == "" else value for name, value in given.items()})
        except ValidationError as error:
            errors = error.errors()
            key = self.spelt(str(errors[0]["loc"][0]), typed)
            if errors[0]["type"] == "extra_forbidden":
                known = [f"task.{one}" for one in self.options.model_fields]
                raise InputError(f"unknown key '{key}'{nearest(key, known, 'task.')}") from error
            missing = [str(e["loc"][0]) for e in errors if e["input"] is None or e["type"] == "missing"]
            if missing:
                raise InputError(self._needs(list(dict.fromkeys(missing)), typed)) from error
            wrong = dict.fromkeys(
                e["msg"].removeprefix("Value error, ").rstrip(".") for e in errors if e["input"] == errors[0]["input"]
            )
            raise InputError(f"'{key}={errors[0]['input']}' is wrong: {'; or: '.join(wrong)}.") from error

    def unused(self, key: str, values: Mapping[str, Any]) -> list[str] | None:
        """Conditions under which a key is unused here, None where it is not declared so.

        Parameters
        ----------
        key : dotted, in full.
        values : of the config.
        """
        for rule in self.takes.unused:
            if any(within(key, unused) for unused in rule.keys) and all(_holds(one, values) for one in rule.when):
                return rule.when
        network = values.get("network") or {}
        if self.takes.fits and _unused_with(settings_type_of(network), key):
            return [f"network.name={network['name']}"]
        return None

    def require_inputs(self, config: Config, options: TaskOptions, typed: Sequence[str] = ()) -> None:
        """Refuse a call that lacks what the task needs, or names what is not there.

        Raises
        ------
        InputError : names the key and how to give it.
        """
        values = {**config.model_dump(by_alias=True), "task": options.model_dump()}
        missing = [
            key
            for key in self.takes.needs
            if not value_of(values, key) and not value_of(values, self.takes.instead.get(key, key))
        ]
        if missing:
            raise InputError(self._needs(missing, typed))
        inputs = {f"task.{name}": kind for name, kind in marked(self.options)}
        inputs |= {key: kind for key, kind in marked(Config) if self._reads(key)}
        for key, kind in inputs.items():
            value = None if self.unused(key, values) is not None else value_of(values, key)
            for one in value if isinstance(value, list | tuple) else [value]:
                if one:
                    name = key.removeprefix("task.")
                    LOOK[kind](self.spelt(name, typed) if name != key else key, Path(one))

    def _reads(self, key: str) -> bool:
        return any(within(key, one) or within(one, key) for one in (*self.takes.needs, *(self.takes.reads or ())))

    def _needs(self, missing: Sequence[str], typed: Sequence[str]) -> str:
        kinds = {**dict(marked(Config)), **dict(marked(self.options))}
        parts = []
        for key in missing:
            field = self.options.model_fields.get(key)
            spelt = key if field is None else self.spelt(key, typed)
            what = field.description if field is not None and key not in kinds else kinds.get(key, "name")
            parts.append(f"{spelt}=<{what}>")
        return f"task={self.name} needs {' and '.join(parts)}."


def perform(config: Config, typed: Sequence[str] = ()) -> None:
    """Check the options and inputs of a config's task, then call it.

    Parameters
    ----------
    config : of the job.
    typed : keys that the user typed, for sentences in the user's own spelling.

    Raises
    ------
    InputError : see :class:`Task`.
    """
    import_trusted(config.trust)
    task = Task.of({"name": config.task.name, "takes": config.task.takes})
    options = task.read_options(config.task.model_extra or {}, typed)
    options.check(config)
    task.require_inputs(config, options, typed)
    find_task(config.task.target, config.trust)(config, options)


def within(key: str, section: str) -> bool:
    """Whether a dotted key is a section or lies in it."""
    return key == section or key.startswith(section + ".")


def value_of(content: Mapping[str, Any], key: str) -> Any:
    """Value of a dotted key in nested mappings, None where there is none."""
    found: Any = content
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def marked(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Input]]:
    """Dotted keys of a section that name a store, a run or a file, and which of these."""
    for name, field in section.model_fields.items():
        yield from ((prefix + name, kind) for kind in field.metadata if isinstance(kind, Input))
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from marked(field.annotation, f"{prefix}{name}.")


def _unused_with(estimator: type[EstimatorSettings], key: str) -> bool:
    """Whether a key reaches nothing with an estimator."""
    reaches = estimator.is_calibrated and key in CALIBRATION
    return not reaches and any(within(key, unused) for unused in estimator.unused)


def _holds(condition: str, values: Mapping[str, Any]) -> bool:
    """Whether a condition of :class:`Unused` holds."""
    if condition.startswith("!"):
        return not value_of(values, condition[1:])
    key, equals, value = condition.partition("=")
    if equals:
        return str(value_of(values, key)) in value.split("|")
    return any(value_of(values, one) for one in condition.split("|"))


def _require_file(key: str, path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} is not there; {key} names it.")


def _require_runs(key: str, path: Path) -> None:
    if not path.is_dir():
        raise InputError(f"{path} is not there (a finished run has a metrics.json); give {key}=<folder of runs>.")


LOOK: dict[Input, Callable[[str, Path], None]] = {
    Input.STORE: lambda _key, path: require_store(path),
    Input.RUN: lambda _key, path: require_finished(path),
    Input.RUNS: _require_runs,
    Input.FILE: _require_file,
}
