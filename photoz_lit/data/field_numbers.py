"""Which of the fields that a network was carried between a sample's stores are of."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photoz_lit.data.domains import SOURCE
from photoz_lit.data.sample import Sample
from photoz_lit.errors import InputError


def field_numbers(sample: Sample, fields: Sequence[str], stores: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of each store's field, 0 is the source: what was learnt of a target is applied to it alone.

    The stores of the adaptation are known by their data, another store by its field's name, an unknown field counts
    as the source. Where source and target have one name, a store that is neither counts as the target, and this is
    told.

    Parameters
    ----------
    sample : galaxies that are predicted.
    fields, stores : names and data hashes of source and targets, in the order of their numbers.

    Raises
    ------
    InputError : several targets have the name of a store that is none of them.
    """
    found = [view.store for view in sample.views]
    if [store.data_hash for store in found] == list(stores):
        return np.arange(len(found))
    return np.array([_number(store.data_hash, store.header.field, fields, stores) for store in found], np.int64)


def _number(data_hash: str, name: str, fields: Sequence[str], stores: Sequence[str]) -> int:
    if data_hash in stores:
        return list(stores).index(data_hash)
    targets = [number for number, field in enumerate(fields) if field == name and number != SOURCE]
    if len(targets) > 1:
        raise InputError(
            f"the run was adapted to {len(targets)} targets of field '{name}' and this store of it is none of them; "
            "ingest each target as a field of its own (one YAML in conf/field)."
        )
    if not targets:
        return SOURCE
    if fields[SOURCE] == name:
        warnings.warn(
            f"source and target of this run are both of field '{name}'; a store that is neither counts as the target.",
            stacklevel=2,
        )
    return targets[0]
