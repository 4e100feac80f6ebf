"""Ids and other texts as they are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.tables.no_value import MISSING_TEXTS
from photoz_lit.tables.plain_text import plain_text
from photoz_lit.tables.text_columns import EXACT_FLOAT


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
