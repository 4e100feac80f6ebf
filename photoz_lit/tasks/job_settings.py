"""What a run was made with, beside what a job of a study asks for now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import photoz_lit
from photoz_lit.command_line.overrides import for_hydra
from photoz_lit.command_line.reach import leaves
from photoz_lit.config import Config, validate
from photoz_lit.errors import InputError
from photoz_lit.fields import conf_directory
from photoz_lit.run_folder import shaping, what_shapes
from photoz_lit.simulation.version import UNNAMED, pixels_of
from photoz_lit.studies.definition import Setting

# Where a job runs: a study may be split over machines.
MACHINE = tuple(
    f"trainer.{name}" for name in ("accelerator", "devices", "strategy", "precision", "compile", "channels_last")
)
VERSION = "photoz_lit"
SIMULATION, PIXELS = "simulation.version", "simulation.pixels"
#: Reached magnitudes alone, and no pixel, before version 5 of the simulation.
MAGNITUDES_ONLY = "simulation.magnitude_floor"


def made_with(run: Path) -> Setting:
    """What shaped a finished run, by dotted key: its config, its data, the software's version.

    Raises
    ------
    InputError : the run's ``provenance.json`` cannot be read.
    """
    file = run / "provenance.json"
    try:
        record = json.loads(file.read_text())
        made = _comparable(shaping(record["config"]))
        drawn = record.get("simulation_version")
        named = {} if drawn is None else {SIMULATION: drawn}
        return {**made, **named, **{name: record[name] for name in (VERSION, "data_hash")}}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"{file} cannot be read ({error}); remove {run} and train it again.") from error


def asked_for(overrides: Sequence[str]) -> Setting:
    """What shapes the run of a job, by dotted key, the machine's keys left out.

    Parameters
    ----------
    overrides : of the job.

    Returns
    -------
    Keys of :func:`made_with`, and ``data.store`` where the job reads a store: its hash is not known yet. A job that
    reads pixels alone asks for the pixels of a simulation, ``simulation.pixels``, and not for its catalogue.
    """
    config = composed(overrides)
    asked = {**_comparable(what_shapes(config)), VERSION: photoz_lit.__version__}
    if config.data.store is not None:
        asked["data.store"] = str(config.data.store)
    elif config.reads_catalogue:
        asked[SIMULATION] = config.simulation.galaxies.version
    else:
        asked[PIXELS] = pixels_of(config.simulation.galaxies.version)
    apart = ("experiment.", "ingest.", *MACHINE)  # a store is read as it was written, whatever reads archives now
    return {k: v for k, v in asked.items() if not k.startswith(apart) and not k.endswith("description")}


def changes(made: Setting, asked: Setting) -> list[str]:
    """What a run was made with, where a job asks for something else now.

    Parameters
    ----------
    made : of :func:`made_with`.
    asked : of :func:`asked_for`.

    Returns
    -------
    ``key: made -> asked`` of every key that both have, where an optional section counts as null while it is not there.
    A key that the software did not have when the run was made is no change: its default keeps what was.
    """
    made = _as_read(made, asked)
    unset_then = {key for key, value in made.items() if value is None}
    unset_now = {key for key, value in asked.items() if value is None}
    found = []
    for key, value in asked.items():
        if key in made or any(section in unset_then for section in _sections(key)):
            found.append((key, made.get(key), value))
    found += [(key, value, None) for key, value in made.items() if any(s in unset_now for s in _sections(key))]
    return [f"{key}: {old} -> {new}" for key, old, new in found if old != new]


def _as_read(made: Setting, asked: Setting) -> Setting:
    """What a run was made with, its simulation under the keys that the job asks by."""
    version = made.get(SIMULATION, UNNAMED)
    if PIXELS not in asked:
        return {**made, SIMULATION: version} if SIMULATION in asked else made
    in_pixels = {MAGNITUDES_ONLY: 0.0} if version == UNNAMED else {}
    return {**made, **in_pixels, PIXELS: pixels_of(version)}


def _sections(key: str) -> list[str]:
    """Sections that a dotted key stands in: ``a`` and ``a.b`` of ``a.b.c``."""
    parts = key.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def _comparable(content: dict[str, Any]) -> Setting:
    """Values by dotted key, a catalogue by its file's name: it may lie elsewhere on another machine."""
    values = leaves(content)
    catalogue = values.get("simulation.catalogue")
    return {**values, "simulation.catalogue": None if catalogue is None else Path(catalogue).name}


def composed(overrides: Sequence[str]) -> Config:
    """Config of a command line, composed beside the one that runs."""
    with ExitStack() as opened:
        if not GlobalHydra.instance().is_initialized():  # it is, where the command line called us
            opened.enter_context(initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"))
        return validate(compose("config", overrides=for_hydra(overrides)))
