"""Five folds by a hash of ``object_id``; objects within 1 arcsec of each other share one."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.sky_matching import groups

N_FOLDS = 5
LINKING_RADIUS = 1.0  # arcsec


def assign_folds(
    object_id: pd.Series, ra: NDArray[np.float64], dec: NDArray[np.float64], radius: float = LINKING_RADIUS
) -> NDArray[np.int64]:
    """Fold of every object, 0 to 4, independent of the order and of how often an object occurs.

    Friends of friends: objects with the same id, or closer than ``radius``, form a group; its smallest id is
    hashed (SHA-256, modulo 5), so that no sky position is on both sides of a split.

    Parameters
    ----------
    object_id : identifiers, (N,).
    ra, dec : positions [deg], (N,); an object without a position is linked by its id alone.
    radius : linking length [arcsec].

    Returns
    -------
    (N,) folds.
    """
    ids = object_id.astype(str).to_numpy(object)
    group = groups(pd.factorize(ids)[0], ra, dec, radius)
    first = ids.copy()  # the smallest id of each object's group: its own, where it is alone
    shared = np.bincount(group)[group] > 1
    _, numbered = np.unique(group[shared], return_inverse=True)
    first[shared] = pd.Series(ids[shared]).groupby(numbered).min().to_numpy(object)[numbered]
    return np.array([fold_of_id(name) for name in first], dtype=np.int64)


def fold_of_id(object_id: str) -> int:
    """Fold of a lone object: SHA-256 of its id, modulo 5."""
    return int.from_bytes(hashlib.sha256(object_id.encode()).digest()[:8], "big") % N_FOLDS
