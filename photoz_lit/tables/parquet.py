"""Tables in Parquet files, with the index that pandas puts there and 64-bit integers to the last digit."""

from __future__ import annotations

import io
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from astropy.io import votable
from astropy.table import meta
from numpy.typing import NDArray

from photoz_lit.tables.frame import LARGEST_VECTOR, element_names, table_to_frame, wanted
from photoz_lit.tables.no_value import MISSING_TEXTS
from photoz_lit.tables.votables import require_own_data

_UNNAMED_INDEX = "__index_level_0__"


def read_parquet(path: Path, columns: Collection[str] | None) -> pd.DataFrame:
    """Read a Parquet file; the index is a column like others, an unnamed one of texts is called ``object_id``.

    Raises
    ------
    InputError : a column is missing.
    """
    with pq.ParquetFile(path) as file:
        parts = _parts(file)
        known = [name for names in parts.values() for name in names]
        needed = set(wanted(path, known, columns))
        table = file.read([name for name, names in parts.items() if needed & set(names)])
        units = _units(path, file.schema_arrow)
    values = {_shown(name, parts): _values(table[name]) for name in table.column_names if name in parts}
    frame = table_to_frame(values, units)
    chosen = frame[[name for name in known if name in needed]]
    chosen.attrs["units"] = {name: unit for name, unit in frame.attrs["units"].items() if name in needed}
    return chosen


def parquet_columns(path: Path) -> list[str]:
    """Return the names under which :func:`read_parquet` gives the columns."""
    with pq.ParquetFile(path) as file:
        return [name for names in _parts(file).values() for name in names]


def _parts(file: pq.ParquetFile) -> dict[str, list[str]]:
    """Return column of the file -> the names it is read under; nested columns and long vectors are left out."""
    schema = file.schema_arrow
    out: dict[str, list[str]] = {}
    for field in schema:
        if _is_list(field.type):
            out[field.name] = element_names(field.name, _width(file, field), True, schema.names)
        elif field.name == _UNNAMED_INDEX:
            texts = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
            out[field.name] = ["object_id"] if texts and "object_id" not in schema.names else []
        elif not pa.types.is_nested(field.type):
            out[field.name] = [field.name]
    return {name: names for name, names in out.items() if names}


def _shown(name: str, parts: dict[str, list[str]]) -> str:
    return parts[name][0] if name == _UNNAMED_INDEX else name


def _width(file: pq.ParquetFile, field: pa.Field) -> int:
    """Return how many numbers a row of a list column has; 0 where rows differ, or it holds none."""
    inner = field.type.value_type
    if pa.types.is_nested(inner):
        return 0
    if pa.types.is_fixed_size_list(field.type):
        return int(field.type.list_size)
    lengths = pc.list_value_length(file.read([field.name])[field.name])
    low, high = pc.min_max(lengths)["min"].as_py(), pc.min_max(lengths)["max"].as_py()
    return int(low) if low == high and low is not None and not lengths.null_count else 0


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column, missing values masked."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if _is_list(kind):
        flat = column.combine_chunks()
        width = len(flat[0].as_py()) if len(flat) else LARGEST_VECTOR + 1
        return _values(pa.chunked_array([flat.flatten()])).reshape(len(flat), width)
    if pa.types.is_decimal(kind):
        column = column.cast(pa.string()) if kind.scale == 0 else column.cast(pa.float64())
        kind = column.type
    if pa.types.is_floating(kind):
        return np.asarray(column.to_numpy())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        filled = column.fill_null(False if pa.types.is_boolean(kind) else 0).to_numpy()
        return np.ma.array(filled, mask=pc.is_null(column).to_numpy()) if column.null_count else np.asarray(filled)
    values = np.asarray(column.to_numpy())
    if values.dtype == object:
        return np.array(["" if v is None or str(v).strip().lower() in MISSING_TEXTS else v for v in values], object)
    return values


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _units(path: Path, schema: pa.Schema) -> dict[str, str]:
    """Return the units that astropy, the Virtual Observatory's convention or a column's own metadata state."""
    head: dict[bytes, bytes] = schema.metadata or {}
    units = {f.name: f.metadata[b"unit"].decode() for f in schema if f.metadata and b"unit" in f.metadata}
    if b"table_meta_yaml" in head:
        columns = meta.get_header_from_yaml(head[b"table_meta_yaml"].decode().split("\n"))["datatype"]
        units |= {column["name"]: str(column["unit"]) for column in columns if column.get("unit")}
    if b"IVOA.VOTable-Parquet.content" in head:
        content = head[b"IVOA.VOTable-Parquet.content"]
        require_own_data(path, io.BytesIO(content))
        tree = votable.parse(io.BytesIO(content))
        fields = next(tree.iter_tables()).fields
        units |= {str(field.name): str(field.unit) for field in fields if field.unit}
    if b"PANDAS_ATTRS" in head:
        stated = json.loads(head[b"PANDAS_ATTRS"]).get("units", {})
        units |= {str(k): str(v) for k, v in stated.items()} if isinstance(stated, dict) else {}
    return units
