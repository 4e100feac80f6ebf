"""Magnitudes measured on the stamps: apertures after all bands were brought to one PSF, as catalogues have them.

Every band is blurred to the widest PSF of the field, its flux is summed in circles about the stamp's centre, and what a
point source has outside a circle is added (as for the CLASSIC catalogue of COSMOS2020, Weaver et al. 2022, ApJS 258,
11, sect. 3.1). Neighbours inside a circle count: blends are blends. What is used is what a survey knows of itself: its
seeing, its zero points, and for errors its depth and gain.

Blur and circle are one weight per pixel, so that flux and error are sums over pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from photoz_lit.extras import require_extra
from photoz_lit.fields import Band, Field
from photoz_lit.imaging.sky import correlation_at
from photoz_lit.simulation.observing import pixel_noise

FloatArray = NDArray[np.float64]

#: FWHM of a Gaussian in units of its standard deviation.
CONDITIONS = ("seeing", "depth")  # of a field's bands, which photometry on stamps needs
FWHM = 2.3548
_FINE = 5  # parts of a pixel, per axis, over which the PSF is averaged
_BLOCK = 512


@dataclass(frozen=True)
class Photometry:
    """Magnitudes of n galaxies.

    Attributes
    ----------
    magnitude : (n, bands, apertures) [AB mag], those of a point source of this flux in the circle; NaN where it is
        not positive.
    error : (n, bands, apertures) [mag], of sky and photon noise; NaN likewise.
    """

    magnitude: FloatArray
    error: FloatArray


@dataclass(frozen=True)
class Apertures:
    """Weights that turn the pixels of a stamp into fluxes.

    Attributes
    ----------
    field : whose PSFs and noise they were made for.
    bands : names, (bands,).
    radii : of the circles [arcsec], (apertures,).
    weights : (bands, apertures, height, width); a point source at the centre has its whole flux.
    sky : standard deviation of the sky in each, correlation included [flux at the field's zero point], (bands,
        apertures).
    """

    field: Field
    bands: tuple[str, ...]
    radii: tuple[float, ...]
    weights: FloatArray
    sky: FloatArray

    def measure(self, flux: NDArray[np.float32]) -> Photometry:
        """Measure stamps (n, bands, height, width) of linear flux at the field's zero point."""
        known = [self.field.bands[name] for name in self.bands]
        gain = np.array([band.gain * self.field.flux_divisor for band in known])[:, None]
        zero_point = np.array([band.zero_point - 2.5 * np.log10(self.field.flux_divisor) for band in known])[:, None]
        flat = self.weights.reshape(*self.weights.shape[:2], -1)
        pixels = np.asarray(flux, np.float64).reshape(len(flux), len(self.bands), -1)
        total = np.einsum("nbp,bap->nba", pixels, flat, optimize=True)
        shot = np.einsum("nbp,bap->nba", np.clip(pixels, 0.0, None), flat**2, optimize=True)
        variance = self.sky**2 + np.where(gain > 0, shot / np.where(gain > 0, gain, 1.0), 0.0)
        positive = total > 0
        safe = np.where(positive, total, 1.0)
        magnitude = np.where(positive, zero_point - 2.5 * np.log10(safe), np.nan)
        return Photometry(magnitude, np.where(positive, 1.0857 * np.sqrt(variance) / safe, np.nan))


def apertures(field: Field, bands: Sequence[str], stamp_size: int, seeings: Sequence[float]) -> Apertures:
    """Prepare the weights of a field.

    Parameters
    ----------
    field : its seeing, pixel scale, depth and gain.
    bands : names, in the order of the stamps' channels.
    stamp_size : height and width of the stamps [pixel].
    seeings : radii of the circles in units of the widest seeing of these bands (FWHM); half a stamp at most.
    """
    field.require(CONDITIONS, "photometry on stamps", bands)
    known = [field.bands[name] for name in bands]
    widest = max(band.fwhm for band in known)
    radii = tuple(min(factor * widest, 0.5 * stamp_size * field.pixel_scale) for factor in seeings)
    weights = np.zeros((len(known), len(radii), stamp_size, stamp_size))
    sky = np.zeros(weights.shape[:2])
    for b, band in enumerate(known):
        blur = np.sqrt(max(widest**2 - band.fwhm**2, 0.0)) / FWHM / field.pixel_scale
        psf = point_source(band, field.pixel_scale, stamp_size)
        for a, radius in enumerate(radii):
            weight = circle(radius / field.pixel_scale, stamp_size)
            if blur > 0:
                weight = gaussian_filter(weight, blur, mode="constant")
            weights[b, a] = weight / np.sum(weight * psf)
            sky[b, a] = noise_in(weights[b, a], band, field.pixel_scale) / field.flux_divisor
    return Apertures(field, tuple(bands), radii, weights, sky)


def circle(radius: float, size: int) -> FloatArray:
    """Share of each pixel of a stamp (size, size) in a circle of ``radius`` [pixel] about its centre."""
    require_extra("photometry", "photometry on stamps")
    from photutils.aperture import CircularAperture

    middle = 0.5 * (size - 1)
    mask = CircularAperture((middle, middle), radius).to_mask(method="exact").to_image((size, size))
    return np.asarray(mask, np.float64)


def point_source(band: Band, pixel_scale: float, size: int) -> FloatArray:
    """Image (size, size) of a source of flux 1 at the centre, its Moffat PSF averaged over each pixel."""
    fine = ((np.arange(size * _FINE) + 0.5) / _FINE - 0.5 * size) * pixel_scale
    alpha = 0.5 * band.fwhm / np.sqrt(2 ** (1 / band.moffat_beta) - 1)
    profile = (1 + (fine[:, None] ** 2 + fine[None, :] ** 2) / alpha**2) ** -band.moffat_beta
    pixels = profile.reshape(size, _FINE, size, _FINE).mean(axis=(1, 3))
    density = (band.moffat_beta - 1) / (np.pi * alpha**2)  # the Moffat's integral over the plane is 1
    return np.asarray(pixels * density * pixel_scale**2)


def noise_in(weight: FloatArray, band: Band, pixel_scale: float) -> float:
    """Standard deviation of Σ weight · sky [flux at the band's zero point], for noise of the band's depth."""
    lags = np.abs(np.subtract.outer(np.arange(len(weight)), np.arange(len(weight))))
    covariance = correlation_at(band.noise_correlation, np.arange(len(weight)))[lags]
    return float(pixel_noise(band, pixel_scale) * np.sqrt(np.sum(weight * (covariance @ weight @ covariance))))
