"""Text tables: CSV and TSV as archives and spreadsheets write them, and the formats that astropy knows."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
import pandas as pd
from astropy.io import ascii as astropy_text
from astropy.table import Table
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.tables.dialect import NEXT_TABLE, Dialect, fields_of, find_dialect
from photoz_lit.tables.frame import table_to_frame, wanted
from photoz_lit.tables.no_value import MISSING_TEXTS
from photoz_lit.tables.plain_file import open_plain
from photoz_lit.tables.text_columns import typed_column

_PEEK = 20_000  # characters in which a format of astropy's shows itself
_BEGINS_WITH_0 = r"[+-]?0[0-9]"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path, columns: Collection[str] | None) -> pd.DataFrame:
    """Read a text table; ids keep their digits, whole numbers are exact, "no value" in any spelling is none.

    Raises
    ------
    InputError : it is empty, has no header, holds several tables, or a column is missing.
    """
    encoding = _encoding(path)
    kind = _astropy_format(path, encoding)
    if kind:
        return _read_astropy(path, kind, columns)
    with _lines(path, encoding) as stream:
        dialect = find_dialect(path, stream)
    names = wanted(path, dialect.names, columns)
    read = partial(_read_columns, path, encoding, dialect)
    quick = read(names, None)
    doubtful = [name for name in names if _may_have_lost_digits(quick[name])]
    texts = read(doubtful, str) if doubtful else quick
    decimal_comma = dialect.delimiter in (";", "\t")
    values: dict[str, NDArray[Any]] = {}
    for name in names:
        column = texts[name].astype("str") if name in doubtful else quick[name]
        exact = name not in doubtful or (quick[name].dtype.kind in "iu" and not column.str.match(_BEGINS_WITH_0).any())
        is_text = quick[name].dtype.kind not in "fbiu"
        values[name] = quick[name].to_numpy() if exact and not is_text else typed_column(column, decimal_comma)
    frame = pd.DataFrame(values)
    frame.attrs["units"] = {name: unit for name, unit in dialect.units.items() if name in values}
    return frame


def _read_columns(path: Path, encoding: str, dialect: Dialect, names: list[str], dtype: type | None) -> pd.DataFrame:
    with _lines(path, encoding) as stream:
        return pd.read_csv(
            cast(TextIO, _Rows(path, stream, dialect)),
            sep=dialect.delimiter or r"\s+",
            names=dialect.names,
            usecols=names,
            header=None,
            dtype=dtype,
            keep_default_na=False,
            na_values=[] if dtype else list(MISSING_TEXTS),
            skipinitialspace=True,
            low_memory=False,
            float_precision="round_trip",
            on_bad_lines="error",
        )


def _may_have_lost_digits(column: pd.Series[Any]) -> bool:
    """Return whether a column that pandas took for numbers may be of ids: ``000123``, or too long for a float64."""
    if column.dtype.kind == "f":
        values = column.to_numpy()
        known = values[~np.isnan(values)]
        return bool(np.all(known == np.floor(known)))
    return column.dtype.kind in "iu" or (column.dtype.kind == "O" and not isinstance(column.dtype, pd.StringDtype))


def text_columns(path: Path) -> list[str]:
    """Return the names of the columns, from the head of the file where it is CSV or the like."""
    encoding = _encoding(path)
    if _astropy_format(path, encoding):
        return [str(name) for name in read_text(path, None).columns]
    with _lines(path, encoding) as stream:
        return find_dialect(path, stream).names


def read_ecsv(path: Path, columns: Collection[str] | None) -> pd.DataFrame:
    """Read an ECSV table of any suffix."""
    return _read_astropy(path, "ascii.ecsv", columns)


def _read_astropy(path: Path, kind: str, columns: Collection[str] | None) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # units and slips of old files are judged where they matter
        if kind in ("ascii.ecsv", "ascii.ipac", "ascii.mrt", "ascii.cds"):
            table = Table.read(path, format=kind)
            frame = table_to_frame(dict(table.columns))
        else:
            texts = {"*": [astropy_text.convert_numpy(str)]}
            table = Table.read(path, format=kind, converters=texts, fill_values=[])
            units = {name: str(table[name].unit) for name in table.colnames if table[name].unit}
            frame = pd.DataFrame({name: typed_column(pd.Series(table[name], dtype="str")) for name in table.colnames})
            frame.attrs["units"] = units
    chosen = frame[wanted(path, list(frame.columns), columns)]
    chosen.attrs["units"] = {name: unit for name, unit in frame.attrs["units"].items() if name in chosen}
    return chosen


def _astropy_format(path: Path, encoding: str) -> str:
    """Return the format of a table that describes itself: SExtractor's, IPAC's, or the journals'; else ``""``."""
    with _lines(path, encoding) as stream:
        head = stream.read(_PEEK)
    lines = [line for line in head.splitlines() if line.strip()]
    if not lines:
        return ""
    if re.match(r"#\s*1\s+[A-Za-z]\w*", lines[0]):
        return "ascii.sextractor"
    if lines[0].startswith("\\") or (lines[0].startswith("|") and lines[0].rstrip().endswith("|")):
        return "ascii.ipac"
    if "Byte-by-byte Description" in head:
        return "ascii.mrt" if head.startswith("Title:") else "ascii.cds"
    return ""


def _encoding(path: Path) -> str:
    """Return how the text is encoded: UTF-8, UTF-16 (spreadsheets), else Latin-1, in which every byte is a letter."""
    with open_plain(path) as stream:
        head = stream.read(1 << 20)
    if head.startswith(_UTF16):
        return "utf-16"
    if b"\0" in head:
        raise InputError(f"catalogue {path} is no text; give it the suffix of its format.")
    try:
        head[: head.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _lines(path: Path, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(open_plain(path), encoding=encoding, errors="replace", newline=None)


class _Rows:
    """The lines of a text table from its first row on, without comments.

    A second table below the first is refused, and a row with more values than columns, which pandas would cut off
    without a word.
    """

    def __init__(self, path: Path, stream: io.TextIOWrapper, dialect: Dialect) -> None:
        self._path = path
        self._dialect = dialect
        self._lines = self._kept(stream)
        self._rest = ""

    def _kept(self, stream: io.TextIOWrapper) -> Iterator[str]:
        delimiter, width = self._dialect.delimiter, len(self._dialect.names)
        for number, line in enumerate(stream):
            if number < self._dialect.first or not line.strip("\r\n "):
                continue
            if line.startswith("#"):
                if NEXT_TABLE.match(line):
                    raise InputError(
                        f"catalogue {self._path} holds several tables below each other (line {number + 1}:"
                        f" '{line.strip()}'); save each in a separate file."
                    )
                continue
            if (line.count(delimiter) >= width if delimiter else len(line.split()) > width) and any(
                fields_of(line, delimiter)[width:]
            ):
                raise InputError(
                    f"catalogue {self._path} cannot be read: line {number + 1} has more values than the {width} columns"
                    f" ('{line.strip()[:40]}'); correct it."
                )
            yield line

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def read(self, size: int | None = -1) -> str:
        """Return at least one line and about so many characters."""
        limit = size if size and size > 0 else float("inf")
        parts, length = [self._rest], len(self._rest)
        while length < limit:
            line = next(self._lines, "")
            if not line:
                break
            parts.append(line)
            length += len(line)
        text = "".join(parts)
        cut = len(text) if limit == float("inf") else int(limit)
        self._rest = text[cut:]
        return text[:cut]
