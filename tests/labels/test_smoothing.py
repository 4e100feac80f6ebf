"""KDE smoothing: no structure, no change; structure is levelled; bounds and bandwidth are kept."""

import numpy as np
import pytest

from photoz_lit.data.smoothing import MAGNITUDE_STEP, X_STEP, fit_density, smoothing_weights
from photoz_lit.data.smoothing_settings import SmoothingSettings
from photoz_lit.errors import InputError
from photoz_lit.labels.comparison import total_variation
from photoz_lit.labels.mock import structure_mask

EDGES = np.arange(0, 3, 0.02)


def draw(n, seed):
    random = np.random.default_rng(seed)
    magnitude = 18 + 7 * random.power(4, n)
    return random.gamma(3, 0.03 * (magnitude - 14), n) * 0.8, magnitude, random


def spiky(n=90_000, seed=3):
    z, magnitude, random = draw(n, seed)
    keep = structure_mask(z, random)
    return z[keep], magnitude[keep]


def test_smooth_population_keeps_its_weights():
    z, magnitude, _ = draw(10_000, 0)
    weight, density = smoothing_weights(z, magnitude, np.ones(len(z)))
    assert weight.mean() == pytest.approx(1.0)
    assert weight.std() < 0.12
    assert np.median(density.overdispersion) < 1.5


def test_structure_is_levelled_towards_the_universes_mean():
    z, magnitude = spiky()
    assert len(z) > 8_000
    smooth_z, _, _ = draw(200_000, 1)
    weight, density = smoothing_weights(z, magnitude, np.ones(len(z)))
    before = total_variation(z, smooth_z, EDGES)
    after = total_variation(z, smooth_z, EDGES, weight)
    assert before > 0.12
    assert after < 0.7 * before
    assert np.median(density.overdispersion) > 5
    assert np.all(density.bandwidth >= density.raw_bandwidth)


def test_densities_are_normalised_and_the_users_bandwidth_is_taken():
    z, magnitude = spiky(30_000)
    density = fit_density(z, magnitude, settings=SmoothingSettings(bandwidth=0.08))
    np.testing.assert_allclose(density.bandwidth, 0.08)
    for grid in (density.raw, density.smooth):
        np.testing.assert_allclose(grid.sum(1) * X_STEP, 1.0, rtol=1e-6)
    assert np.diff(density.magnitude) == pytest.approx(MAGNITUDE_STEP)


def test_kernel_width_is_the_bandwidth():
    # All galaxies at one redshift: the smooth row is the kernel itself.
    density = fit_density(np.full(200, 1.0), np.full(200, 20.0), settings=SmoothingSettings(bandwidth=0.05))
    row = density.smooth[0] * X_STEP
    mean = (row * density.x).sum()
    assert mean == pytest.approx(np.log(2), abs=X_STEP)
    assert np.sqrt((row * (density.x - mean) ** 2).sum()) == pytest.approx(0.05, rel=0.03)


def test_ratio_is_bounded_and_one_where_unknown():
    z, magnitude = spiky()
    z[0], magnitude[1] = np.nan, np.nan
    density = fit_density(z, magnitude)
    ratio = density.ratio(z, magnitude, 2.0)
    assert ratio[:2].tolist() == [1.0, 1.0]
    assert ratio.min() >= 0.5
    assert ratio.max() <= 2.0
    spike = np.abs(z - 0.73) < 0.02
    assert ratio[spike].mean() < 0.75


def test_merge_weights_are_part_of_the_density():
    z, magnitude = spiky(30_000)
    weight = np.where(np.abs(z - 0.73) < 0.03, 1e-3, 1.0)
    new, _ = smoothing_weights(z, magnitude, weight)
    # With the spike weighted away a gap is left, which the smooth density fills: the ratio there is above 1.
    inside = weight < 1
    assert (new / weight)[inside].mean() > (new / weight)[~inside].mean()


def test_too_few_labels():
    with pytest.raises(InputError, match="only 3 labels"):
        fit_density(np.ones(3), np.ones(3))
