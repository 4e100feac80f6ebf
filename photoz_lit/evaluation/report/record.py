"""What a run folder records, as a report reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from photoz_lit.errors import InputError

FITS = "checkpoints/*/fit.json"


def read_json(path: Path) -> dict[str, Any]:
    """Read the record in a JSON file of a run folder.

    Raises
    ------
    InputError : it is missing or no JSON.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there; give the folder of a finished run.")
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no valid JSON ({error}); run the evaluation again.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no record; run the evaluation again.")
    return content


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read ``metrics.json``.

    Raises
    ------
    InputError : it is missing, no JSON, or lacks what a report is about.
    """
    metrics = read_json(folder / "metrics.json")
    for name in ("n_test", "field", "data", "outlier_threshold"):
        if name not in metrics:
            raise InputError(f"{folder / 'metrics.json'} has no '{name}'; run the evaluation again.")
    return metrics


def read_provenance(folder: Path) -> dict[str, Any]:
    """Read ``provenance.json``; nothing where a run has none.

    Raises
    ------
    InputError : it is no JSON.
    """
    path = folder / "provenance.json"
    return read_json(path) if path.is_file() else {}


def read_fits(folder: Path) -> dict[str, dict[str, Any]]:
    """Read what the fit of each member took: its ``seed``, ``seconds``, ``epochs``, ``restarts``.

    Returns
    -------
    Name of the member, such as ``fold_0_member_0`` -> content of its ``fit.json``; none where the run keeps none.

    Raises
    ------
    InputError : a file is no JSON.
    """
    return {path.parent.name: read_json(path) for path in sorted(folder.glob(FITS))}


def name_of(metrics: dict[str, Any], folder: Path) -> str:
    """Return the name of a run: its experiment, or that of the folder it lies in."""
    return str(metrics.get("experiment") or folder.parent.name or folder.name)
