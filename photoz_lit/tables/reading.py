"""Read a catalogue of any common format into pandas: the one reader of tables of every task."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from photoz_lit.errors import InputError, nearest
from photoz_lit.tables.choice import TableChoice
from photoz_lit.tables.fits_tables import fits_columns, read_fits
from photoz_lit.tables.hats import hats_columns, is_hats, read_hats
from photoz_lit.tables.hdf5_tables import hdf5_columns, read_hdf5
from photoz_lit.tables.parquet import parquet_columns, read_parquet
from photoz_lit.tables.plain_file import kind_of_content
from photoz_lit.tables.text_tables import read_ecsv, read_text, text_columns
from photoz_lit.tables.votables import read_votable

_KINDS = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".dat", ".cat", ".ascii", ".tbl", ".mrt"), "text"),
    **dict.fromkeys((".fits", ".fit", ".fz", ".ldac"), "fits"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".hdf5", ".h5", ".hdf"), "hdf5"),
    **dict.fromkeys((".vot", ".votable", ".xml"), "votable"),
    ".ecsv": "ecsv",
}
KNOWN_SUFFIXES = tuple(_KINDS)
_PACKED = (".gz", ".bz2", ".xz")


def read_table(
    path: str | Path, columns: Collection[str] | None = None, table: str | int | None = None, key: str = "table"
) -> pd.DataFrame:
    """Read a catalogue: CSV or TSV of any kind (also packed), FITS, ECSV, VOTable, Parquet, HATS, HDF5, SExtractor.

    What a file is, its content says before its suffix. Numbers come in the machine's byte order, texts as strings
    without padding, masked whole numbers as NaN, or as texts where NaN would cost digits. Vector columns of up to 32
    values become ``name_0``, ``name_1`` …; larger ones are left out. Units that the file states are in
    ``table.attrs["units"]`` (column -> unit as it is written).

    Parameters
    ----------
    path : the file, or the folder of a HATS catalogue.
    columns : read only these (saves memory with wide catalogues); all by default.
    table : name or number of the table, of a file that holds several (FITS: of the extension).
    key : the config key that gives ``table``, for the sentence that asks for it.

    Raises
    ------
    InputError : the file is not there, of an unknown kind, unreadable, empty, a column is missing, or which of its
        tables is meant is unknown.
    """
    path = Path(path)
    with _explained(path):
        frame = _read(path, columns, TableChoice(table, key))
    if not len(frame):
        raise InputError(f"catalogue {path} has no rows.")
    return frame


def table_columns(path: str | Path, table: str | int | None = None, key: str = "table") -> list[str]:
    """Return the columns that :func:`read_table` would give, from the file's head where the format allows it.

    Raises
    ------
    InputError : see :func:`read_table`.
    """
    path, choice = Path(path), TableChoice(table, key)
    with _explained(path):
        kind = _known_kind(path)
        if kind == "fits":
            return fits_columns(path, choice)
        if kind == "hdf5":
            return hdf5_columns(path, choice)
        if kind == "hats":
            _require_one_table(path, choice)
            return hats_columns(path)
        if kind in ("parquet", "text"):
            _require_one_table(path, choice)
            return parquet_columns(path) if kind == "parquet" else text_columns(path)
    return [str(name) for name in read_table(path, None, table, key).columns]


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn whatever a format's library raises into one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # slips of old files that do not keep them from being read
            yield
    except InputError:
        raise
    except Exception as error:  # every format's library has its own exceptions
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputError(f"catalogue {path} cannot be read ({reason}); is it complete?") from error


def _known_kind(path: Path) -> str:
    """Return the kind of a catalogue that is there, by its content, else by its suffix."""
    if is_hats(path):
        return "hats"
    if not path.is_file():
        siblings = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        raise InputError(f"catalogue {path} is not there{nearest(path.name, siblings)}")
    if path.suffix.lower() == ".gz" and path.open("rb").read(2) != b"\x1f\x8b":
        raise InputError(f"catalogue {path} cannot be read: it is not packed by gzip; drop the '.gz' from its name.")
    suffix = kind_of(path)
    kind = kind_of_content(path) or _KINDS.get(suffix, "")
    if not kind:
        raise InputError(f"catalogue {path} is of an unknown kind '{suffix}'; known are {', '.join(KNOWN_SUFFIXES)}.")
    return kind


def kind_of(path: Path) -> str:
    """Return the suffix that tells the format, in lower case, looking through ``.gz``."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _read(path: Path, columns: Collection[str] | None, choice: TableChoice) -> pd.DataFrame:
    kind = _known_kind(path)
    if kind == "fits":
        return read_fits(path, columns, choice)
    if kind == "hdf5":
        return read_hdf5(path, columns, choice)
    if kind == "votable":
        return read_votable(path, columns, choice)
    _require_one_table(path, choice)
    if kind == "parquet":
        return read_parquet(path, columns)
    if kind == "hats":
        return read_hats(path, columns)
    return read_ecsv(path, columns) if kind == "ecsv" else read_text(path, columns)


def _require_one_table(path: Path, choice: TableChoice) -> None:
    if choice.table is not None:
        raise InputError(f"catalogue {path} holds one table; leave {choice.key}={choice.table} out.")
