import numpy as np
import pytest

from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from photoz_lit.simulation.labels import LABEL_MODELS, labels_like, rows_with_share
from photoz_lit.simulation.simulate import simulate_catalogue
from tests.composed import composed


def test_rows_keep_the_share_and_the_order() -> None:
    photometric = np.array([1, 1, 1, 1, 0, 1, 0, 0, 1, 1], bool)
    np.testing.assert_array_equal(rows_with_share(photometric, 0.5, 4), [0, 1, 4, 6])
    np.testing.assert_array_equal(rows_with_share(photometric, 0.0, 5), [0, 1, 4, 6, 7])  # photo-z fill up
    np.testing.assert_array_equal(rows_with_share(photometric, 1.0, 9), [0, 1, 2, 3, 4, 5, 6, 8, 9])


def test_simulated_hsc_has_the_published_share_of_photometric_labels_and_the_same_galaxy_for_the_same_seed() -> None:
    settings = composed("field=hsc6b", "simulation.stamps=false", "simulation.n_galaxies=256").simulation
    table = simulate_catalogue(load_field("hsc6b"), settings, 3)
    assert len(table) == 256
    assert (table["z_source"] == "cosmos2020").mean() == np.float64(0.46875)  # 60 of every chunk of 128
    assert table["magnitude_true"][table["z_source"] == "spec"].median() < 23
    full = simulate_catalogue(load_field("hsc6b"), settings.model_copy(update={"representative": True}), 3)
    assert (full["z_source"] == "cosmos2020").mean() > 0.7


def test_labels_like_another_fields_have_its_shares_scatter_and_outliers() -> None:
    random = np.random.default_rng(0)
    n, m = 40_000, 9_000
    their_magnitude = random.uniform(18, 23, m)
    names = np.where(their_magnitude < 21, "spec", "cosmos2020").astype(object)
    magnitude, z = random.uniform(20, 25, n), random.uniform(0.2, 1.5, n)
    labels = labels_like(z, magnitude, (names, their_magnitude), 6.0, np.random.default_rng(1))
    for name in ("spec", "cosmos2020"):
        assert np.mean(labels["z_source"] == name) == pytest.approx(np.mean(names == name), abs=1e-4)
    spectroscopic = labels["z_source"] == "spec"
    assert magnitude[spectroscopic].max() <= magnitude[~spectroscopic].min()  # the brightest, as there
    off = (labels["z"] - z) / (1 + z)
    for rows, model in ((spectroscopic, LABEL_MODELS["spec"]), (~spectroscopic, LABEL_MODELS["cosmos2020"])):
        expected = model.scatter * 10 ** (model.growth * np.clip(magnitude[rows] - 22, 0, 5))
        pull = off[rows] / expected
        assert 1.4826 * np.median(np.abs(pull)) == pytest.approx(1.0, rel=0.05)
        # a catastrophic label lies anywhere within ±0.6: some are within 10 σ by chance
        lost = np.clip(0.6 - 10 * expected, 0, None) / 0.6
        assert np.mean(np.abs(pull) > 10) == pytest.approx(model.outliers * lost.mean(), abs=0.003)
    with pytest.raises(InputError, match="how z_source 'guess' errs; known are spec, grism"):
        labels_like(z, magnitude, (np.full(m, "guess", object), their_magnitude), 6.0, random)
