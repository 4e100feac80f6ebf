"""The sample that a config asks for: real stores, or a simulated field kept in the cache."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.alignment.build import labels_like_source, labels_of
from photoz_lit.config import Config
from photoz_lit.data.domains import SOURCE, AdaptationSample, join_fields
from photoz_lit.data.label_table import relabel
from photoz_lit.data.sample import Sample, load_sample, require_on_grid, selected
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from photoz_lit.simulation.labels import labels_like
from photoz_lit.simulation.simulate import cached_store

LABEL_STREAM = 10  # of random numbers, beside those of a simulation


def open_stores(config: Config) -> list[CutoutStore]:
    """Stores of ``data.store``, or the simulated field, made now if it is not cached."""
    if config.data.stores:
        return [open_store(path) for path in config.data.stores]
    if config.simulation.mapping is not None and config.simulation.catalogue is None:
        raise InputError(
            f"give simulation.catalogue=<file> of {config.simulation.mapping.name}, or data.store=<store>."
        )
    simulation = config.simulation
    if simulation.conditions is not None and simulation.conditions.base == config.field.name:
        simulation = simulation.model_copy(update={"conditions": None})  # seen as itself: the store that is there
    return [cached_store(config.field, simulation, config.data.simulation_seed, Path(config.data.cache))]


def adaptation_sample_of(config: Config) -> AdaptationSample:
    """Galaxies of the source and of the targets that the config names, or simulates.

    The source is ``data.source``, else ``data.store``, else the simulated ``field``; the targets are ``data.target``,
    else the simulated ``data.target_fields``, whose sky has another seed.

    Raises
    ------
    InputError : stores, bands and fields do not fit; the sentence says which.
    """
    data = config.data
    if data.source is not None:
        source = open_store(data.source)
    else:
        stores = open_stores(config)
        if len(stores) > 1:
            raise InputError("adaptation takes one source; join the stores first or name one as data.source.")
        source = stores[0]
    if data.targets:
        targets = [open_store(path) for path in data.targets]
    else:
        seed, cache = data.target_seed, Path(data.cache)
        fields = [load_field(name) for name in data.target_fields]
        targets = [cached_store(field, config.simulation, seed, cache) for field in fields]
    size = config.scale.stamp_size
    labels = labels_of(config.adapt)
    sample = join_fields(source, targets, config.field, size, data.bands, data.select, labels, data.source_select)
    require_on_grid(sample.full)
    return with_labels_like_source(sample, data.target_seed) if labels_like_source(config.adapt) else sample


def with_labels_like_source(sample: AdaptationSample, seed: int) -> AdaptationSample:
    """Draw the targets' labels for training as the source's are, by :func:`~photoz_lit.simulation.labels.labels_like`.

    Raises
    ------
    InputError : the truth is not known.
    """
    known = pd.to_numeric(sample.full.catalogue.get("z_true", pd.Series(np.nan, sample.full.catalogue.index)))
    magnitude = sample.full.catalogue[f"mag_{sample.full.field.reference_band}"].to_numpy(np.float64)
    own, theirs = sample.domain == SOURCE, sample.domain != SOURCE
    if known[theirs].isna().any():
        raise InputError(
            "adapt.labels=matched draws labels of the target from the truth (column z_true), which simulated fields"
            " alone have; choose adapt=oracle."
        )
    seen = sample.blind.catalogue.copy()
    labelled = own & np.isfinite(sample.full.catalogue["z"].to_numpy(np.float64))
    like = (seen["z_source"].to_numpy(object)[labelled], magnitude[labelled])
    z_max = float(sample.full.field.z_edges[-1])
    random = np.random.default_rng([seed, LABEL_STREAM])
    drawn = labels_like(known[theirs].to_numpy(np.float64), magnitude[theirs], like, z_max, random)
    for name, values in drawn.items():
        if name in seen:
            seen.loc[theirs, name] = values
    return replace(sample, blind=replace(sample.blind, catalogue=seen))


def sample_of(config: Config) -> Sample:
    """Galaxies of the config's stores, with its bands, selection and labels.

    Raises
    ------
    InputError : stores, bands, labels and field do not fit; the sentence says which.
    """
    data = config.data
    size = config.scale.stamp_size
    selection = None if data.labels else data.select
    sample = load_sample(open_stores(config), config.field, size, data.bands, selection, data.missing_bands)
    if data.labels:
        sample = relabel(sample, data.labels, data.label_missing, data.label_allow, data.labels_table)
        if data.select is not None:  # it may name labels: the table's, not the store's
            sample = selected(sample, data.select)
        sample = replace(sample, data_hash=f"{sample.data_hash}-{_hash_of(Path(data.labels))}")
    require_on_grid(sample)
    return sample


def _hash_of(path: Path) -> str:
    return f"{zlib.crc32(path.read_bytes()):08x}"
