"""How far a galaxy lies from the training set in the space of a network's features.

The features are brought to the axes in which the training galaxies scatter most and divided by their scatter there. The
distance of a galaxy is the mean distance to its nearest training galaxies. It is given as a percentile of the distances
of validation galaxies, which the network was not trained on either: of galaxies like those of the training a share of
1 − p lies beyond the percentile p, whatever the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.files import require_whole_archive, whole_file

Floats = NDArray[np.float64]
AXES = 12
NEIGHBOURS = 5
MOST = 10_000  # training galaxies that are kept
OUTSIDE = 95.0  # percentile beyond which a galaxy counts as outside the training
_BLOCK = 1024
NAMES = ("mean", "axes", "training", "distances")


@dataclass(frozen=True)
class TrainingReach:
    """Where the training galaxies of a network lie.

    Attributes
    ----------
    mean : of the features, (F,).
    axes : (F, A), divided by the scatter along each.
    training : training galaxies on these axes, (T, A).
    distances : of validation galaxies, ascending, (V,).
    """

    mean: Floats
    axes: Floats
    training: Floats
    distances: Floats

    def percentile(self, features: NDArray[Any]) -> Floats:
        """Percentile of the distance of galaxies with features (N, F) from the training, 0 to 100, (N,)."""
        found = _distance((np.asarray(features, np.float64) - self.mean) @ self.axes, self.training)
        return 100.0 * np.searchsorted(self.distances, found, side="right") / len(self.distances)

    def write(self, file: Path) -> None:
        """Write it, whole or not at all."""
        with whole_file(file) as partial:
            np.savez_compressed(partial, **{name: getattr(self, name) for name in NAMES})

    @classmethod
    def read(cls, file: Path) -> TrainingReach:
        """Read what :meth:`write` wrote.

        Raises
        ------
        InputError : the file is not there or damaged.
        """
        require_whole_archive(file)
        try:
            with np.load(file, allow_pickle=False) as content:
                return cls(*(content[name] for name in NAMES))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file} cannot be read ({error}); run task=calibrate again.") from error


def training_reach(training: NDArray[Any], validation: NDArray[Any], seed: int = 0) -> TrainingReach:
    """Learn where the training galaxies lie.

    Parameters
    ----------
    training : features of training galaxies, (T, F); 10 000 of more are drawn.
    validation : features of validation galaxies, (V, F).
    seed : of the draw.
    """
    some = np.asarray(training, np.float64)
    if len(some) > MOST:
        some = some[np.sort(np.random.default_rng(seed).choice(len(some), MOST, replace=False))]
    mean = some.mean(axis=0)
    _, scatter, rows = np.linalg.svd(some - mean, full_matrices=False)
    scatter = scatter / np.sqrt(len(some))
    number = int(np.count_nonzero(scatter[:AXES] > 1e-6 * max(scatter[0], 1e-30)))
    axes = rows[:number].T / scatter[:number]
    on_axes = (some - mean) @ axes
    distances = np.sort(_distance((np.asarray(validation, np.float64) - mean) @ axes, on_axes))
    return TrainingReach(mean, axes, on_axes, distances)


def _distance(points: Floats, training: Floats) -> Floats:
    """Mean distance (N,) of points (N, A) to their nearest training galaxies."""
    near = min(NEIGHBOURS, len(training))
    length = np.sum(training**2, axis=1)
    out = np.empty(len(points))
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        squared = np.sum(block**2, axis=1)[:, None] - 2 * block @ training.T + length
        nearest = np.partition(squared, near - 1, axis=1)[:, :near]
        out[start : start + _BLOCK] = np.sqrt(np.maximum(nearest, 0.0)).mean(axis=1)
    return out
