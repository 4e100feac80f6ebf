"""The sample that a config asks for: real stores, or a simulated field kept in the cache."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

from photoz_lit.config import Config
from photoz_lit.data.label_table import relabel
from photoz_lit.data.sample import Sample, load_sample, require_on_grid
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.errors import InputError
from photoz_lit.simulation.cache import cached_store


def open_stores(config: Config) -> list[CutoutStore]:
    """Stores of ``data.store``, or the simulated field, made now if it is not cached."""
    if config.data.stores:
        return [open_store(path) for path in config.data.stores]
    if config.simulation.mapping is not None and config.simulation.catalogue is None:
        raise InputError(
            f"give simulation.catalogue=<file> of {config.simulation.mapping.name}, or data.store=<store>."
        )
    return [cached_store(config.field, config.simulation, config.data.simulation_seed, Path(config.data.cache))]


def sample_of(config: Config) -> Sample:
    """Galaxies of the config's stores, with its bands, selection and labels.

    Raises
    ------
    InputError : stores, bands, labels and field do not fit; the sentence says which.
    """
    data = config.data
    size = config.scale.stamp_size
    sample = load_sample(open_stores(config), config.field, size, data.bands, data.select, data.missing_bands)
    if data.labels:
        sample = relabel(sample, data.labels)
        sample = replace(sample, data_hash=f"{sample.data_hash}-{_hash_of(Path(data.labels))}")
    require_on_grid(sample)
    return sample


def _hash_of(path: Path) -> str:
    return f"{zlib.crc32(path.read_bytes()):08x}"
