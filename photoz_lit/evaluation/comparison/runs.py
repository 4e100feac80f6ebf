"""Finished runs on disk: finding them, and what a comparison must know about each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic_core import PydanticUndefined

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.table import read_predictions
from photoz_lit.evaluation.report.record import read_json
from photoz_lit.network_choice import settings_type_of
from photoz_lit.setting_roles import Key, keys_of
from photoz_lit.settings import Role
from photoz_lit.studies.galaxies import JobGalaxies


@dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes
    ----------
    method : what is compared, e.g. ``baseline``, ``multimodal``, ``catalogue_forest``.
    field : name of the field.
    seed : of the training.
    metrics : content of ``metrics.json``, or the row of a study's ``results.json``.
    settings : what else sets it apart from the other runs, e.g. ``{"fusion": "late"}``.
    path : its folder; None for a row without its run.
    galaxies : the test galaxies of such a row, where its study keeps them.
    """

    method: str
    field: str
    seed: int
    metrics: Mapping[str, Any]
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    path: Path | None = None
    galaxies: JobGalaxies | None = None

    def predictions(self) -> pd.DataFrame | None:
        """Read ``predictions.parquet``, or what was kept of it; None where neither exists."""
        if self.path is not None:
            return read_predictions(self.path)
        return None if self.galaxies is None else self.galaxies.read()


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


def without_applications(folders: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Part finished runs from networks applied to a store (``task=predict``), which are no methods beside themselves.

    Returns
    -------
    Folders to compare, and those left out: applications of networks whose own run is compared too.
    """
    applied = {folder: record["run"] for folder in folders if "run" in (record := _provenance(folder))}
    own = {folder.resolve() for folder in folders if folder not in applied}
    again = [folder for folder, run in applied.items() if Path(run).resolve() in own]
    return [folder for folder in folders if folder not in again], again


def _provenance(folder: Path) -> dict[str, Any]:
    file = folder / "provenance.json"
    return read_json(file) if file.is_file() else {}


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read what a comparison must know about runs, from their ``metrics.json`` and ``provenance.json``.

    The method is ``method`` in ``metrics.json`` if it stands there, otherwise the experiment's name without the field's
    in front (``hsc9b_early_fusion`` -> ``early_fusion``). Settings are the config's keys in which runs of one method
    and field differ, the seed and the machine apart, and the data where nothing else tells runs on them apart. Of
    several runs of the same method, field, settings and seed the last written counts.
    They come in the order of field, method and settings, numbers by their size.

    Raises
    ------
    InputError : a folder is no finished run.
    """
    plain, configs, data = [], [], []
    for folder in sorted(folders, key=lambda path: (path / "metrics.json").stat().st_mtime):
        made = _provenance(folder)
        metrics = read_json(folder / "metrics.json")
        if "sigma_mad" not in metrics or "field" not in metrics:
            raise InputError(f"{folder / 'metrics.json'} has no 'sigma_mad' or 'field'; give a finished run.")
        config = made.get("config") or {}
        seed = int(metrics.get("seed", made.get("seed")) or 0)
        plain.append(Run(_method(folder, metrics, config), str(metrics["field"]), seed, metrics, {}, folder))
        applied = [Key("drop", made["drop"], Role.RESULT, PydanticUndefined)] if "drop" in made else []  # to a store
        keys = [*keys_of(config), *applied]
        configs.append({key.name: key for key in keys if key.role is Role.RESULT and key.name != "seed"})
        data.append((str(made.get("data_hash")), _places(keys)))
    last: dict[object, Run] = {}
    for number, run in enumerate(plain):
        same = [i for i, other in enumerate(plain) if (other.method, other.field) == (run.method, run.field)]
        settings = _settings(configs[number], [configs[i] for i in same])
        alike = [
            data[i]
            for i in same
            if not _settings(configs[number], [configs[i]]) | _settings(configs[i], [configs[number]])
        ]
        by_hash, by_place = ({one[part] for one in alike} for part in (0, 1))
        if len(by_hash) > 1:
            settings["data"] = data[number][1 if len(by_place) == len(by_hash) else 0]
        last[run.method, run.field, run.seed, str(sorted(settings.items()))] = replace(run, settings=settings)
    return sorted(last.values(), key=lambda run: (run.field, run.method, [_by_size(v) for v in run.settings.values()]))


def _by_size(value: object) -> tuple[bool, float, str]:
    """Key that sorts numbers, also those that are text, by size and before words."""
    try:
        return False, float(str(value)), ""
    except ValueError:
        return True, 0.0, str(value)


def read_run(
    folder: Path, method: str | None = None, seed: int | None = None, settings: Mapping[str, Any] | None = None
) -> Run:
    """Read one run; method, seed and settings are what a study calls them, else as in :func:`read_runs`."""
    found = read_runs([folder])[0]
    return replace(
        found,
        method=method or found.method,
        seed=found.seed if seed is None else seed,
        settings={} if settings is None else settings,
    )


def rows_as_runs(content: Mapping[str, Any], folder: Path | None = None) -> list[Run]:
    """Read the rows of a study's ``results.json``; its ``swept`` names the columns that are settings.

    Rows of one network with modalities left out differ by their ``kept``, which stands for the method.

    Parameters
    ----------
    content : of the file.
    folder : where it lies, with the galaxies that its rows name.
    """
    swept = content.get("swept", [])
    runs = []
    for row in content["rows"]:
        settings = {name: row[name] for name in swept if row.get(name) is not None}
        kept = JobGalaxies(folder, row["galaxies"]) if folder is not None and row.get("galaxies") else None
        galaxies = kept if kept is not None and kept.there else None
        method = str(row.get("kept") or row["method"])
        runs.append(Run(method, str(row["field"]), int(row.get("seed", 0)), row, settings, galaxies=galaxies))
    return runs


def _settings(config: Mapping[str, Key], others: Sequence[Mapping[str, Key]]) -> dict[str, str]:
    """Settings in which a config differs from any of some others, less those that a section's name tells."""
    differing = {name: str(key.value) for name, key in config.items() if any(_differs(key, one) for one in others)}
    by_name = {key for key in differing if _follows_from_name(key, differing, others)}
    differing = {key: value for key, value in differing.items() if key not in by_name}
    return {_short(key, differing): value for key, value in differing.items()}


def _differs(key: Key, other: Mapping[str, Key]) -> bool:
    """Whether another config has another value; one that lacks the key was made with its default."""
    default = None if key.default is PydanticUndefined else key.default
    return bool(key.value != (other[key.name].value if key.name in other else default))


def _alike(one: Mapping[str, Key], other: Mapping[str, Key]) -> bool:
    """Whether two configs have the same settings."""
    return not any(_differs(key, b) for a, b in ((one, other), (other, one)) for key in a.values())


def _places(keys: Sequence[Key]) -> str:
    """Where the data of a config lie; empty where they are simulated."""
    read = [key for key in keys if key.role is Role.PLACE and key.name.startswith(("data.", "simulation."))]
    return " ".join(str(key.value) for key in read if key.value)


def _follows_from_name(key: str, differing: Mapping[str, Any], configs: Sequence[Mapping[str, Key]]) -> bool:
    """Whether a section's name says a key's value in all configs, as ``network.name`` does of the family's heads."""
    name = f"{key.rpartition('.')[0]}.name"
    if key == name or name not in differing:
        return False
    known = {tuple(str(config[k].value) if k in config else None for k in (name, key)) for config in configs}
    return len(known) == len({of_name for of_name, _ in known})


def _short(key: str, differing: Mapping[str, Any]) -> str:
    """``fusion.name`` -> ``fusion``; else the last part of a key where that tells it from the others."""
    head, _, last = key.rpartition(".")
    short = head if last == "name" else last
    return short if sum(k.rpartition(".")[2] == last for k in differing) == 1 else key


def _method(path: Path, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    if metrics.get("method"):
        return str(metrics["method"])
    network = config.get("network") or {}
    with suppress(InputError):  # a network of a package that is not here
        if settings_type_of(network).is_method:  # a run that is older than `method` in metrics.json
            return str(network["name"])
    name = str(metrics.get("experiment") or (config.get("experiment") or {}).get("name") or path.parent.name)
    name = name.removesuffix(" applied")  # to a store: the networks' own method
    return name.removeprefix(f"{metrics['field']}_") or name
