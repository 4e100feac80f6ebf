"""How a text table is written: what separates its columns, where its header and its units stand, where data begin."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from photoz_lit.errors import InputError
from photoz_lit.tables.no_value import MISSING_TEXTS, numbers_of_texts

_DELIMITERS = ("\t", ",", ";", "|")
_SAMPLE = 4  # lines with content: header, units, dashes and one row of data
#: A comment with which a further table begins: SkyServer's '#Table2', VizieR's '#RESOURCE=…'.
NEXT_TABLE = re.compile(r"#\s*(Table\s*\d+|RESOURCE=.*)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Attributes
    ----------
    delimiter : between the columns; empty: white space.
    names : of the columns.
    units : column -> its unit, where a line states them.
    first : number of the line, from 0, with which the data begin.
    """

    delimiter: str
    names: list[str]
    units: dict[str, str]
    first: int


def find_dialect(path: Path, lines: Iterable[str]) -> Dialect:
    """Return how a text table is written, from its first lines.

    Read are a header line, below any preamble of comments and empty lines; a header in the last comment
    (``# object_id,ra``); VizieR's header with a line of units and one of dashes.

    Raises
    ------
    InputError : the file is empty, has no header, a name stands there twice, or names and values differ in number.
    """
    comments, content = _head(lines)
    if not content:
        commented = [line for line in comments if len(fields_of(line.lstrip("#% "), _delimiter(line, ""))) > 1]
        raise InputError(f"catalogue {path} {'has no rows.' if commented else 'cannot be read: it is empty.'}")
    texts = [text for _, text in content]
    delimiter = _delimiter(texts[0], texts[1] if len(texts) > 1 else "")
    rows = [fields_of(text, delimiter) for text in texts]
    dashes = next((k for k in (1, 2) if k < len(rows) and all(re.fullmatch(r"-+", f) for f in rows[k])), 0)
    if dashes:
        units = rows[1] if dashes == 2 else []
        names = _names(path, rows[0], rows[dashes + 1] if dashes + 1 < len(rows) else [])
        stated = {name: unit for name, unit in zip(names, units, strict=False) if unit}
        return Dialect(delimiter, names, stated, content[dashes][0] + 1)
    if not _is_data(rows[0], rows[1] if len(rows) > 1 else []):
        return Dialect(delimiter, _names(path, rows[0], rows[1] if len(rows) > 1 else []), {}, content[0][0] + 1)
    for line in reversed(comments):
        names = fields_of(line.lstrip("#% "), delimiter)
        if len(names) == len(rows[0]) and not _is_data(names, []):
            return Dialect(delimiter, _names(path, names, rows[0]), {}, content[0][0])
    raise InputError(
        f"catalogue {path} has no line with the names of its columns (it begins with '{texts[0][:40]}'); add one."
    )


def _head(lines: Iterable[str]) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the comments above the first line with content, and the first such lines with their numbers."""
    comments: list[str] = []
    content: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        text = line.lstrip("\ufeff").strip("\r\n")
        if text.startswith("#"):
            if not content:
                comments.append(text)
        elif text.strip():
            content.append((number, text))
        if len(content) == _SAMPLE:
            break
    return comments, content


def _delimiter(first: str, second: str) -> str:
    """Return what separates the columns: what stands equally often in the first two lines, else most often."""
    counts = {mark: len(fields_of(first, mark)) - 1 for mark in _DELIMITERS}
    present = [mark for mark, count in counts.items() if count]
    alike = [mark for mark in present if second and len(fields_of(second, mark)) - 1 == counts[mark]]
    if alike or present:
        return max(alike or present, key=lambda mark: counts[mark])
    words = len(first.split())
    return "" if words > 1 and (not second or len(second.split()) >= words) else ","


def fields_of(line: str, delimiter: str) -> list[str]:
    """Return the values of one line, quotes and padding taken off; an empty delimiter is white space."""
    if not delimiter:
        line, delimiter = line.strip(), " "
        parts = next(csv.reader([re.sub(r"\s+", " ", line)], delimiter=" ", skipinitialspace=True), [])
    else:
        parts = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return [part.strip() for part in parts]


def _is_data(row: Sequence[str], following: Sequence[str]) -> bool:
    """Return whether a line holds values and no names: it has numbers, where the next line has numbers."""
    kinds = _kinds(row)
    if True not in kinds:
        return False
    pairs = itertools.zip_longest(kinds, _kinds(following) if following else kinds)
    return all(one is None or other is None or one == other for one, other in pairs)


def _kinds(row: Sequence[str]) -> list[bool | None]:
    """Return for each field whether it is a number; None where it is no value."""
    numeric = ~pd.isna(numbers_of_texts(pd.Series(list(row), dtype="str")))
    return [None if text.lower() in MISSING_TEXTS else bool(n) for text, n in zip(row, numeric, strict=True)]


def _names(path: Path, names: Sequence[str], row: Sequence[str]) -> list[str]:
    """Return the names, an empty one as ``Unnamed: 3``, and such for empty values beyond the last name."""
    surplus = list(row[len(names) :])
    if any(surplus):
        raise InputError(
            f"catalogue {path} names {len(names)} columns and has {len(row)} values a row (first name '{names[0]}');"
            " correct its header."
        )
    twice = [name for name in names if name and list(names).count(name) > 1]
    if twice:
        raise InputError(f"catalogue {path} has two columns '{twice[0]}'; rename one of them.")
    return [name or f"Unnamed: {k}" for k, name in enumerate([*names, *surplus])]
