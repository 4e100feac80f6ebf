"""The type of ids: a store holds texts, and what is published to be joined has the type that the ids came in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError

IdType = Literal["text", "int64", "uint64"]
#: Key of a store's provenance that says which; a store without it has texts.
KEY = "object_id"


def type_of_ids(values: NDArray[Any], texts: ArrayLike) -> IdType:
    """Return the type of ids: that of their column if it holds whole numbers, and each text is one as ``str`` has it.

    Parameters
    ----------
    values : ids as the source has them, (N,).
    texts : the same as a store has them, (N,); "" where there is none.

    Examples
    --------
    >>> type_of_ids(np.array([7, 8]), ["7", "8"]), type_of_ids(np.array(["007"]), ["007"])
    ('int64', 'text')
    """
    if values.dtype.kind not in "iu" or [str(value) for value in values.tolist()] != list(np.asarray(texts, object)):
        return "text"
    return "uint64" if values.dtype == np.uint64 else "int64"


def recorded_type(provenance: Mapping[str, Any]) -> IdType:
    """Return what a store's provenance says of its ids; ``text`` where it says nothing."""
    found: list[IdType] = [kind for kind in get_args(IdType) if kind == provenance.get(KEY)]
    return found[0] if found else "text"


def record_of(kind: IdType) -> dict[str, str]:
    """Return what a store's provenance says of ids of this type; texts need no word."""
    return {} if kind == "text" else {KEY: kind}


def shared_type(types: Iterable[IdType]) -> IdType:
    """Return the type of ids from several places: the one that all have, else ``text``."""
    found = set(types)
    return found.pop() if len(found) == 1 else "text"


def typed_ids(texts: ArrayLike, kind: IdType) -> NDArray[Any]:
    """Return ids in the type they came in, (N,); whole numbers of any size without rounding.

    Raises
    ------
    InputError : the type is of integers and a text is none.
    """
    ids = np.asarray(texts, object)
    if kind == "text":
        return ids
    try:
        return np.fromiter(map(int, ids), np.dtype(kind), len(ids))
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"store.json says that object_id is {kind}, and an id is none ({error}); write the store again."
        ) from error


def with_typed_ids(table: pd.DataFrame, kind: IdType) -> pd.DataFrame:
    """Return a table to be published, with the ids of ``object_id`` in the type they came in; errors as above."""
    return table if kind == "text" else table.assign(object_id=typed_ids(table["object_id"], kind))
