"""Speed and memory of the merge, and of batch training against minisom, at their full size."""

import time

import numpy as np
import pytest

from photoz_lit.labels.benchmark import benchmark_merge, random_photometry
from photoz_lit.labels.features import fit_features
from photoz_lit.labels.settings import SomSettings
from photoz_lit.labels.som import nearest_cells
from photoz_lit.labels.som_training import principal_plane, train_batch, train_minisom


def test_small_benchmark_runs():
    figures = benchmark_merge(n_target=20_000, n_labels=6_000)
    assert figures["cells"] == 2500
    assert figures["merged"] > 3_000


@pytest.mark.long
def test_million_galaxies_merge_within_five_minutes_and_four_gigabytes():
    figures = benchmark_merge()
    assert figures["seconds"] < 300
    assert figures["peak_memory_gb"] < 4


@pytest.mark.long
def test_batch_is_ten_times_as_fast_as_minisom_at_the_same_quantisation_error():
    table = random_photometry(50_000, np.random.default_rng(0))
    space = fit_features(table, "i", "ugrizyjhk")
    features = space.whiten(table)
    new = space.whiten(random_photometry(20_000, np.random.default_rng(1)))
    start = principal_plane(features, (40, 40))
    seconds, errors = [], []
    for train in (train_minisom, train_batch):
        before = time.perf_counter()
        weights = train(features, start, SomSettings())
        seconds.append(time.perf_counter() - before)
        errors.append(np.sqrt(nearest_cells(new, weights.reshape(1600, -1))[0]).mean())
    assert seconds[0] > 10 * seconds[1]
    assert errors[1] == pytest.approx(errors[0], rel=0.02)
