"""Consensus of several photo-z per galaxy: their mean where they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError
from photoz_lit.labels.settings import ConsensusSettings
from photoz_lit.tables.frame import missing_column
from photoz_lit.tables.no_value import parsed_numbers


@dataclass(frozen=True)
class Consensus:
    """Mean and spread of the photo-z of each galaxy.

    Attributes
    ----------
    z : (N,) mean of the photo-z, NaN where one of them is no valid redshift.
    spread : (N,) their population standard deviation, NaN where ``z`` is.
    valid : (N,) whether all photo-z are valid.
    agrees : (N,) valid, and spread ≤ max_spread · (1 + z).
    """

    z: NDArray[np.float64]
    spread: NDArray[np.float64]
    valid: NDArray[np.bool_]
    agrees: NDArray[np.bool_]


def consensus(photo_z: ArrayLike, settings: ConsensusSettings | None = None) -> Consensus:
    """Mean z̄ and population standard deviation σ(z) of the photo-z of each galaxy.

    Parameters
    ----------
    photo_z : (N, n_estimates); −99, 99, NaN and whatever else lies outside (z_min, z_max) mean "no value".
    settings : ``max_spread`` in σ(z) ≤ max_spread · (1 + z̄), and the range of valid redshifts.
    """
    limits = settings or ConsensusSettings()
    values: NDArray[np.float64] = np.atleast_2d(np.asarray(photo_z, np.float64))
    usable: NDArray[np.bool_] = np.isfinite(values) & (values > limits.z_min) & (values < limits.z_max)
    valid: NDArray[np.bool_] = np.all(usable, axis=1)
    filled = np.where(valid[:, None], values, np.nan)
    z, spread = filled.mean(axis=1), filled.std(axis=1)
    agrees = valid & (np.nan_to_num(spread, nan=np.inf) <= limits.max_spread * (1 + np.nan_to_num(z)))
    return Consensus(z, spread, valid, agrees)


def photo_z_columns(table: pd.DataFrame, columns: Sequence[str], where: str) -> NDArray[np.float64]:
    """Return the photo-z columns of a table, (N, n_columns).

    Raises
    ------
    InputError : fewer than two columns, a column is missing, is no number, or holds no valid redshift at all.
    """
    if len(columns) < 2:
        raise InputError(f"{where}: a consensus needs at least two photo-z columns, not {list(columns)}.")
    columns_read = []
    for name in columns:
        if name not in table:
            raise InputError(f"{where} has no photo-z column '{name}'{missing_column(name, table.columns)}")
        values, bad = parsed_numbers(table[name], codes=())
        if bad is not None:
            raise InputError(
                f"{where}: photo-z column '{name}' holds text (row {bad[0]} is '{bad[1]}'); name a column of numbers."
            )
        columns_read.append(values)
        if len(values) and not (np.isfinite(values) & (values > 0) & (values < 20)).any():
            raise InputError(
                f"{where}: photo-z column '{name}' has no valid redshift in any of its {len(values)} rows"
                f" (the first is {values[0]:g}); name another column."
            )
    return np.stack(columns_read, axis=1)
