"""Match positions on the sky: nearest neighbours, close pairs, groups; exact at the poles and across RA = 0.

Positions are unit vectors in a k-d tree and separations are chords between them, so no coordinate is special.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


class SkyIndex:
    """Positions that can be searched.

    Parameters
    ----------
    ra, dec : (N,) [deg]; rows without a finite position match nothing.
    """

    def __init__(self, ra: ArrayLike, dec: ArrayLike) -> None:
        vectors = unit_vectors(ra, dec)
        self.rows: Rows = np.flatnonzero(np.isfinite(vectors).all(axis=1))
        self._tree = cKDTree(vectors[self.rows]) if len(self.rows) else None

    def nearest(self, ra: ArrayLike, dec: ArrayLike, radius: float) -> tuple[Rows, Floats]:
        """Return the row nearest to each position and its separation [arcsec], (M,); −1 and inf beyond ``radius``."""
        vectors = unit_vectors(ra, dec)
        row, separation = np.full(len(vectors), -1), np.full(len(vectors), np.inf)
        placed = np.flatnonzero(np.isfinite(vectors).all(axis=1))
        if self._tree is not None and len(placed):
            distance, number = self._tree.query(vectors[placed])
            angle = arcsec_of_chord(distance)
            near = angle <= radius
            row[placed[near]], separation[placed[near]] = self.rows[number[near]], angle[near]
        return row, separation

    def pairs(self, radius: float) -> Rows:
        """Return the pairs of rows within ``radius`` [arcsec] of each other, (n, 2), the smaller row first."""
        if self._tree is None:
            return np.zeros((0, 2), np.int64)
        pairs = self._tree.query_pairs(2.0 * np.sin(np.deg2rad(radius / 3600.0) / 2.0), output_type="ndarray")
        return np.sort(self.rows[pairs].astype(np.int64).reshape(-1, 2), axis=1)


def mutual_nearest(
    ra: ArrayLike, dec: ArrayLike, other_ra: ArrayLike, other_dec: ArrayLike, radius: float
) -> tuple[Rows, Rows]:
    """Pair the objects of two catalogues that are each other's nearest neighbour within a radius.

    Parameters
    ----------
    ra, dec : (N,) [deg]; rows without a finite position match nothing.
    other_ra, other_dec : (M,) [deg].
    radius : largest separation [arcsec].

    Returns
    -------
    Row numbers in the first and in the second catalogue, (n_pairs,) each, in the order of the first.
    """
    forward, _ = SkyIndex(other_ra, other_dec).nearest(ra, dec, radius)
    backward, _ = SkyIndex(ra, dec).nearest(other_ra, other_dec, radius)
    first = np.flatnonzero(forward >= 0)
    first = first[backward[forward[first]] == first]
    return first, forward[first]


def groups(label: ArrayLike, ra: ArrayLike, dec: ArrayLike, radius: float) -> Rows:
    """Number the objects of a list in which one object may stand several times, (N,).

    Two rows are one object if they share a label or lie within ``radius``; so are chains of them (friends of friends).

    Parameters
    ----------
    label : (N,) integers; −1 is shared with no one.
    ra, dec : (N,) [deg], may be NaN.
    radius : linking length [arcsec].
    """
    labels = np.asarray(label, np.int64)
    named = np.flatnonzero(labels >= 0)
    first = np.full(labels.max(initial=-1) + 1, -1)
    first[labels[named][::-1]] = named[::-1]
    links = np.concatenate([np.stack([named, first[labels[named]]], axis=1), SkyIndex(ra, dec).pairs(radius)])
    graph = coo_array((np.ones(len(links), bool), links.T), shape=(len(labels), len(labels)))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def separations(ra: ArrayLike, dec: ArrayLike, other_ra: ArrayLike, other_dec: ArrayLike) -> Floats:
    """Return how far apart two lists of positions [deg] are, row by row, (N,) [arcsec]; NaN without a position."""
    chord = np.linalg.norm(unit_vectors(ra, dec) - unit_vectors(other_ra, other_dec), axis=-1)
    return arcsec_of_chord(chord)


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> Floats:
    """Return positions [deg] as unit vectors, (n, 3)."""
    alpha, delta = np.deg2rad(np.asarray(ra, np.float64)), np.deg2rad(np.asarray(dec, np.float64))
    with np.errstate(invalid="ignore"):  # an infinite angle is NaN
        return np.stack([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)], axis=-1)


def arcsec_of_chord(chord: Floats) -> Floats:
    """Return the angle [arcsec] between unit vectors a chord apart."""
    return np.asarray(np.rad2deg(2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0))) * 3600.0)
