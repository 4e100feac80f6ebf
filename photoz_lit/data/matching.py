"""Guided batch selection: for every source galaxy a target galaxy of like magnitude."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from photoz_lit.errors import InputError

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

TRIES = 16


class MagnitudeMatcher:
    """Draws target galaxies of like magnitude, evenly among all within the tolerance.

    The targets are sorted by their first magnitude once; a draw is then a binary search and a random position between
    two bounds. Further bands are met by rejection: up to 16 draws, then a search in a tree.

    Parameters
    ----------
    magnitudes : of the targets [mag], (M,) or (M, bands), the first band leads; a target that lacks one is never drawn.
    tolerance : largest difference in every band [mag].

    Raises
    ------
    InputError : no target has all the magnitudes.
    """

    def __init__(self, magnitudes: Floats, tolerance: float) -> None:
        table = _columns(magnitudes)
        known = np.flatnonzero(np.isfinite(table).all(axis=1))
        if not len(known):
            raise InputError(f"none of the {len(table)} target galaxies has the magnitudes that guide the draw.")
        self.rows: Rows = known[np.argsort(table[known, 0], kind="stable")]
        self.table = table[self.rows]
        self.tree = cKDTree(self.table)
        self.tolerance = tolerance

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, magnitudes: Floats, random: np.random.Generator) -> tuple[Rows, NDArray[np.bool_]]:
        """Draw a target for every source galaxy.

        Parameters
        ----------
        magnitudes : of the source galaxies [mag], (N,) or (N, bands).
        random : source of randomness.

        Returns
        -------
        rows : of the targets, (N,); where none is within the tolerance in all bands, one within it in the first band,
            and where there is none of these, the nearest in the first band.
        matched : whether the target is within the tolerance, (N,).
        """
        wanted = _columns(magnitudes)
        low, high = self._bounds(wanted[:, 0])
        position = low + (random.random(len(wanted)) * (high - low)).astype(np.int64)
        if self.table.shape[1] > 1:
            position = self._with_all_bands(wanted, low, high, position, random)
        alone = high <= low
        position[alone] = self._nearest(wanted[alone, 0])
        matched = (np.abs(self.table[position] - wanted) <= self.tolerance).all(axis=1)
        return self.rows[position], np.asarray(matched)

    def unused(self, magnitudes: Floats) -> int:
        """Return how many targets no source galaxy of these magnitudes (N,) or (N, bands) can draw.

        A target that lacks a magnitude is not counted; with several bands only the first one is looked at.
        """
        source = np.sort(_columns(magnitudes)[:, 0])
        source = source[np.isfinite(source)]
        low = np.searchsorted(source, self.table[:, 0] - self.tolerance, side="left")
        high = np.searchsorted(source, self.table[:, 0] + self.tolerance, side="right")
        return int((high <= low).sum())

    def _bounds(self, magnitude: Floats) -> tuple[Rows, Rows]:
        """Positions [low, high) of the targets within the tolerance in the first band."""
        low = np.searchsorted(self.table[:, 0], magnitude - self.tolerance, side="left")
        high = np.searchsorted(self.table[:, 0], magnitude + self.tolerance, side="right")
        return low, np.where(np.isfinite(magnitude), high, low)

    def _nearest(self, magnitude: Floats) -> Rows:
        known = np.nan_to_num(magnitude, nan=float(np.median(self.table[:, 0])))
        right = np.clip(np.searchsorted(self.table[:, 0], known), 1, max(1, len(self) - 1))
        left = right - 1
        right = np.minimum(right, len(self) - 1)
        nearer = np.abs(self.table[left, 0] - known) <= np.abs(self.table[right, 0] - known)
        return np.where(nearer, left, right)

    def _with_all_bands(
        self, wanted: Floats, low: Rows, high: Rows, position: Rows, random: np.random.Generator
    ) -> Rows:
        """Draw again until every band is within the tolerance, or the search shows that no target is."""
        inside = np.minimum(position, len(self) - 1)
        open_ = np.flatnonzero((high > low) & ~self._alike(wanted, inside))
        for _ in range(TRIES):
            draw = low[open_] + (random.random(len(open_)) * (high - low)[open_]).astype(np.int64)
            good = self._alike(wanted[open_], draw)
            position[open_[good]] = draw[good]
            open_ = open_[~good]
        open_ = open_[np.isfinite(wanted[open_]).all(axis=1)]
        found = self.tree.query_ball_point(wanted[open_], self.tolerance, p=np.inf, return_sorted=True)
        for one, alike in zip(open_, found, strict=True):
            if alike:
                position[one] = alike[int(random.random() * len(alike))]
        return position

    def _alike(self, wanted: Floats, position: Rows) -> NDArray[np.bool_]:
        return np.asarray((np.abs(self.table[position] - wanted) <= self.tolerance).all(axis=1))


def dealt(field: Rows, draw: Callable[[int, NDArray[np.bool_]], Rows]) -> Rows:
    """Rows (n,) that ``draw(number, where)`` gives for those of each field number, (n,) given, put together."""
    chosen = np.empty(len(field), np.int64)
    for number in np.unique(field).tolist():
        where = field == number
        chosen[where] = draw(number, where)
    return chosen


def _columns(magnitudes: Floats) -> Floats:
    table = np.asarray(magnitudes, np.float64)
    return table[:, None] if table.ndim == 1 else table
