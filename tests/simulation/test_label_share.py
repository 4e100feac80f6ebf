import numpy as np

from photoz_lit.fields import load_field
from photoz_lit.simulation.labels import rows_with_share
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
