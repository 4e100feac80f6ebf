"""Tables in FITS files, also of several extensions: SExtractor's LDAC, DESI's redrock, Rubin's archives."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy.io import fits
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.tables.choice import TableChoice, TableEntry, chosen_entry, several
from photoz_lit.tables.frame import element_names, table_to_frame, wanted

# Layouts whose documentation says where the objects are.
_LDAC_OBJECTS = "LDAC_OBJECTS"
_REDROCK = (("REDSHIFTS", "FIBERMAP"), ("ZBEST", "FIBERMAP"))


def read_fits(path: Path, columns: Collection[str] | None, choice: TableChoice) -> pd.DataFrame:
    """Read the table of a FITS file; two tables of equal length are joined row by row.

    Raises
    ------
    InputError : there is no table, a column is missing, or the table cannot be chosen without guessing.
    """
    with fits.open(path, memmap=not path.name.endswith((".gz", ".bz2"))) as hdus:
        owner = _columns(path, _chosen(path, hdus, choice))
        names = set(wanted(path, [part for parts, _, _ in owner.values() for part in parts], columns))
        needed = {name: column for name, column in owner.items() if names & set(column[0])}
        values = {name: _values(hdu, name) for name, (_, hdu, _) in needed.items()}
        frame = table_to_frame(values, {name: unit for name, (_, _, unit) in needed.items()})
    chosen = frame[[name for name in frame.columns if name in names]]
    chosen.attrs["units"] = {name: unit for name, unit in frame.attrs["units"].items() if name in names}
    return chosen


def fits_columns(path: Path, choice: TableChoice) -> list[str]:
    """Return the names under which :func:`read_fits` gives the columns, from the headers."""
    with fits.open(path, memmap=not path.name.endswith((".gz", ".bz2"))) as hdus:
        return [part for parts, _, _ in _columns(path, _chosen(path, hdus, choice)).values() for part in parts]


def _chosen(path: Path, hdus: fits.HDUList, choice: TableChoice) -> list[Any]:
    """Return the table that is meant, or those that are joined row by row."""
    tables = _tables(hdus)
    if not tables:
        raise InputError(f"catalogue {path} holds no table, only images; give the catalogue's file.")
    entries = [TableEntry(number, hdu.name, int(hdu.header["NAXIS2"])) for number, hdu in tables.items()]
    joined = _objects(entries) if choice.table is None else None
    if joined is None:
        joined = [chosen_entry(path, entries, choice)]
    for entry in joined:
        if tables[entry.number].header.get("ZTABLE"):
            raise InputError(f"catalogue {path}: table {entry} is compressed by fpack; unpack it with funpack first.")
    _require_same_rows(path, [tables[entry.number] for entry in joined], entries, choice)
    return [tables[entry.number] for entry in joined]


def _tables(hdus: fits.HDUList) -> dict[int, Any]:
    """Return number -> table, without those that Rubin's pipelines store to rebuild their Python objects."""
    tables: dict[int, Any] = {}
    archive = len(hdus)
    for number, hdu in enumerate(hdus):
        if not isinstance(hdu, fits.BinTableHDU | fits.TableHDU) or isinstance(hdu, fits.CompImageHDU):
            continue
        archive = min(archive, int(hdu.header.get("AR_HDU", archive + 1)) - 1)
        if number < max(archive, 1) or not tables:
            tables[number] = hdu
    return tables


def _objects(entries: Sequence[TableEntry]) -> list[TableEntry] | None:
    """Return the tables of a known layout, or of one length; None where there is nothing to go by."""
    named = {entry.name: entry for entry in entries}
    objects = [entry for entry in entries if entry.name == _LDAC_OBJECTS]
    if len(objects) == 1:
        return objects
    for pair in _REDROCK:
        if all(name in named for name in pair) and len({named[name].rows for name in pair}) == 1:
            return [named[name] for name in pair]
    filled = [entry for entry in entries if entry.rows]
    if not objects and len(filled) > 1 and len({entry.rows for entry in filled}) == 1:
        return filled
    return None


def _require_same_rows(path: Path, tables: Sequence[Any], entries: Sequence[TableEntry], choice: TableChoice) -> None:
    """Refuse to join tables whose common columns differ: they are not of the same objects, or not of one quantity."""
    seen: dict[str, Any] = {}
    for table in tables:
        for name in table.columns.names:
            if name not in seen:
                seen[name] = table
            elif not _same(np.asarray(seen[name].data[name]), np.asarray(table.data[name])):
                why = f", of equal length but with different values in their common column '{name}'"
                raise several(path, entries, choice, why)


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.shape != other.shape:
        return False
    equal = one == other
    if one.dtype.kind == "f" and other.dtype.kind == "f":
        equal = equal | (np.isnan(one) & np.isnan(other))
    return bool(np.all(equal))


def _columns(path: Path, tables: Sequence[Any]) -> dict[str, tuple[list[str], Any, str]]:
    """Return column -> the names it is read under, its table and its unit."""
    all_names = {name for table in tables for name in table.columns.names}
    out: dict[str, tuple[list[str], Any, str]] = {}
    for table in tables:
        if len(set(table.columns.names)) < len(table.columns.names):
            twice = next(n for n in table.columns.names if table.columns.names.count(n) > 1)
            raise InputError(f"catalogue {path} has two columns '{twice}'; rename one of them.")
        dtype = table.columns.dtype
        for column in table.columns:
            shape = dtype[column.name].shape
            if column.name in out or str(column.format).lstrip("0123456789")[:1] in ("P", "Q"):
                continue  # of an earlier table, or of a length that differs from row to row
            width = 1 if not shape else int(shape[0]) if len(shape) == 1 else 0
            parts = element_names(column.name, width, bool(shape), all_names)
            if parts:
                out[column.name] = (parts, table, str(column.unit or ""))
    return out


def _values(hdu: Any, name: str) -> NDArray[Any]:
    """Return one column, its TNULL masked."""
    values = np.array(hdu.data[name])
    null = hdu.columns[name].null
    return np.ma.masked_equal(values, int(null)) if null not in (None, "") and values.dtype.kind in "iu" else values
