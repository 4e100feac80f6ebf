"""Populations: counts, sizes, labels and the track of spectra."""

from __future__ import annotations

import numpy as np
import pytest

from photoz_lit.simulation.labels import draw_labels
from photoz_lit.simulation.luminosity_function import EvolvingSchechter
from photoz_lit.simulation.morphology import bulge_shares, morphology_from_photometry, morphology_from_physics
from photoz_lit.simulation.photometry import PhotometryGrid
from photoz_lit.simulation.population import PopulationModel, population_model
from photoz_lit.simulation.sed_mix import TRACK, along_track


@pytest.fixture(scope="module")
def model(grid: PhotometryGrid) -> PopulationModel:
    return population_model(grid, "i", 18.0, 22.5, 6.0)


def test_schechter_has_its_value_at_m_star() -> None:
    phi = EvolvingSchechter(-20.0, -1.3, 1e-3, 1.0, 0.0, 2.0, 1.0)
    at_star = 0.4 * np.log(10) * 1e-3 * np.exp(-1)
    assert phi.density(np.array(-20.5), np.array(0.5)) == pytest.approx(at_star)


def test_counts_match_cosmos(model: PopulationModel) -> None:
    """COSMOS2020 has 6.1 galaxies per square arcmin in 19 < i < 22.5 (Weaver et al. 2022, table 2), 0.3 brighter."""
    assert model.density(np.random.default_rng(0)) == pytest.approx(6.4, abs=0.6)


def test_draws_stay_in_the_window_and_repeat(model: PopulationModel) -> None:
    first, again = (model.draw(300, np.random.default_rng(5)) for _ in range(2))
    magnitude = model.magnitude(first)
    assert magnitude.min() >= 18.0
    assert magnitude.max() <= 22.5
    assert np.array_equal(first.weights, again.weights)
    assert 0.4 < np.median(first.z) < 0.65  # zCOSMOS: 0.5


def test_quiescent_galaxies_are_redder(model: PopulationModel) -> None:
    galaxies = model.draw(2000, np.random.default_rng(1))
    flux = galaxies.maggies(model.grid, np.zeros(len(galaxies)))
    colour = -2.5 * np.log10(flux[:, 0] / flux[:, 2])
    near = np.abs(galaxies.z - 0.5) < 0.1
    assert np.median(colour[near & ~galaxies.star_forming]) - np.median(colour[near & galaxies.star_forming]) > 0.7


def test_bulge_and_disk_add_up_and_the_bulge_is_redder(model: PopulationModel) -> None:
    galaxies = model.draw(500, np.random.default_rng(2))
    ebv = np.full(500, 0.02)
    parts = galaxies.part_maggies(model.grid, ebv)
    assert np.allclose(parts.sum(axis=1), galaxies.maggies(model.grid, ebv))
    colour = -2.5 * np.log10(parts[:, :, 0] / parts[:, :, 2])
    assert np.mean(colour[:, 0] > colour[:, 1] - 1e-6) > 0.95


def test_sizes_follow_van_der_wel() -> None:
    """r_e at 5e10 solar masses and z = 0.25: 7.5 kpc late and 4.0 kpc early, in arcsec at 3.91 kpc/arcsec."""
    n = 4000
    for early, kpc in ((0.0, 8.9 * 1.25**-0.75), (1.0, 5.6 * 1.25**-1.48)):
        shapes = morphology_from_physics(
            np.full(n, early), np.full(n, 5e10), np.full(n, 0.25), np.random.default_rng(0)
        )
        typical = np.median(shapes.radius[:, 1] / (1 + 0.3 * shapes.bulge_to_total))
        assert typical == pytest.approx(kpc / 3.91, rel=0.03)


def test_shapes_from_photometry_shrink_towards_faint_magnitudes() -> None:
    rng = np.random.default_rng(0)
    bright, faint = (
        np.median(morphology_from_photometry(np.full(3000, m), np.full(3000, 1.0), rng).radius[:, 1])
        for m in (20.0, 24.0)
    )
    assert bright / faint == pytest.approx(10**0.36, rel=0.1)
    assert 0.2 < faint < 0.6


def test_bulge_shares_stay_between_zero_and_one() -> None:
    shapes = morphology_from_photometry(np.full(50, 21.0), np.full(50, 2.0), np.random.default_rng(0))
    share = bulge_shares(shapes, np.array([-4.0, 0.0, 1.0]))
    assert ((share > 0) & (share < 1)).all()
    assert np.allclose(share[:, 1], np.clip(shapes.bulge_to_total, 1e-3, 1 - 1e-3))


def test_track_is_a_partition_of_light() -> None:
    colours = [node for node, _, _ in TRACK]
    assert colours == sorted(colours)
    shares, dust = along_track(np.linspace(0.0, 5.0, 40))
    assert np.allclose(shares.sum(axis=1), 1.0, atol=0.02)
    assert (dust > 0).all()


def test_labels_have_their_source_and_scatter() -> None:
    n = 20000
    rng = np.random.default_rng(0)
    z, magnitude = rng.uniform(0.2, 2.0, n), rng.uniform(19.0, 25.0, n)
    labels = draw_labels(z, magnitude, ["spec", "grism", "prism", "cosmos2020"], 6.0, rng)
    measured = np.asarray(labels["z"], float)
    delta = (measured - z) / (1 + z)

    def width(name: str) -> float:
        chosen = delta[labels["z_source"] == name]
        return float(1.4826 * np.median(np.abs(chosen)))

    assert width("spec") == pytest.approx(0.0003, rel=0.15)
    assert width("grism") == pytest.approx(0.003, rel=0.15)
    assert width("prism") == pytest.approx(0.005, rel=0.15)
    assert 0.01 < width("cosmos2020") < 0.03
    assert np.median(magnitude[labels["z_source"] == "spec"]) < np.median(magnitude[labels["z_source"] == "cosmos2020"])
    assert z[labels["z_source"] == "prism"].max() <= 1.2
    outliers = np.mean(np.abs(delta[labels["z_source"] == "cosmos2020"]) > 0.15)
    assert 0.005 < outliers < 0.05
    assert set(labels["z_source"]) == {"spec", "grism", "prism", "cosmos2020"}


def test_a_single_source_labels_every_galaxy() -> None:
    labels = draw_labels(np.full(500, 0.5), np.full(500, 24.5), ["spec"], 4.0, np.random.default_rng(0))
    assert np.isfinite(np.asarray(labels["z"], float)).all()
