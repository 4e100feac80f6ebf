"""Give a column of texts its type: whole numbers, numbers, truth values, or texts that stay as they are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.tables.no_value import MISSING_TEXTS, is_missing, numbers_of_texts
from photoz_lit.tables.plain_text import plain_text

#: Largest whole number below which every whole number is a float64.
EXACT_FLOAT = 2**53
_DECIMAL_COMMA = r"[+-]?[0-9]*(,[0-9]+)?([eE][+-]?[0-9]+)?"


def typed_column(texts: pd.Series[str], decimal_comma: bool = False) -> NDArray[Any]:
    """Return a column of texts in the narrowest type that loses nothing.

    Whole numbers become int64 (uint64), or float64 with NaN where some are missing; where those would not be exact in
    float64, or a number begins with a zero (``000123``) or has over 20 digits, the texts stay. Other numbers become
    float64, ``true`` and ``false`` booleans. In texts that stay, "no value" is ``""``.

    Parameters
    ----------
    texts : (rows,) texts.
    decimal_comma : ``0,5`` may mean 0.5, as in tables with semicolons between the columns.
    """
    stripped = texts.fillna("").str.strip()
    missing = is_missing(stripped)
    known = stripped[~missing]
    if not len(known):
        return np.full(len(stripped), np.nan)
    values = numbers_of_texts(known)
    # The first comparison alone settles most columns, and is far faster than the pattern.
    if bool(np.all(values == np.floor(values))) and known.str.fullmatch(r"[+-]?[0-9]+").all():
        return _whole(stripped, known, missing)
    if decimal_comma and np.isnan(values).any() and known.str.fullmatch(_DECIMAL_COMMA).all():
        values = numbers_of_texts(known.str.replace(",", "."))
    if not np.isnan(values).any():
        return _spread(values, missing)
    lower = known.str.lower()
    if not missing.any() and lower.isin(["true", "false"]).all():
        return (lower == "true").to_numpy(bool)
    return _kept(stripped, missing)


def _whole(texts: pd.Series[str], known: pd.Series[str], missing: NDArray[np.bool_]) -> NDArray[Any]:
    if known.str.match(r"[+-]?0[0-9]").any():
        return _kept(texts, missing)
    try:
        values = np.asarray(pd.to_numeric(known))
    except (ValueError, OverflowError):
        return _kept(texts, missing)
    if values.dtype.kind not in "iu":
        return _kept(texts, missing)
    if not missing.any():
        return values
    if max(abs(int(values.min())), abs(int(values.max()))) > EXACT_FLOAT:
        return _kept(texts, missing)
    return _spread(values.astype(np.float64), missing)


def _spread(values: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    out = np.full(len(missing), np.nan)
    out[~missing] = values
    return out


def _kept(texts: pd.Series[str], missing: NDArray[np.bool_]) -> NDArray[Any]:
    return texts.where(~missing, "").to_numpy(object)


def identifiers(values: Any, name: str = "", missing: Iterable[float | str] = ()) -> NDArray[np.object_]:
    """Return a column of ids or other texts as strings; "no value" in any spelling is ``""``.

    Parameters
    ----------
    values : (rows,) texts or numbers.
    name : of the column, for the sentence; empty where the values are made up and not read.
    missing : further codes and texts that mean "no value".

    Raises
    ------
    InputError : they are numbers too large for floating point, which has rounded them.
    """
    column = pd.Series(values)
    if name and column.dtype.kind == "f" and bool((column.abs() > EXACT_FLOAT).any()):
        raise InputError(
            f"column '{name}' holds ids as floating point, which has rounded them; store it as integer or"
            " text, or leave the mapping of object_id out to number the rows."
        )
    codes = {plain_text(code) for code in missing}
    texts = [plain_text(value).strip() for value in column]
    return np.array(["" if text in codes or text.lower() in MISSING_TEXTS else text for text in texts], object)
