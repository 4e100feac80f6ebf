"""Features, map, placement: against brute force and minisom; bad input."""

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.labels.features import catalogue_bands, fit_features, raw_features
from photoz_lit.labels.settings import SomSettings
from photoz_lit.labels.som import grid_shape, load_som, nearest_cells
from photoz_lit.labels.som_training import principal_plane, train_batch, train_minisom, train_som


def photometry(n, seed=0):
    """Galaxies on a curved two-dimensional surface in colour space, with noise."""
    random = np.random.default_rng(seed)
    z, kind = random.uniform(0, 1, n), random.normal(size=n)
    i = 20 + 4 * random.power(3, n)
    colours = [np.sin(3 * z + k) + 0.4 * kind * np.cos(2 * z * k) + 0.05 * random.normal(size=n) for k in range(3)]
    table = pd.DataFrame({"mag_i": i})
    table["mag_r"] = i + colours[0]
    table["mag_g"] = table["mag_r"] + colours[1]
    table["mag_u"] = table["mag_g"] + colours[2]
    return table


def test_features_are_magnitude_and_adjacent_colours():
    table = pd.DataFrame({"mag_g": [24.0, -99.0, np.nan], "mag_r": [23.0, 22.0, 22.0], "mag_i": [22.5, 99.99, 21.0]})
    np.testing.assert_allclose(
        raw_features(table, "i", ["g", "r", "i"]), [[22.5, 1.0, 0.5], [np.nan] * 3, [21.0, np.nan, 1.0]]
    )
    assert catalogue_bands(table) == ("g", "r", "i")


def test_whitened_features_have_median_zero_and_unit_scale():
    table = photometry(4000)
    white = fit_features(table, "i", ["u", "g", "r", "i"]).whiten(table)
    np.testing.assert_allclose(np.median(white, axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(1.4826 * np.median(np.abs(white), axis=0), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mag_g": 22.0, "mag_u": 23.0}, "feature 'u-g' is constant"),
        ({"mag_u": -99.0}, "feature 'u-g' has no valid value"),
    ],
)
def test_useless_features_are_refused(change, sentence):
    with pytest.raises(InputError, match=sentence):
        fit_features(photometry(100).assign(**change), "i", ["u", "g", "r", "i"])


def test_missing_band_is_named():
    with pytest.raises(InputError, match="no column 'mag_y'"):
        fit_features(photometry(100), "i", ["u", "y"])


def test_nearest_cells_agree_with_brute_force_where_features_miss():
    random = np.random.default_rng(1)
    features = random.normal(size=(300, 5)).astype(np.float32)
    features[random.random(features.shape) < 0.2] = np.nan
    cells = random.normal(size=(40, 5)).astype(np.float32)
    squared, best = nearest_cells(features, cells)
    brute = np.nansum((features[:, None] - cells) ** 2, axis=2)
    np.testing.assert_array_equal(best, brute.argmin(1))
    np.testing.assert_allclose(squared, brute.min(1), rtol=1e-4)


def test_batch_training_agrees_with_minisom():
    features = fit_features(photometry(3000), "i", "ugri").whiten(photometry(3000))
    start = principal_plane(features, (12, 12))
    settings = SomSettings(passes=10)
    space = fit_features(photometry(3000), "i", "ugri")
    test = space.whiten(photometry(3000, seed=5))
    errors = []
    for train in (train_minisom, train_batch):
        weights = train(features, start, settings).reshape(144, -1)
        errors.append(np.sqrt(nearest_cells(test, weights)[0]).mean())
    assert errors[1] == pytest.approx(errors[0], rel=0.02)
    untrained = np.sqrt(nearest_cells(test, start.reshape(144, -1).astype(np.float32))[0]).mean()
    assert errors[0] < 0.6 * untrained


@pytest.mark.parametrize("trainer", ["minisom", "batch"])
def test_map_with_missing_features_is_saved_and_places_new_data_alike(tmp_path, trainer):
    table = photometry(600)
    table.loc[::7, "mag_u"] = np.nan
    table.loc[0, ["mag_i", "mag_r"]] = np.nan
    space = fit_features(table, "i", "ugri")
    som = train_som(space.whiten(table), space, (6, 7), SomSettings(trainer=trainer, passes=2), seed=3)
    assert np.isfinite(som.weights).all()
    cells = som.place(table)
    assert cells[0] == -1  # only u - g would be left
    assert (cells[1:] >= 0).all()
    assert cells.max() < som.n_cells == 42
    som.save(tmp_path / "som.npz")
    new = photometry(50, seed=9)
    again = load_som(tmp_path / "som.npz")
    np.testing.assert_array_equal(again.place(new), som.place(new))
    assert again.space.names == ["i", "u-g", "g-r", "r-i"]


def test_neighbouring_cells_hold_like_galaxies():
    table = photometry(4000)
    space = fit_features(table, "i", "ugri")
    som = train_som(space.whiten(table), space, (10, 10), SomSettings(trainer="batch"))
    step = np.linalg.norm(np.diff(som.weights, axis=0), axis=-1).mean()
    shuffled = np.random.default_rng(0).permutation(som.weights.reshape(100, -1)).reshape(som.weights.shape)
    assert step < 0.5 * np.linalg.norm(np.diff(shuffled, axis=0), axis=-1).mean()


def test_foreign_file_is_no_map(tmp_path):
    (tmp_path / "som.npz").write_text("no")
    with pytest.raises(InputError, match="is no map"):
        load_som(tmp_path / "som.npz")


def test_grid_by_rule():
    assert grid_shape(10_000, 9, 10**9) == (38, 38)  # 5 √90000 = 1500 cells
    assert grid_shape(10_000, 9, 2_000) == (20, 20)  # 2000 / 5 labels
    assert grid_shape(10**7, 9, 10**9) == (101, 101)
    assert grid_shape(10, 2, 10) == (5, 5)
