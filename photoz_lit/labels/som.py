"""A trained self-organising map: places galaxies on its cells, is saved with the labels and loaded again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.files import whole_file
from photoz_lit.labels.features import FeatureSpace

LARGEST_GRID = 101  # cells per side, the largest map in use (KiDS, Wright et al. 2020)
SMALLEST_GRID = 5
LABELS_PER_CELL = 5
BLOCK_SCORES = 65_536  # distances in work at once: 256 kB
FORMAT = 1


def grid_shape(n_galaxies: int, n_features: int, n_labels: int) -> tuple[int, int]:
    """Square grid by rule: 5 √(n_galaxies · n_features) cells, with about five labels or more per cell.

    The first part is the usual rule of thumb (RAIL's SOM estimators); the second keeps most cells from being empty of
    labels. The side stays within 5 and 101 cells.
    """
    cells = min(5 * np.sqrt(n_galaxies * n_features), n_labels / LABELS_PER_CELL)
    side = int(np.clip(np.floor(np.sqrt(cells)), SMALLEST_GRID, LARGEST_GRID))
    return side, side


@dataclass(frozen=True)
class SelfOrganisingMap:
    """A map of magnitude–colour space.

    Attributes
    ----------
    weights : (rows, columns, n_features) whitened features of the cells.
    space : features and their whitening.
    min_features : a galaxy with fewer valid features is not placed.
    """

    weights: NDArray[np.float32]
    space: FeatureSpace
    min_features: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.weights.shape[0], self.weights.shape[1]

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.shape[0] * self.shape[1]

    def place(self, table: pd.DataFrame) -> NDArray[np.int64]:
        """Cell of each galaxy of a catalogue with ``mag_<band>`` columns, (N,); −1 where too little is known."""
        return self.nearest(self.space.whiten(table))[0]

    def nearest(self, features: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Best-matching cell of whitened features, and the distance to it.

        A missing feature (NaN) is left out of the distance, which is scaled up to all features.

        Parameters
        ----------
        features : (N, n_features).

        Returns
        -------
        cell : (N,) row · columns + column, −1 where fewer than ``min_features`` are valid.
        distance : (N,) Euclidean, NaN where the cell is −1.
        """
        squared, cells = nearest_cells(features, self.weights.reshape(self.n_cells, -1))
        known = np.isfinite(features).sum(axis=1)
        unplaced = known < self.min_features
        with np.errstate(divide="ignore", invalid="ignore"):
            distances = np.sqrt(squared * features.shape[1] / known)
        return np.where(unplaced, -1, cells), np.where(unplaced, np.nan, distances).astype(np.float32)

    def quantisation_error(self, features: NDArray[np.float32]) -> float:
        """Mean distance of the placed galaxies to their cells."""
        return float(np.nanmean(self.nearest(features)[1]))

    def save(self, path: str | Path) -> None:
        """Write the map as NPZ, whole or not at all."""
        about = {
            "format": FORMAT,
            "magnitude": self.space.magnitude,
            "bands": self.space.bands,
            "min_features": self.min_features,
        }
        with whole_file(Path(path)) as partial:
            np.savez(
                partial,
                weights=self.weights,
                centre=self.space.centre,
                scale=self.space.scale,
                about=np.array(json.dumps(about)),
            )


def nearest_cells(
    features: NDArray[np.float32], weights: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Squared distance to, and number of, the nearest cell; NaN features are left out.

    Σ m (x − w)² = Σ m x² + (m x, m)·(−2 w, w²): one matrix product ranks all cells. It is done in blocks whose scores
    stay in a core's cache; a k-d tree takes three to five times as long at nine features.

    Parameters
    ----------
    features : (n, n_features).
    weights : (n_cells, n_features).

    Returns
    -------
    squared : (n,) sum over the known features; 0 where none is known.
    best : (n,) number of the cell.
    """
    known = np.isfinite(features)
    if known.all():
        left = np.concatenate([features, np.ones((len(features), 1), np.float32)], axis=1)
        right = np.concatenate([-2 * weights, (weights**2).sum(axis=1, keepdims=True)], axis=1).T
    else:
        left = np.concatenate([np.where(known, features, 0), known], axis=1)
        right = np.concatenate([-2 * weights, weights**2], axis=1).T
    left, right = (np.ascontiguousarray(part, dtype=np.float32) for part in (left, right))
    best = np.empty(len(features), np.int64)
    rows = max(8, BLOCK_SCORES // len(weights))
    scores = np.empty((rows, len(weights)), np.float32)
    for start in range(0, len(features), rows):
        part = left[start : start + rows]
        best[start : start + rows] = np.matmul(part, right, out=scores[: len(part)]).argmin(axis=1)
    difference = np.where(known, features - weights[best], 0.0).astype(np.float64)
    return np.einsum("ij,ij->i", difference, difference), best


def load_som(path: str | Path) -> SelfOrganisingMap:
    """Read a map that :meth:`SelfOrganisingMap.save` wrote.

    Raises
    ------
    InputError : the file is no such map.
    """
    where = Path(path)
    try:
        with np.load(where, allow_pickle=False) as content:
            about = json.loads(str(content["about"]))
            space = FeatureSpace(about["magnitude"], tuple(about["bands"]), content["centre"], content["scale"])
            return SelfOrganisingMap(content["weights"], space, int(about["min_features"]))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{where} is no map that task=labels wrote ({error}); give its som.npz.") from error
