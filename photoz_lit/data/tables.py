"""Read a catalogue of any common format into pandas, and blank the codes that mean "no value"."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet
from astropy.io import fits
from astropy.table import Table
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError, nearest

# What catalogues of this field write for "not measured", "not detected" or "not observed".
MISSING_CODES = (-99.0, -99.9, -99.99, 99.0, 99.9, 99.99, -999.0, -9999.0)
_LARGEST_VECTOR = 32
_EXACT_FLOAT = 2**53
_ASTROPY_FORMATS = {".ecsv": "ascii.ecsv", ".vot": "votable", ".votable": "votable", ".xml": "votable"}
_TEXT_TABLES = (".txt", ".dat", ".cat", ".ascii", ".tbl")
KNOWN_SUFFIXES = (
    *(".csv", ".tsv", ".fits", ".fit", ".parquet", ".pq", ".hdf5", ".h5"),
    *_ASTROPY_FORMATS,
    *_TEXT_TABLES,
)


def blank_missing(values: ArrayLike, codes: Iterable[float] = MISSING_CODES) -> NDArray[np.float64]:
    """Return the values as float64 with infinities and every code replaced by NaN.

    A code is recognised within 1e-6 of its size, so that a float32 column's -99.9 counts too.

    Parameters
    ----------
    values : numbers of any shape and byte order.
    codes : numbers that mean "no value".
    """
    out = np.array(values, dtype=np.float64)
    out[~np.isfinite(out)] = np.nan
    for code in codes:
        out[np.isclose(out, code, rtol=1e-6, atol=0.0 if code else 1e-30)] = np.nan
    return out


def read_table(path: str | Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Read a catalogue: CSV or TSV (also ``.gz``), FITS, ECSV, VOTable, Parquet, HDF5 or any table astropy guesses.

    Numbers come in the machine's byte order, texts as strings without padding, masked integers as NaN. Vector columns
    of up to 32 values become ``name_0``, ``name_1`` …; larger ones are left out. Units that the file states are in
    ``table.attrs["units"]`` (column -> unit string).

    Parameters
    ----------
    path : the file.
    columns : read only these (saves memory with wide catalogues); all by default.

    Raises
    ------
    InputError : the file is not there, of an unknown kind, unreadable, empty, or a column is missing.
    """
    path = Path(path)
    suffix = _known_kind(path)
    with _explained(path):
        table = _read(path, suffix, columns)
    if not len(table):
        raise InputError(f"catalogue {path} has no rows.")
    return table


def table_columns(path: str | Path) -> list[str]:
    """Return the columns that :func:`read_table` would give, from the file's head where the format allows it.

    Raises
    ------
    InputError : see :func:`read_table`.
    """
    path = Path(path)
    suffix = _known_kind(path)
    if suffix in (".parquet", ".pq"):
        with _explained(path):
            return [str(name) for name in pyarrow.parquet.read_schema(path).names]
    if suffix in (".fits", ".fit"):
        with _explained(path), fits.open(path, memmap=False) as hdus:
            return [str(name) for name in _table_hdu(path, hdus).columns.names]
    return [str(name) for name in read_table(path).columns]


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn whatever a format's library raises into one sentence."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # every format's library has its own exceptions
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"catalogue {path} cannot be read ({reason}); is it complete?") from error


def _known_kind(path: Path) -> str:
    """Return the kind of a catalogue that is there."""
    if not path.is_file():
        siblings = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        raise InputError(f"catalogue {path} is not there{nearest(path.name, siblings)}")
    suffix = kind_of(path)
    if suffix not in KNOWN_SUFFIXES:
        raise InputError(f"catalogue {path} is of an unknown kind '{suffix}'; known are {', '.join(KNOWN_SUFFIXES)}.")
    return suffix


def kind_of(path: Path) -> str:
    """Return the suffix that tells the format, in lower case, looking through ``.gz``."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in (".gz", ".bz2"):
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _read(path: Path, suffix: str, columns: Collection[str] | None) -> pd.DataFrame:
    if suffix in (".csv", ".tsv"):
        return _read_csv(path, suffix, columns)
    if suffix in (".parquet", ".pq"):
        names = pyarrow.parquet.read_schema(path).names
        return pd.read_parquet(path, columns=_wanted(path, names, columns))
    if suffix in (".fits", ".fit"):
        return _read_fits(path, columns)
    if suffix in (".hdf5", ".h5"):
        return _read_hdf5(path, columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # units and VOTable slips of old files are not the user's concern here
        kind = _ASTROPY_FORMATS.get(suffix, "ascii")
        table = Table.read(path, format=kind)
    return table_to_frame({n: table[n] for n in _wanted(path, table.colnames, columns)})


def _read_csv(path: Path, suffix: str, columns: Collection[str] | None) -> pd.DataFrame:
    separator = "\t" if suffix == ".tsv" else ","
    head = pd.read_csv(path, sep=separator, nrows=0)
    if str(head.columns[0]).startswith("# %ECSV"):
        return table_to_frame(dict(Table.read(path, format="ascii.ecsv").columns))
    names = [str(name).lstrip("# ") for name in head.columns]
    usecols = [names.index(name) for name in _wanted(path, names, columns)]
    table = pd.read_csv(path, sep=separator, names=names, header=0, usecols=usecols, low_memory=False)
    for name in table.select_dtypes(include=["object", "string"]):
        table[name] = table[name].str.strip()
    return table


def _read_fits(path: Path, columns: Collection[str] | None) -> pd.DataFrame:
    with fits.open(path, memmap=not path.name.endswith((".gz", ".bz2"))) as hdus:
        hdu = _table_hdu(path, hdus)
        names = _wanted(path, hdu.columns.names, columns)
        masked = {name: _fits_column(hdu, name) for name in names}
        frame = table_to_frame(masked)
        units = {name: hdu.columns[name].unit for name in names if hdu.columns[name].unit}
    frame.attrs["units"] = units
    return frame


def _table_hdu(path: Path, hdus: fits.HDUList) -> Any:
    tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)]
    if not tables:
        raise InputError(f"catalogue {path} holds no table, only images; give the catalogue's file.")
    return tables[0]


def _fits_column(hdu: Any, name: str) -> NDArray[Any]:
    """Return one column, its TNULL masked."""
    values = np.array(hdu.data[name])
    null = hdu.columns[name].null
    return np.ma.masked_equal(values, int(null)) if null not in (None, "") and values.dtype.kind in "iu" else values


def _read_hdf5(path: Path, columns: Collection[str] | None) -> pd.DataFrame:
    """Read the one-dimensional datasets at the root that are as long as the longest of them."""
    with h5py.File(path, "r") as file:
        flat = {name: d for name, d in file.items() if isinstance(d, h5py.Dataset) and d.ndim == 1}
        rows = max((len(d) for d in flat.values()), default=0)
        names = _wanted(path, [name for name, d in flat.items() if len(d) == rows], columns)
        return table_to_frame({name: flat[name][:] for name in names})


def _wanted(path: Path, names: Collection[str], columns: Collection[str] | None) -> list[str]:
    """Return the names to read, in the file's order."""
    if columns is None:
        return list(names)
    for name in columns:
        if name not in names:
            raise InputError(f"catalogue {path} has no column '{name}'{nearest(name, names)}")
    return [name for name in names if name in columns]


def table_to_frame(columns: dict[str, Any]) -> pd.DataFrame:
    """Return columns (numpy, masked or astropy) as a frame in the machine's byte order, texts as strings.

    Parameters
    ----------
    columns : name -> (rows,) or (rows, n) values; columns with other shapes or over 32 values a row are left out.
    """
    out: dict[str, Any] = {}
    units: dict[str, str] = {}
    for name, column in columns.items():
        unit = str(getattr(column, "unit", None) or "")
        values = np.ma.asarray(column) if np.ma.isMaskedArray(column) else np.asarray(column)
        values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
        parts = {name: values}
        if values.ndim == 2:
            parts = {f"{name}_{k}": values[:, k] for k in range(values.shape[1])}
        if values.ndim > 2 or len(parts) > _LARGEST_VECTOR:
            continue
        for part, data in parts.items():
            out[part] = _native(data)
            if unit:
                units[part] = unit
    frame = pd.DataFrame(out)
    frame.attrs["units"] = units
    return frame


def _native(values: NDArray[Any]) -> NDArray[Any]:
    """Return a flat column in native byte order, without masks or bytes."""
    mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else None
    plain = np.asarray(np.ma.getdata(values))
    if plain.dtype.kind in "iuf":
        plain = plain.astype(plain.dtype.newbyteorder("="))
        if mask is None or not mask.any():
            return plain
        if plain.dtype.kind in "iu" and np.abs(plain[~mask].astype(np.float64)).max(initial=0.0) > _EXACT_FLOAT:
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
    return "" if value is None else str(value).strip()
