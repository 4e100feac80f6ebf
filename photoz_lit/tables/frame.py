"""Columns of any library as a pandas frame: native byte order, texts as strings, vectors element by element."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError, nearest
from photoz_lit.tables.text_columns import EXACT_FLOAT

#: A vector column of more values a row (a spectrum, a PDF) is no catalogue's column and is left out.
LARGEST_VECTOR = 32


def table_to_frame(columns: Mapping[str, Any], units: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return columns (numpy, masked or astropy) as a frame in the machine's byte order, texts as strings.

    A vector column ``flux`` becomes ``flux_0``, ``flux_1`` …; its unit is that of each. Masked whole numbers are NaN,
    or texts where float64 would round them.

    Parameters
    ----------
    columns : name -> (rows,) or (rows, n) values; columns with other shapes or over 32 values a row are left out.
    units : column -> its unit as the file states it, beside those that the columns themselves have.
    """
    out: dict[str, NDArray[Any]] = {}
    stated: dict[str, str] = {}
    for name, column in columns.items():
        unit = str((units or {}).get(name) or getattr(column, "unit", None) or "").strip()
        values = np.ma.asarray(column) if np.ma.isMaskedArray(column) else np.asarray(column)
        width = 1 if values.ndim == 1 else int(values.shape[1]) if values.ndim == 2 else 0
        for k, part in enumerate(element_names(str(name), width, values.ndim == 2, columns)):
            out[part] = native(values if values.ndim == 1 else values[:, k])
            if unit:
                stated[part] = unit
    frame = pd.DataFrame(out)
    frame.attrs["units"] = stated
    return frame


def element_names(name: str, width: int, vector: bool, names: Collection[str]) -> list[str]:
    """Return the names under which a column of ``width`` values a row is read; none where it is left out.

    A vector's element never takes the name of another column.
    """
    if not vector or width == 1:
        return [name] if width else []
    if not 0 < width <= LARGEST_VECTOR:
        return []
    parts = [f"{name}_{k}" for k in range(width)]
    return [f"{name}.{k}" if part in names else part for k, part in enumerate(parts)]


def missing_column(name: str, known: Iterable[object]) -> str:
    """Return the end of the sentence "… no column 'name'": the elements of a vector, else the nearest name."""
    names = [str(k) for k in known]
    for vector in (name, name.rpartition("_")[0]):
        elements = [int(m[1]) for k in names if (m := re.fullmatch(re.escape(vector) + r"[_.]([0-9]+)", k))]
        if vector and len(elements) > 1 and sorted(elements) == list(range(len(elements))):
            last = len(elements) - 1
            what = "it" if vector == name else f"'{vector}'"
            return f": {what} holds {last + 1} values a row; name one of them, '{vector}_0' to '{vector}_{last}'."
    same = [k for k in names if k.lower() == name.lower()]
    return f"; did you mean '{same[0]}'?" if same else nearest(name, names)


def wanted(path: Path, names: Collection[str], columns: Collection[str] | None) -> list[str]:
    """Return the names to read, in the file's order.

    Raises
    ------
    InputError : one is not in the file.
    """
    if columns is None:
        return list(names)
    for name in columns:
        if name not in names:
            raise InputError(f"catalogue {path} has no column '{name}'{missing_column(name, names)}")
    return [name for name in names if name in columns]


def native(values: NDArray[Any]) -> NDArray[Any]:
    """Return a flat column in native byte order, without masks or bytes."""
    mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else None
    plain = np.asarray(np.ma.getdata(values))
    if plain.dtype.kind in "iuf":
        plain = plain.astype(plain.dtype.newbyteorder("="))
        if mask is None or not mask.any():
            return plain
        if plain.dtype.kind in "iu" and np.abs(plain[~mask].astype(np.float64)).max(initial=0.0) > EXACT_FLOAT:
            return np.where(mask, "", plain.astype(str)).astype(object)
        return np.where(mask, np.nan, plain.astype(np.float64))
    if plain.dtype.kind in "SUO":
        texts = [_text(value) for value in plain]
        return np.array([("" if mask is not None and mask[i] else t) for i, t in enumerate(texts)], object)
    return plain


def _text(value: object) -> str:
    if isinstance(value, bytes):
        with contextlib.suppress(UnicodeDecodeError):
            return value.decode("utf-8").strip()
        return value.decode("latin-1").strip()
    return "" if value is None or value is np.ma.masked else str(value).strip()
