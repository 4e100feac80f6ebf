"""Which files a table of positions needs: their names, their addresses, and the rows that they serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pandas as pd

from photoz_lit.data.mapping import map_columns, require_columns, source_columns
from photoz_lit.errors import InputError, nearest
from photoz_lit.fetch.settings import FetchSettings
from photoz_lit.tables.reading import read_table, table_columns

#: Words of the templates beside the columns and options.
_OF_SIZE = ("size", "pixel_scale", "width_arcsec", "half_width_arcsec", "width_deg")


@dataclass(frozen=True)
class WantedFile:
    """One file to fetch.

    Attributes
    ----------
    name : below the folder.
    url : its address.
    band : of the field, all in a row where they share the file.
    rows : of the table, which it serves.
    """

    name: str
    url: str
    band: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """What is to be fetched.

    Attributes
    ----------
    table : one row per galaxy, with the columns of the templates.
    files : one entry per file, in the order of the table.
    unplaced : row -> why nothing can be asked for it.
    """

    table: pd.DataFrame
    files: list[WantedFile]
    unplaced: dict[int, str]


def read_positions(path: Path, table: str | int | None, settings: FetchSettings) -> pd.DataFrame:
    """Read the columns of the templates.

    Raises
    ------
    InputError : the table cannot be read, or lacks a column.
    """
    known = table_columns(path, table, "task.table")
    require_columns(known, settings.columns)
    names = [name for name in known if name in source_columns(settings.columns)]
    return map_columns(read_table(path, names, table, "task.table"), settings.columns)


def make_plan(table: pd.DataFrame, settings: FetchSettings) -> Plan:
    """Return the files that a table needs.

    Parameters
    ----------
    table : see :func:`read_positions`.
    settings : the service.

    Raises
    ------
    InputError : a template has an unknown word, the address is none, two galaxies would share a name, or an id cannot
        be one.
    """
    used = _words_of(settings, table)
    files: dict[str, WantedFile] = {}
    unplaced: dict[int, str] = {}
    for row, record in enumerate(table.to_dict("records")):
        values = {str(key): value for key, value in record.items() if key in used or key == "object_id"}
        if reason := _unplaced(values):
            unplaced[row] = reason
            continue
        for one in _of_row(row, values, settings):
            known = files.get(one.name)
            if known is not None and known.url != one.url:
                raise InputError(
                    f"rows {known.rows[0]} and {row} of the table would both be {one.name}; give each galaxy an"
                    " object_id that no other has, or number them: fetch.columns.object_id=null."
                )
            rows = one.rows if known is None else (*known.rows, row)
            files[one.name] = WantedFile(one.name, one.url, one.band, rows)
    return Plan(table, list(files.values()), unplaced)


def _of_row(row: int, values: Mapping[str, Any], settings: FetchSettings) -> Iterator[WantedFile]:
    """Yield the files of one galaxy."""
    _require_name(row, str(values["object_id"]))
    width = settings.size * settings.pixel_scale
    words = {
        **settings.options,
        **{key: _whole(value) for key, value in values.items()},
        "bands": "".join(settings.band_names[band] for band in settings.bands),
        **dict(zip(_OF_SIZE, (settings.size, settings.pixel_scale, width, width / 2, width / 3600), strict=True)),
    }
    for band in [""] if settings.all_bands_in_one else settings.bands:
        try:
            name = _filled(settings.file, {**words, "band": band}, quoted=False)
            url = _filled(settings.url, {**words, "band": settings.band_names.get(band, "")}, quoted=True)
        except ValueError as error:
            raise InputError(
                f"row {row} of the table does not fit the templates of {settings.name} ({error})."
            ) from error
        yield WantedFile(name, url, band or " ".join(settings.bands), (row,))


def _unplaced(values: Mapping[str, Any]) -> str:
    """Return why nothing can be asked for a row, "" where it can."""
    lacking = [key for key, value in values.items() if value is None or (value != value) or value in (np.inf, -np.inf)]
    if lacking:
        return f"no {' and '.join(lacking)} in the table"
    if not -90 <= float(values.get("dec", 0.0)) <= 90:
        return f"dec={values['dec']:g} is no declination"
    return ""


def _whole(value: Any) -> Any:
    """Return a whole number as such: a column with gaps comes as floats."""
    if isinstance(value, bool | np.bool_ | str):
        return value
    return int(value) if float(value).is_integer() else float(value)


def _filled(template: str, words: Mapping[str, Any], quoted: bool) -> str:
    """Return a template with its words filled in; in an address, what is no plain letter is escaped."""
    parts = []
    for text, word, form, _ in Formatter().parse(template):
        value = "" if word is None else format(_formatted(words[word], form or ""), form or "")
        parts += [text, quote(value, safe="/") if quoted else value]
    return "".join(parts)


def _formatted(value: Any, form: str) -> Any:
    """Return a value of the kind that a format takes: ``.6f`` wants a number, ``06d`` a whole one."""
    return float(value) if form.endswith("f") else int(value) if form.endswith("d") else value


def _words_of(settings: FetchSettings, table: pd.DataFrame) -> set[str]:
    """Return the words of the templates; refuse those that nothing fills in, and an address that is none."""
    used: set[str] = set()
    known = {*map(str, table.columns), *settings.options, *_OF_SIZE, "band", "bands"}
    for key, template in (("url", settings.url), ("file", settings.file)):
        try:
            words = [word for _, word, _, _ in Formatter().parse(template) if word is not None]
        except ValueError as error:
            raise InputError(f"fetch.{key}='{template}' is no template ({error}).") from error
        for word in words:
            if word not in known:
                raise InputError(f"fetch.{key}: nothing is known as '{{{word}}}'{nearest(word, known)}")
        used.update(words)
    parts = urlsplit(settings.url)
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise InputError(f"fetch.url='{settings.url}' is no address; it begins with https://.")
    return used


def _require_name(row: int, object_id: str) -> None:
    if object_id in ("", ".", "..") or any(character in object_id for character in "/\\\0"):
        raise InputError(
            f"row {row} of the table: object_id '{object_id}' cannot be the name of a file; number the galaxies:"
            " fetch.columns.object_id=null."
        )
