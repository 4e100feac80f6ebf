"""Split a command line into Hydra's own options, overrides and the two that photoz_lit answers: help and version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from photoz_lit.command_line.choices import choices_of, config_folders, is_group
from photoz_lit.command_line.quoting import parsed, shell_quoted
from photoz_lit.errors import InputError, nearest

HELP = ("-h", "--help")
MULTIRUN = ("-m", "--multirun")
#: Options of Hydra that stand alone, and those that take a value behind ``=`` or as the next argument.
ALONE = ("--hydra-help", "--resolve", "--run", "-r", "--shell-completion", "-sc", *MULTIRUN)
WITH_VALUE = (
    *("--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn"),
    *("--config-dir", "-cd", "--experimental-rerun", "--info", "-i"),
)
#: Values of Hydra's options that take one of a few.
VALUES = {
    **dict.fromkeys(("--cfg", "-c"), ("job", "hydra", "all")),
    **dict.fromkeys(("--info", "-i"), ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")),
}
#: Those that need no value; all is meant.
MAY_STAND_ALONE = ("--info", "-i")


@dataclass(frozen=True)
class Arguments:
    """A command line in its parts.

    Attributes
    ----------
    options : of Hydra, in order.
    overrides : all the rest, as typed.
    config_dir : the user's own config folder, else None.
    multirun : whether a sweep is asked for.
    wants_help, wants_version : what photoz_lit answers itself.
    """

    options: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    config_dir: Path | None = None
    multirun: bool = False
    wants_help: bool = False
    wants_version: bool = False

    @property
    def asks_for_nothing(self) -> bool:
        """Whether nothing is given that photoz_lit or Hydra could answer, as in a bare ``python -m photoz_lit``."""
        return not self.overrides and set(self.options) <= {*MULTIRUN, "-r", "--run", *self._config_dir_words}

    @property
    def _config_dir_words(self) -> set[str]:
        folder = str(self.config_dir)
        return {"--config-dir", "-cd", folder, f"--config-dir={folder}", f"-cd={folder}"}


def read_arguments(given: Sequence[str]) -> Arguments:
    """Split a command line.

    Parameters
    ----------
    given : arguments without the program's name.

    Raises
    ------
    InputError : an option is unknown.
    """
    options, overrides = [], []
    config_dir = None
    wants_help = wants_version = False
    rest = list(given)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word in HELP:
            wants_help = True
        elif word == "--version":
            wants_version = True
        elif word in ALONE:
            options.append(word)
        elif name in WITH_VALUE:
            options.append(word)
            if not equals and rest and not rest[0].startswith("-") and "=" not in rest[0]:
                value = rest.pop(0)
                options.append(value)
            _require_value(name, value)
            if not value:
                options.append("all")  # else Hydra takes the next override for it
            if name in ("--config-dir", "-cd"):
                config_dir = Path(value)
        elif word.startswith("-"):
            known = (*HELP, "--version", *ALONE, *WITH_VALUE)
            raise InputError(f"unknown option '{word}'{nearest(name, [o for o in known if o.startswith('--')], '--')}")
        else:
            overrides.append(word)
    if config_dir is not None and not config_dir.is_dir():
        raise InputError(f"--config-dir {config_dir}: there is no such folder.")
    multirun = bool(set(MULTIRUN) & set(options))
    return Arguments(tuple(options), tuple(overrides), config_dir, multirun, wants_help, wants_version)


def _require_value(option: str, value: str) -> None:
    """Refuse an option of Hydra without its value, or with none of those that it takes."""
    known = VALUES.get(option, ())
    if not value and option not in MAY_STAND_ALONE:
        raise InputError(f"{option} needs {' or '.join(known) if known else 'a value'} behind it.")
    if value and known and value not in known:
        raise InputError(f"{option} {value}: it takes {', '.join(known)}.")


def with_named_task(given: Arguments) -> Arguments:
    """Return a command line in which ``--help nz`` is ``task=nz --help``."""
    tasks = choices_of("task", config_folders(given.config_dir)) if given.wants_help else {}
    return replace(given, overrides=tuple(f"task={one}" if one in tasks else one for one in given.overrides))


def require_key_and_value(overrides: Sequence[str], config_dir: Path | None = None) -> None:
    """Refuse words that are no ``key=value``.

    Raises
    ------
    InputError : names the first such word, and the choice that is meant where it is the name of one.
    """
    folders = config_folders(config_dir)
    for word in overrides:
        key, equals, _ = word.partition("=")
        if word.startswith("~") or (equals and key.strip("+ ")):
            _require_choice(word, folders)
            continue
        for group in ("task", "experiment", "field", "study", "network", "ingest"):
            if word in choices_of(group, folders):
                meant = f"task=study study={word}" if group == "study" else f"{group}={word}"
                raise InputError(f"'{word}' is no key=value; did you mean {meant}?")
        raise InputError(f"'{word}' is no key=value; --help shows what can be given.")


def _require_choice(word: str, folders: Sequence[Path]) -> None:
    """Refuse a choice in a config group that is no name, such as a list or a number, and a group that is left out."""
    group = word.partition("=")[0].strip("+~ ")
    read = parsed(word)
    if read is None or not is_group(group, folders):
        return
    if read.is_delete():
        raise InputError(f"{word}: {group} cannot be left out; choose one of {', '.join(choices_of(group, folders))}.")
    value = read.value()
    names = value if isinstance(value, list) and value else [value]
    if value is not None and not read.is_sweep_override() and not all(isinstance(name, str) for name in names):
        raise InputError(
            f"{shell_quoted(word)}: a choice of {group} is a name, one of {', '.join(choices_of(group, folders))}."
        )
