"""Tables in HDF5 files: columns at the root or in a group (RAIL), or a compound data set (astropy)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
from astropy.table import meta

from photoz_lit.errors import InputError
from photoz_lit.tables.choice import TableChoice, TableEntry, chosen_entry
from photoz_lit.tables.frame import element_names, table_to_frame, wanted
from photoz_lit.tables.hdf5_file import open_hdf5

_ASTROPY_META = ".__table_column_meta__"


def read_hdf5(path: Path, columns: Collection[str] | None, choice: TableChoice) -> pd.DataFrame:
    """Read the table of an HDF5 file.

    Raises
    ------
    InputError : the file holds no table, takes data from other files, a column is missing, or several tables are there.
    """
    with open_hdf5(path) as file:
        table = _chosen(path, file, choice)
        if isinstance(table, h5py.Dataset):
            records = table[()]
            values, units = {name: records[name] for name in table.dtype.names}, _astropy_units(file, table)
        else:
            flat = _flat_columns(table)
            parts = _parts(flat)
            needed = set(wanted(path, [part for names in parts.values() for part in names], columns))
            values = {name: flat[name][()] for name in flat if needed & set(parts[name])}
            units = {name: unit for name in values if (unit := _stated_unit(flat[name]))}
    frame = table_to_frame(values, units)
    chosen = frame[wanted(path, list(frame.columns), columns)]
    chosen.attrs["units"] = {name: unit for name, unit in frame.attrs["units"].items() if name in chosen}
    return chosen


def hdf5_columns(path: Path, choice: TableChoice) -> list[str]:
    """Return the names under which :func:`read_hdf5` gives the columns."""
    with open_hdf5(path) as file:
        table = _chosen(path, file, choice)
        if isinstance(table, h5py.Group):
            return [part for names in _parts(_flat_columns(table)).values() for part in names]
        fields, out = table.dtype.fields, []
        for name in table.dtype.names:
            shape = fields[name][0].shape
            width = 1 if not shape else int(shape[0]) if len(shape) == 1 else 0
            out += element_names(name, width, bool(shape), table.dtype.names)
        return out


def _chosen(path: Path, file: h5py.File, choice: TableChoice) -> h5py.Group | h5py.Dataset:
    tables = dict(_tables(file["/"], set()))
    if not tables:
        if any("pandas_type" in item.attrs for _, item in _items(file["/"])):
            raise InputError(f"catalogue {path} was written by pandas' to_hdf; write it with to_parquet instead.")
        raise InputError(f"catalogue {path} has no rows: no group of it holds columns of one length.")
    entries = [TableEntry(k, name, _rows(table)) for k, (name, table) in enumerate(tables.items(), 1)]
    return tables[chosen_entry(path, entries, choice).name]


def _items(group: h5py.Group) -> Iterator[tuple[str, Any]]:
    """Yield name and item; a soft link to nothing is none."""
    for name in group:
        item = group.get(name)
        if item is not None:
            yield str(name), item


def _tables(group: h5py.Group, seen: set[int]) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Yield path and table: a group that holds columns, or a compound data set; each once."""
    address = h5py.h5o.get_info(group.id).addr
    if address in seen or "pandas_type" in group.attrs:
        return
    seen.add(address)
    if _flat_columns(group):
        yield group.name, group
    for name, item in _items(group):
        if isinstance(item, h5py.Dataset) and item.dtype.names and item.ndim == 1:
            yield f"{group.name.rstrip('/')}/{name}", item
        elif isinstance(item, h5py.Group):
            yield from _tables(item, seen)


def _flat_columns(group: h5py.Group) -> dict[str, h5py.Dataset]:
    """Return the data sets that are as long as most of the one-dimensional ones are."""
    found = {
        name: item
        for name, item in _items(group)
        if isinstance(item, h5py.Dataset)
        and item.ndim in (1, 2)
        and not item.dtype.names
        and not name.endswith(_ASTROPY_META)
    }
    lengths = Counter(len(item) for item in found.values() if item.ndim == 1)
    if not lengths:
        return {}
    rows = max(lengths, key=lambda length: (lengths[length], length))
    return {name: item for name, item in found.items() if len(item) == rows}


def _rows(table: h5py.Group | h5py.Dataset) -> int:
    return len(table) if isinstance(table, h5py.Dataset) else len(next(iter(_flat_columns(table).values())))


def _parts(flat: dict[str, h5py.Dataset]) -> dict[str, list[str]]:
    return {
        name: element_names(name, 1 if item.ndim == 1 else int(item.shape[1]), item.ndim == 2, flat)
        for name, item in flat.items()
    }


def _stated_unit(item: h5py.Dataset) -> str:
    """Return the unit in a data set's attributes."""
    for key in ("unit", "units", "UNIT", "UNITS"):
        if key in item.attrs:
            value = item.attrs[key]
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return ""


def _astropy_units(file: h5py.File, table: h5py.Dataset) -> dict[str, str]:
    """Return the units that astropy wrote beside a compound data set."""
    beside = f"{table.name}{_ASTROPY_META}"
    if beside not in file:
        return {}
    lines = [line.decode("utf-8") if isinstance(line, bytes) else str(line) for line in file[beside][()]]
    header = meta.get_header_from_yaml(lines)
    return {column["name"]: str(column["unit"]) for column in header["datatype"] if column.get("unit")}
