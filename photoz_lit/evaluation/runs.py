"""Finished runs on disk: finding them, and what a comparison must know about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions import read_predictions
from photoz_lit.evaluation.report import read_json


@dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes
    ----------
    path : its folder.
    method : what is compared, e.g. ``baseline``, ``multimodal``, ``catalogue_forest``.
    field : name of the field.
    seed : of the training.
    metrics : content of ``metrics.json``.
    """

    path: Path
    method: str
    field: str
    seed: int
    metrics: Mapping[str, Any]

    def predictions(self) -> pd.DataFrame:
        """Read ``predictions.parquet``."""
        return read_predictions(self.path)


def find_runs(where: str | Path | Sequence[str | Path] | None) -> list[Path]:
    """Return the folders of finished runs (those with a ``metrics.json``) at or below the given places, sorted.

    Raises
    ------
    InputError : no place is given, or there is no finished run at one of them.
    """
    places = [where] if isinstance(where, str | Path) else list(where or [])
    if not places:
        raise InputError("no runs are given; give runs=<folder> or runs=[<folder>,<folder>].")
    found: dict[Path, None] = {}
    for place in map(Path, places):
        files = [place / "metrics.json"] if (place / "metrics.json").is_file() else sorted(place.rglob("metrics.json"))
        if not files:
            reason = "has no finished run in it" if place.is_dir() else "is not there"
            raise InputError(f"{place} {reason} (a finished run has a metrics.json); give the folder of a run.")
        found.update(dict.fromkeys(file.parent for file in files))
    return list(found)


def read_run(path: Path) -> Run:
    """Read what a comparison must know about a run, from ``metrics.json`` and ``provenance.json``.

    The method is ``method`` in ``metrics.json`` if it stands there; else ``catalogue_forest`` for a forest, and
    otherwise the experiment's name without the field's in front (``hsc9b_early_fusion`` -> ``early_fusion``).

    Raises
    ------
    InputError : the folder is no finished run.
    """
    metrics = read_json(path / "metrics.json")
    if "sigma_mad" not in metrics or "field" not in metrics:
        raise InputError(f"{path / 'metrics.json'} has no 'sigma_mad' or 'field'; give the folder of a finished run.")
    file = path / "provenance.json"
    made: Mapping[str, Any] = read_json(file) if file.is_file() else {}
    config: Mapping[str, Any] = made.get("config") or {}
    seed = metrics.get("seed", made.get("seed", 0))
    return Run(path, _method(path, metrics, config), str(metrics["field"]), int(seed or 0), metrics)


def _method(path: Path, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    if metrics.get("method"):
        return str(metrics["method"])
    network = config.get("network") or {}
    if network.get("name") == "catalogue_forest":
        return "catalogue_forest"
    name = str(metrics.get("experiment") or (config.get("experiment") or {}).get("name") or path.parent.name)
    return name.removeprefix(f"{metrics['field']}_") or name
