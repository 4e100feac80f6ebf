"""Catalogues in HATS: a folder of Parquet files, each a HEALPix pixel of the sky; nested columns are left out."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from photoz_lit.errors import InputError
from photoz_lit.tables.parquet import parquet_columns, read_parquet

PROPERTIES = ("hats.properties", "properties")  # earlier catalogues have the second name
COLLECTION = "collection.properties"
_ORDER, _PIXEL = re.compile(r"Norder=(\d+)"), re.compile(r"Npix=(\d+)")


def is_hats(path: Path) -> bool:
    """Whether a folder is a HATS catalogue, or a collection of one with its margins and indexes."""
    return any((path / name).is_file() for name in (*PROPERTIES, COLLECTION))


def hats_files(path: Path) -> list[Path]:
    """Parquet files of a HATS catalogue or of the main one of a collection, in the order of the sky.

    Raises
    ------
    InputError : there are none.
    """
    if (path / COLLECTION).is_file():
        text = (path / COLLECTION).read_text(encoding="utf-8")
        found = re.search(r"^hats_primary_table_url\s*=\s*(.+)$", text, re.MULTILINE)
        if found is None or not is_hats(path / found[1].strip()):
            raise InputError(f"{path / COLLECTION} names no catalogue that is there; give the catalogue's folder.")
        return hats_files(path / found[1].strip())
    files = [file for file in (path / "dataset").rglob("*.parquet") if _PIXEL.search(str(file.relative_to(path)))]
    if not files:
        raise InputError(f"{path} is a HATS catalogue without partitions (dataset/Norder=…/Dir=…/Npix=….parquet).")
    return sorted(files, key=lambda file: (_first_pixel(file.relative_to(path)), str(file)))


def read_hats(path: Path, columns: Collection[str] | None) -> pd.DataFrame:
    """Read the flat columns of a HATS catalogue, see :func:`photoz_lit.tables.parquet.read_parquet`.

    Raises
    ------
    InputError : a column is missing, or there are no partitions.
    """
    parts = [read_parquet(file, columns) for file in hats_files(path)]
    table = pd.concat(parts, ignore_index=True)
    table.attrs["units"] = parts[0].attrs.get("units", {})
    return table


def hats_columns(path: Path) -> list[str]:
    """Return the names under which :func:`read_hats` gives the columns."""
    return parquet_columns(hats_files(path)[0])


def _first_pixel(path: Path) -> int:
    """First pixel of order 29 of a partition's file."""
    order, pixel = _ORDER.search(str(path)), _PIXEL.search(str(path))
    return int(pixel[1]) << 2 * (29 - int(order[1])) if order and pixel else 0
