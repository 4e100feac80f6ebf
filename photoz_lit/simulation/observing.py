"""Observing conditions: sky noise from depth, and magnitudes as a pipeline would measure them."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from photoz_lit.fields import Band, Field
from photoz_lit.simulation.disturbance_settings import NoiseTail

FloatArray = NDArray[np.float64]

APERTURE_RADIUS = 1.0
_GRID = 128
_OVERSAMPLING = 8


def band_flux(maggies: FloatArray, field: Field) -> FloatArray:
    """Convert AB maggies (..., bands) to the field's flux unit, with each band's calibration error."""
    bands = field.bands.values()
    scale = np.array([10 ** (0.4 * (band.zero_point - band.zero_point_error)) for band in bands])
    return np.asarray(maggies * scale)


def aperture_noise(band: Band) -> float:
    """Sky noise inside a 2 arcsec aperture in flux units: a fifth of the flux of a source at ``depth``."""
    return float(10 ** (0.4 * (band.zero_point - band.limit)) / 5.0)


def noise_transfer(correlation: float, shape: tuple[int, int], tail: NoiseTail | None = None) -> FloatArray:
    """Amplitude transfer of the Gaussian kernel that resampling leaves, scaled to keep unit pixel variance.

    With a ``tail`` a share of the variance has a wider kernel.

    Parameters
    ----------
    correlation : sigma of the kernel [pixel]; 0 is white noise.
    shape : (height, width) of the noise image.

    Returns
    -------
    (height, width // 2 + 1), to multiply a real FFT of white noise.
    """
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])
    full = _gaussian_transfer(correlation, frequency)
    if tail is not None:
        wide = _gaussian_transfer(tail.sigma, frequency)
        full = np.sqrt((1 - tail.share) * full**2 + tail.share * wide**2)
    return np.asarray(full[:, : shape[1] // 2 + 1])


def _gaussian_transfer(sigma: float, frequency: FloatArray) -> FloatArray:
    """Transfer of a Gaussian kernel of width ``sigma`` [pixel] whose noise has unit pixel variance."""
    full = np.exp(-2.0 * (np.pi * sigma * frequency) ** 2)
    return np.asarray(full / np.sqrt(np.mean(full**2)))


def pixel_noise(band: Band, pixel_scale: float, tail: NoiseTail | None = None) -> float:
    """Standard deviation of one pixel of the sky [flux units] that gives the right noise in the 2 arcsec aperture.

    Positive correlation makes a pixel quieter than white noise of the same depth: var(aperture) = Σ |M(k)|² T(k)² / N
    with the aperture's mask M and the transfer T of :func:`noise_transfer`.
    """
    mask = _aperture_mask(APERTURE_RADIUS / pixel_scale)
    power = np.abs(np.fft.rfft2(mask)) ** 2 * noise_transfer(band.noise_correlation, (_GRID, _GRID), tail) ** 2
    multiplicity = np.full(power.shape[1], 2.0)
    multiplicity[[0, -1]] = 1.0
    variance = float((power * multiplicity).sum() / _GRID**2)
    return aperture_noise(band) / float(np.sqrt(variance))


def _aperture_mask(radius: float) -> FloatArray:
    """(grid, grid) share of each pixel inside a circle of ``radius`` pixels about the centre."""
    fine = (np.arange(_GRID * _OVERSAMPLING) + 0.5) / _OVERSAMPLING - _GRID / 2
    inside = (fine[:, None] ** 2 + fine[None, :] ** 2 <= radius**2).astype(np.float64)
    return np.asarray(inside.reshape(_GRID, _OVERSAMPLING, _GRID, _OVERSAMPLING).mean(axis=(1, 3)))


class SkyNoise:
    """Draws the sky of a stamp: Gaussian, correlated, with a residual background."""

    def __init__(self, field: Field, stamp_size: int, tail: NoiseTail | None = None) -> None:
        bands = list(field.bands.values())
        self.sigma = np.array([pixel_noise(band, field.pixel_scale, tail) for band in bands])
        self.background = np.array([band.background for band in bands])
        self.gain = np.array([band.gain for band in bands])
        self.stamp_size = stamp_size
        widest = max([band.noise_correlation for band in bands] + ([] if tail is None else [tail.sigma]))
        self.padded = scipy.fft.next_fast_len(stamp_size + int(np.ceil(4 * widest)), real=True)
        shape = (self.padded, self.padded)
        transfer = [noise_transfer(band.noise_correlation, shape, tail) for band in bands]
        self.transfer = np.stack(transfer).astype(np.float32)

    def add(
        self,
        images: NDArray[np.float32],
        rng: np.random.Generator,
        residual: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Add sky and, where a band has a gain, the sources' Poisson noise, to ``images`` (bands, size, size).

        A ``residual`` (bands, size, size) [sky sigma] is light that the sky subtraction left.
        """
        white = rng.standard_normal((len(self.sigma), self.padded, self.padded), dtype=np.float32)
        sky = scipy.fft.irfft2(scipy.fft.rfft2(white) * self.transfer, s=(self.padded, self.padded))
        sky = sky[:, : self.stamp_size, : self.stamp_size] + self.background[:, None, None]
        if residual is not None:
            sky = sky + residual
        noisy = images + self.sigma[:, None, None] * sky
        shot = rng.standard_normal(images.shape, dtype=np.float32)
        electrons = np.where(self.gain > 0, self.gain, np.inf)[:, None, None]
        noisy += shot * np.sqrt(np.clip(images, 0.0, None) / electrons)
        return np.asarray(noisy, np.float32)


def calibration_factors(n: int, field: Field, scatter: float, rng: np.random.Generator) -> FloatArray:
    """Factors (n, bands) on the flux of each galaxy and band, of a calibration that varies over the sky.

    Parameters
    ----------
    n : number of galaxies.
    field : whose bands they are seen in.
    scatter : standard deviation [mag].
    rng : source of randomness.
    """
    return np.asarray(10 ** (-0.4 * scatter * rng.standard_normal((n, len(field.bands)))))


def measured_magnitudes(
    flux: FloatArray,
    radius: FloatArray,
    field: Field,
    rng: np.random.Generator,
    seeing_factor: FloatArray | float = 1.0,
) -> tuple[FloatArray, FloatArray]:
    """Measure magnitudes as model fitting would.

    The noise of an optimally weighted flux is that of an aperture with 4π σ² of area, σ² the sum of the squares of
    PSF and galaxy sizes (King 1983, PASP 95, 163), scaled from the depth in the 2 arcsec aperture; Poisson noise
    is added. Nothing else is: a rival that reads these magnitudes has the photons that the pixels have.

    Parameters
    ----------
    flux : (n, bands) true flux in the field's unit.
    radius : (n,) half-light radius [arcsec].
    field : observing conditions.
    rng : source of randomness.
    seeing_factor : on each band's FWHM where a galaxy lies, (n, bands).

    Returns
    -------
    magnitude : (n, bands) [AB mag], NaN where the measured flux is not positive.
    error : (n, bands) [mag], NaN likewise.
    """
    bands = list(field.bands.values())
    aperture = np.array([aperture_noise(band) for band in bands])
    psf = np.array([band.fwhm for band in bands]) / 2.355 * seeing_factor
    gain = np.array([band.gain for band in bands])
    area = 4 * np.pi * (np.atleast_2d(psf) ** 2 + (radius[:, None] / 1.18) ** 2)
    sky = aperture**2 * np.maximum(area / (np.pi * APERTURE_RADIUS**2), 0.5)
    shot = np.clip(flux, 0, None) / np.where(gain > 0, gain, np.inf)
    sigma = np.sqrt(sky + shot)
    noisy = flux + sigma * rng.standard_normal(flux.shape)
    positive = noisy > 0
    safe = np.where(positive, noisy, 1.0)
    zero_point = np.array([band.zero_point for band in bands])
    magnitude = np.where(positive, zero_point - 2.5 * np.log10(safe), np.nan)
    error = np.where(positive, 1.0857 * sigma / safe, np.nan)
    return magnitude, error
