"""What a run was made with, beside what a job of a study asks for now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from pydantic_core import PydanticUndefined

import photoz_lit
from photoz_lit.command_line.overrides import for_hydra
from photoz_lit.config import Config, validate
from photoz_lit.errors import InputError
from photoz_lit.fields import conf_directory
from photoz_lit.setting_roles import keys_of, what_shapes
from photoz_lit.settings import Role
from photoz_lit.simulation.version import UNNAMED, pixels_of
from photoz_lit.studies.definition import Setting
from photoz_lit.tasks.task import marked, value_of

VERSION = "photoz_lit"
SIMULATION, PIXELS = "simulation.version", "simulation.pixels"
#: By field; records without the key were made without them.
DISTURBANCES = "simulation.disturbances"
#: Reached magnitudes alone, and no pixel, before version 5 of the simulation.
MAGNITUDES_ONLY = "simulation.magnitude_floor"


@dataclass(frozen=True)
class Asked:
    """What a job asks for now.

    Attributes
    ----------
    settings : what shapes its run, by dotted key.
    defaults : what records without a key were made with.
    in_entries : keys of which that holds only where a record has their section.
    """

    settings: Setting
    defaults: Setting
    in_entries: frozenset[str] = frozenset()


def made_with(run: Path) -> Setting:
    """What shaped a finished run, by dotted key: its settings, its data, the software's version.

    Raises
    ------
    InputError : the run's ``provenance.json`` cannot be read.
    """
    file = run / "provenance.json"
    try:
        record = json.loads(file.read_text())
        made = {key.name: key.value for key in keys_of(record["config"]) if key.role is Role.RESULT}
        drawn = record.get("simulation_version")
        named = {} if drawn is None else {SIMULATION: drawn}
        data = {**_data_by_name(record["config"]), **named}
        return {**made, **data, **{name: record[name] for name in (VERSION, "data_hash")}}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"{file} cannot be read ({error}); remove {run} and train it again.") from error


def asked_for(overrides: Sequence[str]) -> Asked:
    """What shapes the run of a job.

    Parameters
    ----------
    overrides : of the job.

    Returns
    -------
    Keys of :func:`made_with`; stores and files by name, as their hash is not known yet. A job that reads pixels alone
    asks for the pixels of a simulation, ``simulation.pixels``, and not for its catalogue.
    """
    config = composed(overrides)
    keys = what_shapes(config)
    asked = {key.name: key.value for key in keys} | {VERSION: photoz_lit.__version__}
    asked |= _data_by_name(config.model_dump(mode="json"))
    if config.data.store is None:
        version = config.simulation.galaxies.version
        asked |= {SIMULATION: version} if config.reads_catalogue else {PIXELS: pixels_of(version)}
    defaults = {key.name: key.default for key in keys if key.default is not PydanticUndefined}
    return Asked(asked, defaults, frozenset(key.name for key in keys if key.in_entry))


def changes(made: Setting, asked: Asked) -> list[str]:
    """What a run was made with, where a job asks for something else now.

    Parameters
    ----------
    made : of :func:`made_with`, or of an older record.
    asked : of :func:`asked_for`.

    Returns
    -------
    ``key: made -> asked`` of every key that both have, where an optional section counts as null while it is not there
    or empty.
    What a record does not say is the key's default; a key without one, which the software did not have when the run was
    made, is no change.
    """
    made, now = _as_read(made, asked.settings), asked.settings
    unset_then = {key for key, value in made.items() if value is None or value == {}}
    sections = {section for key in made for section in _sections(key)}
    unset_now = {key for key, value in now.items() if value is None or value == {}}
    found = []
    for key, value in now.items():
        if key in made or any(section in unset_then for section in _sections(key)):
            found.append((key, made.get(key), value))
        elif key in asked.defaults and (key not in asked.in_entries or _sections(key)[-1] in sections):
            found.append((key, asked.defaults[key], value))
    found += [(key, value, None) for key, value in made.items() if any(s in unset_now for s in _sections(key))]
    return [f"{key}: {old} -> {new}" for key, old, new in found if old != new]


def _as_read(made: Setting, asked: Setting) -> Setting:
    """What a run was made with, its simulation under the keys that the job asks by."""
    made = {**made, **{key: _name(made[key]) for key, _ in marked(Config) if key in made}}  # older records have paths
    if not any(key.startswith(DISTURBANCES) for key in made):
        made[DISTURBANCES] = {}
    version = made.get(SIMULATION, UNNAMED)
    if PIXELS not in asked:
        return {**made, SIMULATION: version} if SIMULATION in asked else made
    in_pixels = {MAGNITUDES_ONLY: 0.0} if version == UNNAMED else {}
    return {**made, **in_pixels, PIXELS: pixels_of(version)}


def _sections(key: str) -> list[str]:
    """Sections that a dotted key stands in: ``a`` and ``a.b`` of ``a.b.c``."""
    parts = key.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def _data_by_name(config: Mapping[str, Any]) -> Setting:
    """Stores and files that a config reads, by their names alone: they may lie elsewhere on another machine.

    A store that is none stays unsaid, as in older records.
    """
    named = {key: value_of(config, key) for key, _ in marked(Config)}
    return {key: _name(value) for key, value in named.items() if value is not None or key != "data.store"}


def _name(path: Any) -> Any:
    """Last part of a path, of each where there are several."""
    if isinstance(path, list):
        return [_name(one) for one in path]
    return None if path is None else Path(path).name


def composed(overrides: Sequence[str]) -> Config:
    """Config of a command line, composed beside the one that runs."""
    with ExitStack() as opened:
        if not GlobalHydra.instance().is_initialized():  # it is, where the command line called us
            opened.enter_context(initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"))
        return validate(compose("config", overrides=for_hydra(overrides)))
