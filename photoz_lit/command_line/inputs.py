"""Look at a task's options and inputs before its libraries are loaded: a slip is answered at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from photoz_lit.command_line.choices import choices_of, chosen_task, read_choice
from photoz_lit.config import Config
from photoz_lit.data.store_folder import require_store
from photoz_lit.errors import InputError
from photoz_lit.evaluation.settings import task_settings
from photoz_lit.run_folder import require_finished
from photoz_lit.settings import Settings
from photoz_lit.targets import find_class
from photoz_lit.tasks.passed_on import require_passed_on
from photoz_lit.tasks.takes import Takes

NAMED = {"store": "<store>", "run": "<run folder>", "runs": "<folder of runs>", "file": "<file>"}


def require_inputs(config: Config, takes: Takes) -> None:
    """Check what a task declares: its options, the keys it needs, and that what these name is there.

    Parameters
    ----------
    config : of the job.
    takes : what its task declares.

    Raises
    ------
    InputError : names the key and how to give it.
    """
    values = {**config.model_dump(by_alias=True), "task": config.task.model_extra or {}}
    if (options := options_type(takes)) is not None:
        values["task"] = task_settings(options, config.task.model_extra).model_dump()
    if takes.check is not None:
        CHECKS[takes.check](config)
    for key in takes.needs:
        if not _value(values, key):
            raise InputError(f"task={config.task.name} needs {key}={NAMED[takes.inputs[key]]}.")
    for key, kind in takes.inputs.items():
        value = _value(values, key)
        for one in value if isinstance(value, list | tuple) else [value]:
            if one:
                LOOK[kind](key, Path(str(one)))


def options_type(takes: Takes) -> type[Settings] | None:
    """Type of a task's options, None where it declares none."""
    if takes.options is None:
        return None
    return find_class(takes.options, Settings, "type of options", "task.takes.options")


def task_options(overrides: Sequence[str], folders: Sequence[Path]) -> type[Settings] | None:
    """Type of the options of the task that overrides choose, None where it declares none or is unknown."""
    path = choices_of("task", folders).get(chosen_task(overrides, folders))
    takes = read_choice(path).get("takes") if path is not None else None
    return options_type(Takes.model_validate(takes)) if isinstance(takes, dict) else None


def _value(content: Mapping[str, Any], key: str) -> Any:
    found: Any = content
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _require_file(key: str, path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} is not there; {key} names it.")


def _require_runs(key: str, path: Path) -> None:
    if not path.is_dir():
        raise InputError(f"{path} is not there (a finished run has a metrics.json); give {key}=<folder of runs>.")


LOOK: dict[str, Callable[[str, Path], None]] = {
    "store": lambda _key, path: require_store(path),
    "run": lambda _key, path: require_finished(path),
    "runs": _require_runs,
    "file": _require_file,
}
CHECKS: dict[str, Callable[[Config], None]] = {"passed_on": require_passed_on}
