"""Read a real catalogue whose galaxies are to be drawn."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.column_source import ColumnSource
from photoz_lit.data.mapping import map_columns
from photoz_lit.data.redshift_codes import RedshiftKeys, require_no_codes
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.rows import RowCount
from photoz_lit.simulation.settings import CatalogueMapping
from photoz_lit.tables.angles import degrees
from photoz_lit.tables.frame import missing_column
from photoz_lit.tables.magnitudes import magnitudes
from photoz_lit.tables.no_value import blank_missing, parsed_numbers
from photoz_lit.tables.reading import read_table
from photoz_lit.tables.text_columns import identifiers
from photoz_lit.tables.units import understood

FloatArray = NDArray[np.float64]

SHAPE_COLUMNS = ("radius_disk", "radius_bulge", "axis_ratio_disk", "axis_ratio_bulge")
_TEXT = ("z_quality", "z_source")


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises
    ------
    InputError : the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"catalogue {path} cannot be read ({error.strerror or error}); check the path.") from error


def read_catalogue(
    path: Path, mapping: CatalogueMapping, field: Field, table_name: str | int | None = None
) -> tuple[pd.DataFrame, RowCount]:
    """Read, map, clean and cut a real catalogue.

    Parameters
    ----------
    path : the file.
    mapping : its columns, its codes for missing values, its cuts.
    field : the field under whose conditions the galaxies are drawn; its bands must all be mapped.
    table_name : name or number of the table, where the file holds several.

    Returns
    -------
    catalogue : ``object_id``, ``z``, ``mag_<band>`` of every band of the field, all valid, and what else is mapped;
        a missing optional value is NaN.
    rows : how many rows were read, are used, and left for which reason.

    Raises
    ------
    InputError : a column, band or value is wrong, or a redshift looks like a code for "no value"; the sentence names
        it.
    """
    table = read_table(path, None, table_name, "simulation.table")
    _require_columns(table, mapping, path)
    for band in field.bands:
        if f"mag_{band}" not in mapping.columns:
            known = [b for b in field.bands if f"mag_{b}" in mapping.columns]
            raise InputError(
                f"the mapping '{mapping.name}' has no magnitude for band '{band}' of field '{field.name}'"
                f" (it has {', '.join(known) or 'none'}); map 'mag_{band}' or choose another field."
            )
    rows, keep = RowCount.of(len(table)), np.ones(len(table), bool)
    for column, intervals in mapping.ranges.items():
        values = _numbers(table, column, path)
        # half a unit in the ninth digit: 3.1 read from text must pass the range that begins with 3.1
        inside = np.any([(values >= low - 1e-9) & (values <= high + 1e-9) for low, high in intervals], axis=0)
        rows = rows.without(f"{column} outside its range", int((keep & ~inside).sum()))
        keep &= inside
    out = pd.DataFrame({"object_id": _identifiers(table, mapping, path)})
    for name, column in mapping.columns.items():
        out[name] = identifiers(table[column], column) if name in _TEXT else _valid(table, name, mapping, path)
    if "z_source" not in out:
        out["z_source"] = mapping.z_source
    for name in ["z", *(f"mag_{band}" for band in field.bands)]:
        bad = keep & ~np.isfinite(out[name].to_numpy())
        if bad.any() and mapping.incomplete == "refuse":
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"{path}: {int(bad.sum())} rows have no valid {name} ('{mapping.columns[name]}'), the first is row"
                f" {row}; correct them or set simulation.mapping.incomplete=drop."
            )
        rows = rows.without(f"no valid {name}", int(bad.sum()))
        keep &= ~bad
    out = out[keep].reset_index(drop=True)
    keys = RedshiftKeys("simulation.mapping.missing", "simulation.mapping.allow", mapping.missing, mapping.allow)
    require_no_codes(out["z"], f"{path}, column '{mapping.columns['z']}'", keys)
    _require_sense(out, field, path, mapping)
    return out, rows.checked(len(out))


def _require_columns(table: pd.DataFrame, mapping: CatalogueMapping, path: Path) -> None:
    wanted = [*mapping.columns.values(), *mapping.ranges, *([mapping.object_id] if mapping.object_id else [])]
    for column in wanted:
        if column not in table:
            raise InputError(f"{path} has no column '{column}'{missing_column(column, table.columns)}")
    if "z" not in mapping.columns:
        raise InputError(f"the mapping '{mapping.name}' has no column for 'z'; map the redshift.")


def _numbers(table: pd.DataFrame, column: str, path: Path) -> FloatArray:
    values, bad = parsed_numbers(table[column], codes=())
    if bad is not None:
        raise InputError(f"{path}: column '{column}' is not a number (row {bad[0]} is '{bad[1]}').")
    return values


def _valid(table: pd.DataFrame, name: str, mapping: CatalogueMapping, path: Path) -> FloatArray:
    """Degrees, AB magnitudes or numbers of a column; the mapping's codes for missing values, and no others, are NaN."""
    column = mapping.columns[name]
    where = f"{path}: column '{column}'"
    stated = str(table.attrs["units"].get(column, ""))
    if name in ("ra", "dec"):
        return degrees(table[column], name, stated, where, mapping.missing)
    if name.startswith("mag_err_"):
        band = {n: mapping.columns[n] for n in (name, name.replace("mag_err_", "mag_")) if n in mapping.columns}
        sources = {n: ColumnSource(column=c, missing=mapping.missing) for n, c in band.items()}
        return map_columns(table, sources)[name].to_numpy(np.float64)
    if name.startswith("mag_"):
        _numbers(table, column, path)
        codes = (*mapping.missing, *mapping.missing_magnitudes)
        return magnitudes(table[column], understood(stated, where), name, where, codes, codes=())
    return blank_missing(_numbers(table, column, path), mapping.missing)


def _identifiers(table: pd.DataFrame, mapping: CatalogueMapping, path: Path) -> NDArray[np.object_]:
    if mapping.object_id is None:
        return np.array([f"{mapping.name}-{row:07d}" for row in range(len(table))], object)
    names = pd.Series(identifiers(table[mapping.object_id], mapping.object_id), dtype=object)
    repeated = names.duplicated()
    if repeated.any():
        raise InputError(
            f"{path}: column '{mapping.object_id}' is not unique ('{names[repeated].iloc[0]}' comes again); set"
            " simulation.mapping.object_id=null to number the rows."
        )
    return names.to_numpy(object)


def _require_sense(out: pd.DataFrame, field: Field, path: Path, mapping: CatalogueMapping) -> None:
    if out.empty:
        raise InputError(f"{path}: no row is left after the cuts of the mapping '{mapping.name}'; widen them.")
    low, high = float(field.z_edges[0]), float(field.z_edges[-1])
    outside = (out["z"] < low) | (out["z"] > high)
    if outside.any():
        first = out[outside].iloc[0]
        raise InputError(
            f"{path}: {int(outside.sum())} redshifts lie outside the grid {low:g} to {high:g} of field '{field.name}'"
            f" (object {first['object_id']} has z = {first['z']:g}); cut '{mapping.columns['z']}' in the mapping's"
            " ranges or choose another field."
        )
    for band in field.bands:
        magnitude = out[f"mag_{band}"]
        strange = (magnitude < 5) | (magnitude > 35)
        if strange.any():
            first = out[strange].iloc[0]
            raise InputError(
                f"{path}: {int(strange.sum())} values of '{mapping.columns[f'mag_{band}']}' are no magnitudes (object"
                f" {first['object_id']} has {first[f'mag_{band}']:g}); add the code to the mapping's 'missing'."
            )
