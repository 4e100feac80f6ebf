"""Draw scenes under a field's observing conditions, in Fourier space with GalSim's profiles."""

from __future__ import annotations

from typing import NamedTuple

import galsim
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from photoz_lit.fields import Band, Field
from photoz_lit.simulation.disturbance_settings import NoiseTail
from photoz_lit.simulation.disturbances import Places
from photoz_lit.simulation.observing import SkyNoise, band_flux
from photoz_lit.simulation.scene import Sources

Complex = NDArray[np.complex64]

#: The PSF's position angle differs from exposure to exposure; so many of them are prepared.
PSF_ANGLES = 8
#: A stamp is drawn on a periodic canvas this many times wider, so that wings do not come back from the other side.
CANVAS = 2
#: A canvas is doubled while a source's half-light radius exceeds this share of it (at most once more).
LARGEST_RADIUS = 0.12
_ACCURACY = galsim.GSParams(folding_threshold=5e-3, kvalue_accuracy=1e-4, maximum_fft_size=8192)


class Pointing(NamedTuple):
    """Number of a pointing, and its factors on the FWHM of each band, (bands,)."""

    number: int
    seeing: NDArray[np.float64]


class StampRenderer:
    """Draws stamps of one field.

    The Fourier transform of every bulge, disk and point comes from GalSim once; each band adds them up with its own
    fluxes, multiplies by its own PSF and pixel and is transformed back. One galaxy in nine bands costs nine small FFTs,
    however many neighbours it has.
    """

    def __init__(self, field: Field, stamp_size: int, tail: NoiseTail | None = None) -> None:
        self.field = field
        self.stamp_size = stamp_size
        self.noise = SkyNoise(field, stamp_size, tail)
        self._canvases: dict[int, _Canvas] = {}

    def draw(
        self,
        sources: Sources,
        n_stamps: int,
        seeds: list[np.random.SeedSequence],
        places: Places | None = None,
    ) -> NDArray[np.float32]:
        """Draw stamps with noise.

        Parameters
        ----------
        sources : sorted by stamp, stamps numbered from 0.
        n_stamps : number of stamps.
        seeds : (n_stamps,) seed of each stamp's noise.
        places : PSF and residual light of each stamp; None: the field's PSF and no residual.

        Returns
        -------
        (n_stamps, bands, size, size) linear flux in the field's unit.
        """
        flux = band_flux(sources.maggies, self.field)
        borders = np.searchsorted(sources.stamp, np.arange(n_stamps + 1))
        images = np.empty((n_stamps, len(self.field.bands), self.stamp_size, self.stamp_size), np.float32)
        for stamp in range(n_stamps):
            rows = np.arange(borders[stamp], borders[stamp + 1])
            rng = np.random.default_rng(seeds[stamp])
            psf = None if places is None else Pointing(int(places.pointing[stamp]), places.seeing[stamp])
            clean = self.clean(sources, flux, rows, int(rng.integers(PSF_ANGLES)), psf)
            residual = None if places is None or places.residual is None else places.residual[stamp]
            images[stamp] = self.noise.add(clean, rng, residual)
        return images

    def clean(
        self,
        sources: Sources,
        flux: NDArray[np.float64],
        rows: NDArray[np.int64],
        psf_angle: int = 0,
        pointing: Pointing | None = None,
    ) -> NDArray[np.float32]:
        """Draw one stamp without noise: ``rows`` of the sources with fluxes (s, 2, bands); (bands, size, size)."""
        canvas = self._canvas(float(sources.radius[rows].max(initial=0.0)))
        total = np.zeros((len(self.field.bands), canvas.size * (canvas.size // 2 + 1)), np.complex64)
        profiles, amplitudes = [], []
        for row in rows:
            for part in (0, 1):
                if np.any(flux[row, part] > 0):
                    profiles.append(canvas.profile(sources, int(row), part))
                    amplitudes.append(flux[row, part])
        if profiles:
            total = np.array(amplitudes, np.float32).T.astype(np.complex64) @ np.stack(profiles)
        return canvas.transform(total, psf_angle, pointing)[:, : self.stamp_size, : self.stamp_size]

    def _canvas(self, radius: float) -> _Canvas:
        size = CANVAS * self.stamp_size
        if radius > LARGEST_RADIUS * size * self.field.pixel_scale:
            size *= 2
        if size not in self._canvases:
            self._canvases[size] = _Canvas(self.field, size, self.stamp_size)
        return self._canvases[size]


class _Canvas:
    """A periodic image of ``size`` pixels whose corner holds the stamp."""

    def __init__(self, field: Field, size: int, stamp_size: int) -> None:
        self.size = size
        self.scale = field.pixel_scale
        self.centre = 0.5 * (stamp_size - 1) * field.pixel_scale
        self.k_step = 2 * np.pi / (size * field.pixel_scale)
        self.image = galsim.ImageCF(galsim.BoundsI(0, size // 2, -(size // 2), size // 2 - 1))
        angles = np.pi * np.arange(PSF_ANGLES) / PSF_ANGLES
        self.bands = list(field.bands.values())
        self.angles = angles
        self.psf = np.stack([[self._psf(band, a) for band in self.bands] for a in angles])
        self._of_pointings: dict[tuple[int, int], Complex] = {}

    def profile(self, sources: Sources, row: int, part: int) -> Complex:
        """Fourier transform of one part with unit flux, flattened."""
        radius = float(sources.radius[row, part])
        if radius <= 0:
            shape: galsim.GSObject = galsim.DeltaFunction(gsparams=_ACCURACY)
        else:
            ratio = float(sources.axis_ratio[row, part])
            kind = galsim.Exponential if part else galsim.DeVaucouleurs
            shear = galsim.Shear(q=max(ratio, 0.05), beta=float(sources.angle[row]) * galsim.radians)
            shape = kind(half_light_radius=radius * np.sqrt(ratio), gsparams=_ACCURACY).shear(shear)
        x, y = sources.offset[row]
        return self._draw(shape.shift(float(x) + self.centre, float(y) + self.centre)).ravel()

    def transform(self, total: Complex, psf_angle: int, pointing: Pointing | None = None) -> NDArray[np.float32]:
        """Multiply by the PSFs and go to pixels, (bands, size, size)."""
        psf = self.psf[psf_angle] if pointing is None else self._psf_of(pointing, psf_angle)
        spectrum = (total.reshape(-1, self.size, self.size // 2 + 1)) * psf
        spectrum = scipy.fft.ifftshift(spectrum, axes=1)
        return np.asarray(scipy.fft.irfft2(spectrum, s=(self.size, self.size)), np.float32)

    def _psf_of(self, pointing: Pointing, psf_angle: int) -> Complex:
        """PSFs of a pointing at one position angle, drawn once."""
        key = (pointing.number, psf_angle)
        if key not in self._of_pointings:
            bands = [
                band.model_copy(update={"seeing": band.fwhm * float(factor)})
                for band, factor in zip(self.bands, pointing.seeing, strict=True)
            ]
            self._of_pointings[key] = np.stack([self._psf(band, self.angles[psf_angle]) for band in bands])
        return self._of_pointings[key]

    def _psf(self, band: Band, angle: float) -> Complex:
        shear = galsim.Shear(e=band.psf_ellipticity, beta=angle * galsim.radians)
        moffat = galsim.Moffat(beta=band.moffat_beta, fwhm=band.fwhm, gsparams=_ACCURACY).shear(shear)
        return self._draw(galsim.Convolve(moffat, galsim.Pixel(self.scale, gsparams=_ACCURACY)))

    def _draw(self, shape: galsim.GSObject) -> Complex:
        return np.asarray(
            shape.drawKImage(image=self.image, scale=self.k_step, recenter=False).array.copy(), np.complex64
        )
