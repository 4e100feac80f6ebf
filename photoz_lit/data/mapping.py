"""Map the columns of any catalogue to a store's columns: names, units, constants, codes for missing values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.data.column_source import ColumnSource as ColumnSource
from photoz_lit.data.column_values import empty_values, source_values, target_values
from photoz_lit.data.id_type import IdType, type_of_ids
from photoz_lit.errors import InputError
from photoz_lit.tables.frame import missing_column

ColumnMapping = Mapping[str, str | ColumnSource | None]  # None leaves a target out


def as_source(entry: str | ColumnSource) -> ColumnSource:
    """Return the long form of an entry; a plain string names a column."""
    return ColumnSource(column=entry) if isinstance(entry, str) else entry


def source_columns(mapping: ColumnMapping) -> list[str]:
    """Return the columns of the source that a mapping names, each once."""
    return list(dict.fromkeys(name for entry in mapping.values() if entry for name in as_source(entry).names))


def require_columns(known: Collection[str], mapping: ColumnMapping) -> None:
    """Refuse a mapping whose mandatory columns are not among the known ones.

    Raises
    ------
    InputError : names the first that is missing and the nearest known one.
    """
    for target, entry in mapping.items():
        source = as_source(entry) if entry else None
        for name in source.names if source and not source.may_be_missing else []:
            if name not in known:
                raise InputError(
                    f"column '{name}', mapped to '{target}', is not in the catalogue{missing_column(name, known)}"
                )


def numbers_rows(known: Collection[str], mapping: ColumnMapping) -> bool:
    """Return whether the row number serves as ``object_id``, since no column among the known ones does."""
    entry = mapping.get("object_id")
    return not entry or any(name not in known for name in as_source(entry).names)


def mapped_id_type(table: pd.DataFrame, mapping: ColumnMapping, ids: ArrayLike) -> IdType:
    """Return the type of a catalogue's ids; row numbers that serve as ids are texts.

    Parameters
    ----------
    table, mapping : of :func:`map_columns`.
    ids : the mapped ``object_id``, (rows,).
    """
    entry = mapping.get("object_id")
    if not entry or numbers_rows([str(name) for name in table.columns], mapping):
        return "text"
    return type_of_ids(source_values(table, as_source(entry)), ids)


def map_columns(table: pd.DataFrame, mapping: ColumnMapping) -> pd.DataFrame:
    """Return the mapped columns of a catalogue, in a store's units.

    ``object_id``, ``z_source`` and ``z_quality`` become strings, ``flags`` integers, ``ra`` and ``dec`` degrees,
    ``mag_*`` and ``mag_err_*`` AB magnitudes; other targets keep their values. Missing numbers are NaN. Without an
    ``object_id`` in the mapping, or without its optional column, the row number serves.

    Parameters
    ----------
    table : the source, see :func:`photoz_lit.tables.reading.read_table`; the units in its ``attrs`` are honoured.
    mapping : target column -> source column, or :class:`ColumnSource`.

    Returns
    -------
    A frame of the same length with a plain index.

    Raises
    ------
    InputError : a column is missing (the nearest is named), or its values do not fit its unit or type.
    """
    require_columns(table.columns, mapping)
    sources = {target: as_source(entry) for target, entry in mapping.items() if entry}
    out: dict[str, NDArray[Any]] = {}
    if numbers_rows([str(name) for name in table.columns], mapping):
        out["object_id"] = np.arange(len(table)).astype(str).astype(object)
    for target, source in sources.items():
        if target in out:
            continue
        if any(name not in table for name in source.names):
            out[target] = empty_values(target, len(table))
            continue
        out[target] = target_values(table, target, source, sources)
    return pd.DataFrame(out)
