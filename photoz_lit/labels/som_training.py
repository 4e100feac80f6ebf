"""Training of a self-organising map: minisom's sequential rule, or the batch rule for large samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from photoz_lit.extras import require_extra
from photoz_lit.labels.features import FeatureSpace
from photoz_lit.labels.settings import SomSettings
from photoz_lit.labels.som import SelfOrganisingMap, nearest_cells
from photoz_lit.progress import counted

LEARNING_RATE = 0.5
# The neighbourhood starts at a third of the map, so that the map unfolds as a whole first.
FIRST_SIGMA = 1 / 3
# minisom's neighbourhood is at its last width for the rest of the training, while the learning rate goes to zero.
SHRINKING = 0.6
FEWEST_BATCH_PASSES = 40
FIRST_GALAXIES_PER_CELL = 10
SMALLEST_COUNT = 1e-6


def train_som(
    features: NDArray[np.float32], space: FeatureSpace, shape: tuple[int, int], settings: SomSettings, seed: int = 0
) -> SelfOrganisingMap:
    """Train a map on whitened features.

    Parameters
    ----------
    features : (N, n_features); galaxies with fewer than ``settings.min_features`` valid ones are passed over.
    space : what the features are.
    shape : rows and columns of cells.
    settings : trainer, passes, and how many galaxies train the map.
    seed : of the sample and the order.
    """
    random = np.random.default_rng(seed)
    known = features[np.isfinite(features).sum(1) >= settings.min_features]
    if len(known) > settings.n_training:
        known = known[np.sort(random.choice(len(known), settings.n_training, replace=False))]
    batch = settings.trainer == "batch" or (settings.trainer == "auto" and len(known) >= settings.batch_from)
    start = principal_plane(known, shape)
    train = train_batch if batch else train_minisom
    return SelfOrganisingMap(train(known, start, settings, seed), space, settings.min_features)


def principal_plane(features: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Cells spread over the plane of the first two principal components, ± 2 standard deviations.

    Missing features stand at 0, their median, for this start alone.

    Returns
    -------
    (rows, columns, n_features).
    """
    filled = np.nan_to_num(features.astype(np.float64))
    centre = filled.mean(axis=0)
    # Outliers of many scales are common in colours; clipped, they do not tilt the plane.
    covariance = np.cov(np.clip(filled - centre, -5, 5), rowvar=False)
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    axes = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0))
    rows, columns = (np.linspace(-2, 2, n) if n > 1 else np.zeros(1) for n in shape)
    plane = centre + rows[:, None, None] * axes[:, 0]
    return np.asarray(plane + columns[None, :, None] * (axes[:, 1] if axes.shape[1] > 1 else 0.0))


def train_minisom(
    features: NDArray[np.float32], start: NDArray[np.float64], settings: SomSettings, seed: int = 0
) -> NDArray[np.float32]:
    """Sequential (Kohonen) training with minisom; see :func:`train_som`.

    Parameters
    ----------
    features : (N, n_features), NaN where missing.
    start : (rows, columns, n_features) the cells to begin with.

    Returns
    -------
    (rows, columns, n_features) trained cells.
    """
    require_extra("labels", "labels.som.trainer=minisom")
    from photoz_lit.labels.masked_minisom import MaskedMiniSom

    rows, columns, n_features = start.shape
    first = max(rows, columns) * FIRST_SIGMA

    def shrink(_: float, step: int, steps: int) -> float:
        return float(first * (settings.sigma_final / first) ** min(1.0, step / (SHRINKING * steps)))

    som = MaskedMiniSom(
        rows, columns, n_features, sigma=first, learning_rate=LEARNING_RATE, decay_function="linear_decay_to_zero"
    )
    som._sigma_decay_function = shrink
    som._weights = start.copy()
    random = np.random.default_rng(seed)
    data = features.astype(np.float64)
    steps = settings.passes * len(data)
    order = np.concatenate([random.permutation(len(data)) for _ in range(settings.passes)])
    with counted("galaxies") as progress:
        for step, galaxy in enumerate(progress.track(order, description="self-organising map (minisom)")):
            som.update(data[galaxy], som.winner(data[galaxy]), step, steps)
    return np.asarray(som.get_weights(), np.float32)


def train_batch(
    features: NDArray[np.float32], start: NDArray[np.float64], settings: SomSettings, seed: int = 0
) -> NDArray[np.float32]:
    """Batch training (Kohonen 2013); see :func:`train_minisom` for the interface.

    Every pass finds each galaxy's cell, then sets each cell to the mean of the galaxies, weighted by a Gaussian of
    their cells' distance on the grid. That Gaussian is separable, so it costs two small products. Early passes, with
    a wide neighbourhood, need few galaxies and see a random part of them.
    """
    rows, columns, n_features = start.shape
    random = np.random.default_rng(seed)
    order = random.permutation(len(features))
    weights = start.reshape(rows * columns, n_features).astype(np.float32)
    first = max(rows, columns) * FIRST_SIGMA
    passes = max(settings.passes, FEWEST_BATCH_PASSES)
    fewest = min(len(features), FIRST_GALAXIES_PER_CELL * rows * columns)
    for number in _passes(passes):
        progress = number / (passes - 1)
        sigma = first * (settings.sigma_final / first) ** progress
        n_seen = round(fewest * (len(features) / fewest) ** progress)
        seen = features[np.take(order, np.arange(n_seen) + random.integers(len(features)), mode="wrap")]
        sums, counts = _cell_sums(seen, weights)
        sums, counts = (_blur(part, (rows, columns), sigma) for part in (sums, counts))
        filled = counts > SMALLEST_COUNT
        weights = np.where(filled, sums / np.where(filled, counts, 1.0), weights).astype(np.float32)
    return weights.reshape(rows, columns, n_features)


def _passes(passes: int) -> Iterator[int]:
    """Numbers of the passes of the batch training, each counted when the next one begins."""
    with counted("passes") as progress:
        yield from progress.track(range(passes), description="self-organising map (batch)")


def _cell_sums(
    features: NDArray[np.float32], weights: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of the known features of the galaxies in each cell, (n_cells, n_features) both."""
    best = nearest_cells(features, weights)[1]
    known = np.isfinite(features)
    n_cells = len(weights)
    sums = [np.bincount(best, np.where(k, x, 0.0), n_cells) for x, k in zip(features.T, known.T, strict=True)]
    counts = [np.bincount(best, k, n_cells) for k in known.T]
    return np.stack(sums, axis=1), np.stack(counts, axis=1)


def _blur(cells: NDArray[np.float64], shape: tuple[int, int], sigma: float) -> NDArray[np.float64]:
    """Gaussian neighbourhood sum over the grid of a (n_cells, n_features) array."""
    grid = cells.reshape(*shape, -1)
    for axis, n in enumerate(shape):
        position = np.arange(n)
        kernel = np.exp(-((position[:, None] - position) ** 2) / (2 * sigma**2))
        grid = np.moveaxis(np.tensordot(kernel, grid, axes=(1, axis)), 0, axis)
    return grid.reshape(cells.shape)
