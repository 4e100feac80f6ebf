"""Five folds by a hash of ``object_id``; objects within 1 arcsec of each other share one."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

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
    _, same_id = np.unique(ids.astype(str), return_inverse=True)
    group = _link(same_id, np.asarray(ra, float), np.asarray(dec, float), radius)
    smallest = pd.Series(ids).groupby(group).min()
    fold_of_group = {g: fold_of_id(str(name)) for g, name in smallest.items()}
    return np.array([fold_of_group[g] for g in group], dtype=np.int64)


def fold_of_id(object_id: str) -> int:
    """Fold of a lone object: SHA-256 of its id, modulo 5."""
    return int.from_bytes(hashlib.sha256(object_id.encode()).digest()[:8], "big") % N_FOLDS


def _link(
    same_id: NDArray[np.int64], ra: NDArray[np.float64], dec: NDArray[np.float64], radius: float
) -> NDArray[np.int64]:
    """Group number of every object, from shared ids and close pairs on the sphere."""
    n = len(same_id)
    first = np.full(same_id.max() + 1 if n else 0, -1)
    first[same_id[::-1]] = np.arange(n)[::-1]
    rows, columns = [np.arange(n)], [first[same_id]]
    placed = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if len(placed):
        alpha, delta = np.deg2rad(ra[placed]), np.deg2rad(dec[placed])
        on_sphere = np.stack([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)], axis=1)
        chord = 2.0 * np.sin(np.deg2rad(radius / 3600.0) / 2.0)
        pairs = cKDTree(on_sphere).query_pairs(chord, output_type="ndarray")
        rows.append(placed[pairs[:, 0]])
        columns.append(placed[pairs[:, 1]])
    row, column = np.concatenate(rows), np.concatenate(columns)
    graph = coo_matrix((np.ones(len(row), bool), (row, column)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
