"""Versions and networks that shape predictions, so that every process of a prediction has the same."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import photoz_lit
from photoz_lit.errors import InputError
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.prediction_cache import networks_digest

LIBRARIES = ("torch", "numpy", "pyarrow")
WHAT = {"photoz_lit": "photoz_lit", "libraries": "libraries", "networks": "networks"}


def versions_and_networks(source: RunFolder) -> dict[str, Any]:
    """Versions of the package and its libraries here, and a hash of the networks of a run."""
    return {
        "photoz_lit": photoz_lit.__version__,
        "libraries": {name: version(name) for name in LIBRARIES},
        "networks": networks_digest(source),
    }


def require_same_here(made_of: Mapping[str, Any], source: RunFolder) -> None:
    """Refuse to make a part of predictions in a process that would make it otherwise.

    Parameters
    ----------
    made_of : what the manifest says.
    source : folder of the run, as this process sees it.

    Raises
    ------
    InputError : a version or the networks differ.
    """
    for name, here in versions_and_networks(source).items():
        if here != made_of[name]:
            raise InputError(
                f"a worker on {platform.node()} has other {WHAT[name]} ({_text(here)}) than the command that began"
                f" ({_text(made_of[name])}); give all workers one installation and one run folder {source.path}."
            )


def _text(value: Any) -> str:
    return ", ".join(f"{name} {one}" for name, one in value.items()) if isinstance(value, Mapping) else str(value)
