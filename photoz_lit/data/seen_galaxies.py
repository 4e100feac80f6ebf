"""Which galaxies a run's networks were trained or validated on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.folds import LINKING_RADIUS
from photoz_lit.errors import InputError
from photoz_lit.sky_matching import SkyIndex, separations

NEVER_SEEN = -1


def read_split(path: Path) -> pd.DataFrame:
    """Read which galaxies a run was trained, validated and tested on.

    Raises
    ------
    InputError : it is not there or is damaged.
    """
    try:
        return pd.read_parquet(path, columns=["object_id", "ra", "dec", "fold", "role"])
    except (OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{path} cannot be read ({reason}); take a whole copy, or train the run again.") from error


def seen_in_fold(split: pd.DataFrame, catalogue: pd.DataFrame) -> NDArray[np.int64]:
    """Fold of every galaxy that a run was trained or validated on, -1 for the others.

    A galaxy is known by its place: another catalogue's id for the same object within 1 arcsec does not make it a new
    one, nor does an equal id elsewhere on the sky, as of row numbers, make it a known one. Without a place, by its
    ``object_id``.

    Parameters
    ----------
    split : ``split.parquet`` of the run.
    catalogue : galaxies to look up, (N rows).
    """
    used = split[split["role"].isin(["train", "validation", "cv"])].reset_index(drop=True)
    if not len(used):
        return np.full(len(catalogue), NEVER_SEEN)
    row_of = {name: row for row, name in enumerate(used["object_id"])}
    row = np.array([row_of.get(name, -1) for name in catalogue["object_id"]], np.int64)
    row[_elsewhere(used.iloc[row], catalogue)] = -1
    seen = np.where(row >= 0, used["fold"].to_numpy()[row], NEVER_SEEN)
    nearest, _ = SkyIndex(used["ra"], used["dec"]).nearest(catalogue["ra"], catalogue["dec"], LINKING_RADIUS)
    return np.where((seen == NEVER_SEEN) & (nearest >= 0), used["fold"].to_numpy()[nearest], seen)


def _elsewhere(one: pd.DataFrame, other: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether two catalogues' galaxies, row by row, have places more than 1 arcsec apart; false where one has none."""
    return np.asarray(separations(one["ra"], one["dec"], other["ra"], other["dec"]) > LINKING_RADIUS)
