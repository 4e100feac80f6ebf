"""Pixels against GalSim's own drawing, and noise against the depth it must have."""

from __future__ import annotations

import galsim
import numpy as np
import pytest

from photoz_lit.fields import Band, Field
from photoz_lit.simulation.observing import (
    SkyNoise,
    aperture_noise,
    band_flux,
    measured_magnitudes,
    noise_transfer,
    pixel_noise,
)
from photoz_lit.simulation.render import StampRenderer
from photoz_lit.simulation.scene import Sources, draw_stars, star_colours


def one_source(field: Field, radius: tuple[float, float], bulge: float, offset: tuple[float, float]) -> Sources:
    bands = len(field.bands)
    parts = np.array([np.full(bands, bulge), np.full(bands, 1 - bulge)])
    return Sources(
        stamp=np.zeros(1, int),
        offset=np.array([offset]),
        radius=np.array([radius]),
        axis_ratio=np.array([[0.9, 0.5]]),
        angle=np.array([0.7]),
        maggies=1e-9 * parts[None],
    )


def galsim_image(field: Field, sources: Sources, size: int, band: str) -> np.ndarray:
    """The same galaxy in real space: sheared Sersic profiles, shifted, convolved with Moffat and pixel."""
    profiles = []
    for part, kind in enumerate((galsim.DeVaucouleurs, galsim.Exponential)):
        flux = band_flux(sources.maggies, field)[0, part, list(field.bands).index(band)]
        if flux > 0:
            ratio = sources.axis_ratio[0, part]
            shear = galsim.Shear(q=ratio, beta=sources.angle[0] * galsim.radians)
            radius = sources.radius[0, part] * np.sqrt(ratio)
            profiles.append(kind(half_light_radius=radius, flux=flux).shear(shear))
    conditions = field.bands[band]
    psf = galsim.Moffat(beta=conditions.moffat_beta, fwhm=conditions.seeing)
    psf = psf.shear(galsim.Shear(e=conditions.psf_ellipticity, beta=0 * galsim.radians))
    image = galsim.Convolve(galsim.Add(profiles).shift(*sources.offset[0]), psf)
    return image.drawImage(nx=size, ny=size, scale=field.pixel_scale).array


@pytest.mark.parametrize(("radius", "bulge"), [((0.3, 0.5), 0.0), ((0.3, 0.5), 0.4), ((0.3, 1.8), 0.1)])
@pytest.mark.parametrize("size", [32, 64])
def test_clean_stamp_is_galsims(field: Field, radius: tuple[float, float], bulge: float, size: int) -> None:
    sources = one_source(field, radius, bulge, (0.31, -0.17))
    renderer = StampRenderer(field, size)
    images = renderer.clean(sources, band_flux(sources.maggies, field), np.array([0]))
    for b, band in enumerate(field.bands):
        expected = galsim_image(field, sources, size, band)
        assert np.abs(images[b] - expected).max() < 6e-3 * expected.max()


def test_star_has_its_flux_and_width(field: Field) -> None:
    star = one_source(field, (0.0, 0.0), 1.0, (0.0, 0.0))
    flux = band_flux(star.maggies, field)
    images = StampRenderer(field, 64).clean(star, flux, np.array([0]))
    assert np.allclose(images.sum(axis=(1, 2)), flux[0].sum(axis=0), rtol=0.02)
    half = images[2] > images[2].max() / 2
    fwhm = 2 * np.sqrt(half.sum() / np.pi) * field.pixel_scale
    assert fwhm == pytest.approx(field.bands["i"].seeing, rel=0.1)


def test_empty_stamp_is_zero(field: Field) -> None:
    sources = one_source(field, (0.3, 0.5), 0.4, (0.0, 0.0))
    images = StampRenderer(field, 32).clean(sources, band_flux(sources.maggies, field), np.zeros(0, int))
    assert images.shape == (3, 32, 32)
    assert not images.any()


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.2])
def test_aperture_noise_is_the_depths(correlation: float) -> None:
    """Independent of pixel correlation, 2 arcsec apertures scatter by a fifth of the flux at the depth."""
    band = Band(zero_point=27.0, filter={}, seeing=0.7, depth=26.0, noise_correlation=correlation)
    scale = 0.2
    rng = np.random.default_rng(1)
    sky = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((1024, 1024))) * noise_transfer(correlation, (1024, 1024)))
    sky *= pixel_noise(band, scale)
    y, x = np.mgrid[-10:11, -10:11]
    fine = [
        np.hypot(x + dx, y + dy) <= 1.0 / scale for dx in np.arange(-0.4, 0.5, 0.2) for dy in np.arange(-0.4, 0.5, 0.2)
    ]
    aperture = np.mean(fine, axis=0)
    tiles = sky[: 48 * 21, : 48 * 21].reshape(48, 21, 48, 21).transpose(0, 2, 1, 3)
    fluxes = (tiles * aperture).sum(axis=(2, 3)).ravel()
    assert fluxes.std() == pytest.approx(10 ** (0.4 * (27.0 - 26.0)) / 5, rel=0.05)


def test_noise_correlates_as_its_kernel(field: Field) -> None:
    """A Gaussian kernel of width σ leaves the correlation exp(-1/(4σ²)) between neighbours."""
    sigma = 0.9
    bands = {"i": field.bands["i"].model_copy(update={"noise_correlation": sigma, "gain": 0.0, "background": 0.3})}
    noise = SkyNoise(field.model_copy(update={"bands": bands}), 64)
    rng = np.random.default_rng(0)
    sky = np.concatenate([noise.add(np.zeros((1, 64, 64), np.float32), rng) for _ in range(60)]) / noise.sigma[0]
    assert sky.mean() == pytest.approx(0.3, abs=0.02)
    sky = sky - sky.mean()
    assert sky.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(sky[:, :, 1:] * sky[:, :, :-1]) == pytest.approx(np.exp(-1 / (4 * sigma**2)), abs=0.02)
    assert abs(np.mean(sky[:, :, 0] * sky[:, :, -1])) < 0.05  # opposite edges know nothing of each other


def test_poisson_noise_follows_the_gain(field: Field) -> None:
    bands = {"i": field.bands["i"].model_copy(update={"gain": 4.0, "depth": 40.0})}
    noise = SkyNoise(field.model_copy(update={"bands": bands}), 32)
    flat = np.full((1, 32, 32), 100.0, np.float32)
    rng = np.random.default_rng(0)
    images = np.concatenate([noise.add(flat, rng) for _ in range(30)])
    assert images.std() == pytest.approx(np.sqrt(100 / 4.0), rel=0.03)


def test_measured_magnitudes_scatter_by_their_errors(field: Field) -> None:
    n = 20000
    flux = np.full((n, 3), 10 ** (0.4 * (27.0 - 25.0)))
    magnitude, error = measured_magnitudes(flux, np.full(n, 0.3), field, np.random.default_rng(0))
    assert np.allclose(magnitude.std(axis=0), np.median(error, axis=0), rtol=0.05)
    assert np.allclose(np.median(magnitude, axis=0), 25.0, atol=0.005)
    faint, _ = measured_magnitudes(np.full((n, 3), 1e-6), np.full(n, 0.3), field, np.random.default_rng(0))
    assert 0.4 < np.isnan(faint).mean() < 0.6  # half of the fluxes of nothing are negative: no magnitude


def test_calibration_error_dims(field: Field) -> None:
    band = field.bands["i"].model_copy(update={"zero_point_error": 0.1})
    wrong = field.model_copy(update={"bands": {**field.bands, "i": band}})
    flux, dimmed = (band_flux(np.full((1, 3), 1e-9), f)[0] for f in (field, wrong))
    assert np.allclose(dimmed / flux, [1.0, 1.0, 10**-0.04])
    assert aperture_noise(band) == aperture_noise(field.bands["i"])


def test_stars_are_cool_and_rise_towards_faint(field: Field) -> None:
    colours = star_colours({name: band.filter for name, band in field.bands.items()}, "i")
    flux = draw_stars(4000, colours, np.random.default_rng(0))
    magnitude = -2.5 * np.log10(flux)
    assert magnitude[:, 2].min() >= 16.0
    assert magnitude[:, 2].max() <= 25.0
    assert np.median(magnitude[:, 0] - magnitude[:, 2]) > 0.8
    counts = np.histogram(magnitude[:, 2], [18, 20, 22, 24])[0]
    assert np.allclose(np.log10(counts[1:] / counts[:-1]), 0.24, atol=0.08)
