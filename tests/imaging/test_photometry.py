"""Aperture magnitudes of the stamps against GalSim's own images: values, errors, and the forest that reads them."""

from __future__ import annotations

from pathlib import Path

import galsim
import numpy as np
import pytest
from numpy.typing import NDArray

from photoz_lit.data.sample import load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.estimators.photometry_forest import PhotometryForest, PhotometryForestSettings
from photoz_lit.fields import Field, load_field
from photoz_lit.imaging.photometry import apertures, circle, point_source
from photoz_lit.simulation.observing import SkyNoise
from photoz_lit.simulation.simulate import simulate_store
from tests.composed import composed
from tests.simulation.conftest import settings_of

SIZE = 64
SEEINGS = (0.5, 1.0, 2.0)


def field_of(name: str, **changes: float) -> Field:
    """Three bands of very unlike seeing."""
    field = load_field(name)
    bands = {
        b: field.bands[b].model_copy(update={"seeing": s, **changes})
        for b, s in zip("gri", (0.9, 0.7, 0.6), strict=True)
    }
    return field.model_copy(update={"bands": bands})


def stamps(field: Field, shape: galsim.GSObject, magnitude: float) -> NDArray[np.float32]:
    """GalSim's image of an object of equal AB magnitude in all bands, at the centre, (1, bands, size, size)."""
    images = []
    for band in field.bands.values():
        flux = 10 ** (0.4 * (band.zero_point - magnitude))
        psf = galsim.Moffat(beta=band.moffat_beta, fwhm=band.seeing)
        drawn = galsim.Convolve(shape.withFlux(flux), psf).drawImage(nx=SIZE, ny=SIZE, scale=field.pixel_scale)
        images.append(drawn.array / field.flux_divisor)
    return np.asarray(images, np.float32)[None]


@pytest.mark.parametrize("name", ["hsc6b", "cfhtls"])
def test_a_point_source_has_its_magnitude_in_every_band_and_circle(name: str) -> None:
    field = field_of(name)
    image = stamps(field, galsim.Gaussian(sigma=1e-4), 21.3)
    measured = apertures(field, list(field.bands), SIZE, SEEINGS).measure(image)
    assert np.allclose(measured.magnitude, 21.3, atol=0.004)


def test_an_extended_galaxy_has_its_colours_whatever_the_seeing() -> None:
    """In one circle about one PSF every band loses the same light; without matching colours are several times worse."""
    field = field_of("hsc6b")
    plain = circle(0.5 * 0.9 / field.pixel_scale, SIZE)
    inside = [np.sum(plain * point_source(band, field.pixel_scale, SIZE)) for band in field.bands.values()]
    for radius in (0.2, 0.5, 1.0):
        image = stamps(field, galsim.Exponential(half_light_radius=radius), 22.0)
        magnitude = apertures(field, list(field.bands), SIZE, SEEINGS).measure(image).magnitude[0]
        assert np.ptp(magnitude, axis=0).max() < 0.035, radius
        unmatched = -2.5 * np.log10((image[0] * plain).sum(axis=(1, 2)) / inside)
        assert np.ptp(unmatched) > 5 * np.ptp(magnitude[:, 0]), radius
        assert (np.diff(magnitude[0]) < 0).all()  # a larger circle has more of it
        assert 0 < magnitude[0, -1] - 22.0 < 0.5


def test_errors_are_the_scatter_of_repeated_measurements() -> None:
    """Sky of the field's depth, correlated, and the photons' own noise: pulls of unit width."""
    field = field_of("hsc6b", depth=25.0, noise_correlation=0.8, gain=40.0)
    image = stamps(field, galsim.Exponential(half_light_radius=0.4), 22.0)[0]
    noise, rng = SkyNoise(field, SIZE), np.random.default_rng(1)
    noisy = np.stack([noise.add(image, rng) for _ in range(1500)])
    circles = apertures(field, list(field.bands), SIZE, SEEINGS)
    clean = circles.measure(image[None]).magnitude
    measured = circles.measure(noisy)
    pull = (measured.magnitude - clean) / measured.error
    assert np.allclose(pull.std(axis=0), 1.0, atol=0.08)
    assert np.abs(pull.mean(axis=0)).max() < 0.15
    assert (np.diff(circles.sky, axis=1) > 0).all()


def test_a_neighbour_counts_and_nothing_has_no_magnitude() -> None:
    field = field_of("hsc6b")
    alone = stamps(field, galsim.Gaussian(sigma=1e-4), 22.0)
    beside = stamps(field, galsim.Gaussian(sigma=1e-4).shift(1.2, 0.0), 22.0)
    circles = apertures(field, list(field.bands), SIZE, SEEINGS)
    blended = circles.measure(alone + beside).magnitude[0]
    assert np.allclose(blended[:, -1], 22.0 - 2.5 * np.log10(2.0), atol=0.1)  # both in the circle of 1.8 arcsec
    assert np.all(blended[:, 0] > 21.8)
    empty = circles.measure(-alone)
    assert np.isnan(empty.magnitude).all()
    assert np.isnan(empty.error).all()


def test_circles_have_their_area() -> None:
    assert circle(3.3, 32).sum() == pytest.approx(np.pi * 3.3**2, rel=1e-6)
    assert np.allclose(circle(3.3, 33), circle(3.3, 33).T)


def test_the_forest_on_measured_magnitudes_reads_no_catalogue(tmp_path: Path) -> None:
    config = composed("field=hsc6b", "network=photometry_forest", "network.trees=30")
    assert isinstance(config.network, PhotometryForestSettings)
    field = load_field("hsc6b")
    store = simulate_store(field, settings_of(n_galaxies=600, magnitude_faint=22.0), 3, tmp_path / "store")
    sample = load_sample([store], field, 32)
    split = split_sample(sample)
    forest = PhotometryForest(config)
    forest.fit(sample, split, 0, tmp_path / "forest")
    pdf = forest.predict(sample, split.test)
    z = sample.catalogue["z"].to_numpy()[split.test]
    centre = 0.5 * (field.z_edges[1:] + field.z_edges[:-1])
    median = centre[np.argmax(np.cumsum(pdf, axis=1) >= 0.5, axis=1)]
    assert np.median(np.abs(median - z) / (1 + z)) < 0.06
    sample.catalogue.loc[:, [name for name in sample.catalogue if name.startswith("mag_")]] = np.nan
    again = PhotometryForest(config)
    again.load(tmp_path / "forest")
    np.testing.assert_array_equal(again.predict(sample, split.test), pdf)
