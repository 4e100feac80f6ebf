"""Simulated stores, kept under a hash of everything that shapes them."""

from __future__ import annotations

from pathlib import Path

from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.files import locked
from photoz_lit.simulation.settings import SimulationSettings
from photoz_lit.simulation.simulate import simulate_store, simulation_hash


def cached_store(field: Field, settings: SimulationSettings, seed: int, cache: Path) -> CutoutStore:
    """Return the store of a simulation from ``cache``, simulating it where it is not there yet.

    The folder's name carries a hash of everything that shapes a byte. Two processes that ask for the same simulation
    wait for each other; an interrupted one is resumed.
    """
    path = cache / f"{field.name}-{simulation_hash(field, settings, seed)}"
    try:
        with locked(cache / f"{path.name}.lock"):
            return open_store(path) if path.exists() else simulate_store(field, settings, seed, path)
    except OSError as error:
        raise InputError(f"the cache {cache} cannot be written ({error.strerror or error}).") from error
