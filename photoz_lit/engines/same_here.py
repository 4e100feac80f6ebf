"""Whether a worker would make tiles as the command that began them: versions, and whatever else shapes their bytes."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import photoz_lit
from photoz_lit.errors import InputError

PACKAGE = "photoz_lit"


def package_version() -> dict[str, str]:
    """Version of the package here, by its name."""
    return {PACKAGE: photoz_lit.__version__}


def library_versions(libraries: Sequence[str]) -> dict[str, str]:
    """Versions here of some libraries, by name."""
    return {name: version(name) for name in libraries}


def require_same_here(began: Mapping[str, Any], here: Mapping[str, Any], remedy: str) -> None:
    """Refuse a worker in which something differs.

    Parameters
    ----------
    began : what the command that began has, by what it is called in a sentence.
    here : the same of this process.
    remedy : how the user makes both the same.

    Raises
    ------
    InputError : names the first that differs.
    """
    for name, value in here.items():
        if name in began and value != began[name]:
            raise InputError(
                f"a worker on {platform.node()} has other {name} ({_text(value)}) than the command that began"
                f" ({_text(began[name])}); {remedy}."
            )


def _text(value: Any) -> str:
    return ", ".join(f"{name} {one}" for name, one in value.items()) if isinstance(value, Mapping) else str(value)
