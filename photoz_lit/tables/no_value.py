"""The one way from a column to numbers, and every spelling of "no value"."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError

# What catalogues of this field write for "not measured", "not detected" or "not observed"; -9.999995e8 is UKIDSS's.
MISSING_CODES = (
    *(-99.0, -99.9, -99.99, -99.999, 99.0, 99.9, 99.99, 99.999),
    *(-999.0, -9999.0, 999.0, 9999.0, -9.999995e8),
)
#: The same as texts, in lower case: '--' is astropy's masked value, '\N' a database's.
MISSING_TEXTS = frozenset(
    {
        *("", "-", "--", "---", "...", '""', "''", "nan", "+nan", "-nan", "#n/a", "n/a", "na"),
        *("<na>", "<nan>", "#na", "#nan", "null", "(null)", "none", "nil", "nat", "masked", "missing", "nodata"),
        *("\\n", "undefined", "1.#qnan", "-1.#ind", "1.#ind", "-1.#qnan", "indef"),
    }
)
_FORTRAN_EXPONENT = r"(?i)(?<=[\d.])d(?=[+-]?\d)"


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


def is_missing(texts: pd.Series[str]) -> NDArray[np.bool_]:
    """Return which texts, stripped already, spell "no value"."""
    return texts.str.lower().isin(MISSING_TEXTS).to_numpy(bool)


def text_series(values: Any) -> pd.Series[str]:
    """Return values of any type as stripped texts; a missing one is ``""``."""
    if np.ma.isMaskedArray(values):
        masked, values = np.ma.getmaskarray(values), np.ma.getdata(values).astype(object)
        values[masked] = None
    texts = pd.Series(values).reset_index(drop=True)
    if texts.dtype == object:
        texts = pd.Series([v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in texts], dtype=object)
    return texts.astype("str").fillna("").str.strip()


def numbers(
    values: Any, where: str, missing: Collection[float | str] = (), codes: Iterable[float] = MISSING_CODES
) -> NDArray[np.float64]:
    """Return a column of numbers or texts as float64; what means "no value" is NaN.

    Parameters
    ----------
    values : (rows,) numbers, booleans or texts: an array, masked array or pandas column.
    where : the column's name for the sentence, e.g. ``"column 'z'"``.
    missing : further codes and texts that mean "no value" in this column.
    codes : numbers that mean "no value"; ``()`` where they may be values, as 99 is of a flux.

    Raises
    ------
    InputError : names the first row whose text is neither a number nor a spelling of "no value".
    """
    out, bad = parsed_numbers(values, missing, codes)
    if bad is not None:
        raise InputError(f"{where}: row {bad[0]} is '{bad[1]}', not a number; correct it or name it in 'missing'.")
    return out


def parsed_numbers(
    values: Any, missing: Collection[float | str] = (), codes: Iterable[float] = MISSING_CODES
) -> tuple[NDArray[np.float64], tuple[int, str] | None]:
    """Return what :func:`numbers` does, and row and text of the first value that is no number, else None."""
    own = [float(code) for code in missing if isinstance(code, float | int)]
    if not np.ma.isMaskedArray(values) and pd.api.types.is_numeric_dtype(pd.Series(values).dtype):
        plain = pd.Series(values).to_numpy(np.float64, na_value=np.nan)
        return blank_missing(blank_missing(plain, own), codes), None
    texts = text_series(values)
    blank = is_missing(texts) | texts.isin([str(code) for code in missing]).to_numpy(bool)
    parsed = numbers_of_texts(texts.where(~blank, ""))
    bad = np.flatnonzero(np.isnan(parsed) & ~blank)
    first = (int(bad[0]), str(texts.iloc[bad[0]])) if len(bad) else None
    return blank_missing(blank_missing(parsed, own), codes), first


def numbers_of_texts(texts: pd.Series[str]) -> NDArray[np.float64]:
    """Return texts as float64, NaN where one is no number; ``1.5D+02`` is Fortran's 150."""
    parsed = np.asarray(pd.to_numeric(texts, errors="coerce"), np.float64)
    open_ = np.isnan(parsed) & (texts != "").to_numpy(bool)
    if open_.any():
        fortran = texts[open_].str.replace(_FORTRAN_EXPONENT, "e", regex=True)
        parsed = parsed.copy()
        parsed[open_] = pd.to_numeric(fortran, errors="coerce")
    return parsed
