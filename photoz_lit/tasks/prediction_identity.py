"""Versions and networks that shape predictions, so that every process of a prediction has the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from photoz_lit.engines.same_here import library_versions, package_version, require_same_here
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.prediction_cache import networks_digest

LIBRARIES = ("torch", "numpy", "pyarrow")


def versions_and_networks(source: RunFolder) -> dict[str, Any]:
    """Versions of the package and its libraries here, and a hash of the networks of a run."""
    return {**package_version(), "libraries": library_versions(LIBRARIES), "networks": networks_digest(source)}


def require_same_predictions(made_of: Mapping[str, Any], source: RunFolder) -> None:
    """Refuse to make a part of predictions in a process that would make it otherwise.

    Parameters
    ----------
    made_of : what the manifest says.
    source : folder of the run, as this process sees it.

    Raises
    ------
    InputError : a version or the networks differ.
    """
    remedy = f"give all workers one installation and one run folder {source.path}"
    require_same_here(made_of, versions_and_networks(source), remedy)
