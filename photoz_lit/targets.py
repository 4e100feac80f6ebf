"""What a ``_target_`` may name: classes of this package, and of packages that the user names on the command line.

A run folder or a config from elsewhere must not choose what is imported and called. A name leads to a class only where
the class is of the kind that is asked for, and nothing outside this package is ever imported by a name from a file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from inspect import isfunction
from pathlib import Path
from typing import Any, TypeVar

from photoz_lit.errors import InputError

PACKAGE = __name__.partition(".")[0]
TASKS = f"{PACKAGE}.tasks"
#: One-off research stands beside the package in the repository; the wheel does not carry it.
RESEARCH = "research"
REPOSITORY = Path(__file__).parents[1]
Kind = TypeVar("Kind")
#: Where classes stood whose paths are in run folders and results: earlier path -> path now.
MOVED = {
    f"{PACKAGE}.modules.{module}.{name}": f"{PACKAGE}.estimators.{module}.{name}"
    for module, name in (
        ("catalogue_forest", "CatalogueForest"),
        ("photometry_forest", "PhotometryForest"),
        ("template_fit", "TemplateFit"),
    )
}
_FIRST = {now: earlier for earlier, now in MOVED.items()}


def first_path(path: str) -> str:
    """Path that a class had first: what identifies it, wherever it moves."""
    return _FIRST.get(path, path)


def import_trusted(packages: Iterable[str]) -> None:
    """Import packages with readers, networks or modules of the user's own (``trust=[my_package]``).

    Raises
    ------
    InputError : one cannot be imported.
    """
    for name in packages:
        try:
            import_module(name)
        except (ImportError, ValueError, TypeError) as error:
            raise InputError(f"trust={name} cannot be imported ({error}); put its folder on PYTHONPATH.") from error


def find_class(path: str, base: type[Kind], what: str, key: str) -> type[Kind]:
    """Return the class that a ``_target_`` names.

    Parameters
    ----------
    path : ``package.module.Class``.
    base : what it must be derived from.
    what : what it is, for the sentence, e.g. ``reader``.
    key : where it is set, e.g. ``ingest._target_``.

    Raises
    ------
    InputError : it is neither of this package nor of one that was imported before, or it is of another kind.
    """
    found = _find(path, what, key)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise InputError(f"'{path}' is no {what}; derive it from {base.__module__}.{base.__qualname__}.")
    return found


def find_function(path: str, what: str, key: str) -> Callable[..., Any]:
    """Return the function that a ``_target_`` names; parameters and errors are those of :func:`find_class`."""
    found = _find(path, what, key)
    if not isfunction(found):
        raise InputError(f"'{path}' is no function; a {what} is one. Correct {key}.")
    return found


def _find(path: str, what: str, key: str) -> Any:
    module, _, name = MOVED.get(path, path).rpartition(".")
    if module == PACKAGE or module.startswith(f"{PACKAGE}."):
        with suppress(ImportError):  # reported below
            import_module(module)
    found = vars(sys.modules[module]).get(name) if module in sys.modules else None
    if found is None:
        raise InputError(
            f"{what} '{path}' cannot be imported (it is neither in {PACKAGE} nor in a package named on the command"
            f" line, trust=[{path.partition('.')[0]}]); correct {key}."
        )
    return found


def find_task(path: str, trusted: Iterable[str] = ()) -> Callable[[Any, Any], None]:
    """Return the function of a task.

    It is ``run`` of a module in ``photoz_lit.tasks``, in a package that the user trusts or, in a checkout, in
    ``research``.

    Raises
    ------
    InputError : there is none of that name, or it is research and there is no checkout.
    """
    module, _, name = path.rpartition(".")
    if name == "run" and module.startswith(f"{RESEARCH}."):
        _require_checkout(module.removeprefix(f"{RESEARCH}."))
    try:
        places = (TASKS, RESEARCH, *trusted)
        if name != "run" or not any(module.startswith(f"{one}.") or module == one for one in places):
            raise ImportError(f"no {TASKS}.<name>.run, nor one of a package named as trust=[my_package]")
        run: Callable[[Any, Any], None] = import_module(module).run
    except (ImportError, AttributeError) as error:
        raise InputError(f"task '{path}' cannot be imported ({error}); correct task._target_.") from error
    return run


def _require_checkout(name: str) -> None:
    """Refuse research where the package is installed from a wheel, or where another ``research`` would be imported."""
    found = find_spec("research")
    if found is None or str(REPOSITORY / "research") not in (found.submodule_search_locations or ()):
        raise InputError(
            f"task={name} is research that the installed package does not carry; run the command in a checkout of the"
            " photoz_lit repository."
        )
