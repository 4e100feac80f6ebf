"""What differs from place to place in a field, drawn once per sky: PSF, zero points, light of bright stars."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from photoz_lit.errors import InputError, nearest
from photoz_lit.fields import Field
from photoz_lit.simulation.disturbance_settings import Disturbances, StarHalos
from photoz_lit.simulation.population import field_key
from photoz_lit.simulation.scene import Sources
from photoz_lit.simulation.settings import SurveyWindow

FloatArray = NDArray[np.float64]

_STREAM = 9  # beside the streams of the galaxies
#: Residuals are drawn to so many scales from a star; further out they are below 1 % of the amplitude.
_REACH = 5.0
#: Colours beyond which a colour term grows no further [mag].
_REDDEST = 3.0


@dataclass(frozen=True)
class Places:
    """Conditions of some stamps.

    Attributes
    ----------
    flux : factor on all flux, of the zero point of the stamp's patch, (n, bands).
    seeing : factor on the FWHM of the PSF, (n, bands).
    pointing : number of the pointing, stamps of which share ``seeing``, (n,).
    residual : light around bright stars [sky sigma per pixel], (n, bands, size, size); None where there is none.
    """

    flux: FloatArray
    seeing: FloatArray
    pointing: NDArray[np.int64]
    residual: NDArray[np.float32] | None


class Sky:
    """The disturbances of one field on one sky; all of it follows from the seed, whichever stamps are looked at.

    Parameters
    ----------
    settings : of the field.
    field : its bands and pixel scale.
    window : the footprint on which galaxies lie.
    seed : of the simulation.

    Raises
    ------
    InputError : a colour term names a band that the field has not.
    """

    def __init__(self, settings: Disturbances, field: Field, window: SurveyWindow, seed: int) -> None:
        self.settings, self.field, self.window = settings, field, window
        for band, term in settings.colour_terms.items():
            for name in (band, *term.colour):
                if name not in field.bands:
                    raise InputError(
                        f"simulation.disturbances.{field.name}.colour_terms: field '{field.name}' has no band"
                        f" '{name}'{nearest(name, field.band_names)}"
                    )
        sequence = np.random.SeedSequence([seed, *field_key(field.name)], spawn_key=(_STREAM,))
        rngs = [np.random.default_rng(one) for one in sequence.spawn(3)]
        pointings, patches = (self._cells(side) ** 2 for side in (settings.pointing, settings.patch))
        n_bands = len(field.bands)
        self.seeing = np.exp(settings.seeing_scatter * rngs[0].standard_normal((pointings, n_bands)))
        self.zero_point = settings.zero_point_scatter * rngs[1].standard_normal((patches, n_bands))
        self.stars = None if settings.halos is None else BrightStars(settings.halos, window, n_bands, rngs[2])

    def places(self, ra: FloatArray, dec: FloatArray, stamp_size: int | None) -> Places:
        """Conditions of stamps at some positions [deg]; without a stamp size [pixel] no residual is drawn."""
        x, y = self._plane(ra, dec)
        pointing, patch = (self._cell(x, y, side) for side in (self.settings.pointing, self.settings.patch))
        residual = None
        if self.stars is not None and stamp_size is not None:
            residual = self.stars.residual(x, y, stamp_size, self.field.pixel_scale)
        return Places(10 ** (-0.4 * self.zero_point[patch]), self.seeing[pointing], pointing, residual)

    def disturbed(self, maggies: FloatArray, flux: FloatArray) -> FloatArray:
        """Fluxes of sources through this field's true filters and with the zero points of their patches.

        Parameters
        ----------
        maggies : of the parts of each source, (s, 2, bands) [AB maggies].
        flux : factor of each source's patch, (s, bands).
        """
        return np.asarray(maggies * (flux * self.colour_factors(maggies.sum(axis=1)))[:, None, :])

    def colour_factors(self, maggies: FloatArray) -> FloatArray:
        """Factors (s, bands) on the flux of sources of these fluxes (s, bands)."""
        names = list(self.field.bands)
        safe = np.clip(maggies, 1e-30, None)
        offset = np.zeros_like(safe)
        for band, term in self.settings.colour_terms.items():
            blue, red = (safe[:, names.index(name)] for name in term.colour)
            colour = np.clip(-2.5 * np.log10(blue / red) - term.pivot, -_REDDEST, _REDDEST)
            offset[:, names.index(band)] = term.slope * colour
        return np.asarray(10 ** (-0.4 * offset))

    def disturbed_sources(self, sources: Sources, places: Places) -> Sources:
        """Sources with :meth:`disturbed` fluxes."""
        return replace(sources, maggies=self.disturbed(sources.maggies, places.flux[sources.stamp]))

    def _cells(self, side: float) -> int:
        """Cells along one side of the footprint."""
        return max(1, int(np.ceil(self.window.width / side)))

    def _plane(self, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Offsets from the footprint's corner [deg]."""
        ra0, dec0 = self.window.centre
        half = 0.5 * self.window.width
        return (ra - ra0) * np.cos(np.radians(dec)) + half, dec - dec0 + half

    def _cell(self, x: FloatArray, y: FloatArray, side: float) -> NDArray[np.int64]:
        """Numbers of the square cells; beyond the footprint they repeat."""
        n = self._cells(side)
        column, row = (np.floor(values / side).astype(np.int64) % n for values in (x, y))
        return np.asarray(row * n + column)


class BrightStars:
    """Bright stars of a footprint and what the sky subtraction left around them.

    Parameters
    ----------
    halos : how many and how strong.
    window : the footprint.
    n_bands : each star is of another strength in each band.
    rng : source of randomness.
    """

    def __init__(self, halos: StarHalos, window: SurveyWindow, n_bands: int, rng: np.random.Generator) -> None:
        self.halos = halos
        n = int(rng.poisson(halos.density * window.width**2))
        self.position = window.width * rng.random((n, 2))
        brightness, colour = rng.standard_normal((n, 1)), rng.standard_normal((n, n_bands))
        self.strength = halos.amplitude * np.exp(0.5 * brightness + 0.2 * colour)
        self.tree = cKDTree(self.position) if n else None

    def residual(self, x: FloatArray, y: FloatArray, size: int, pixel_scale: float) -> NDArray[np.float32]:
        """Residual light of stamps (n, bands, size, size) [sky sigma per pixel] at offsets from the corner [deg]."""
        out = np.zeros((len(x), self.strength.shape[1], size, size), np.float32)
        if self.tree is None:
            return out
        reach = _REACH * self.halos.scale + size * pixel_scale
        offset = pixel_scale * (np.arange(size) - 0.5 * (size - 1))
        for stamp, stars in enumerate(self.tree.query_ball_point(np.stack([x, y], axis=1), reach / 3600.0)):
            for star in stars:
                east, north = 3600.0 * (self.position[star] - (x[stamp], y[stamp]))
                distance = np.hypot(offset[None, :] - east, offset[:, None] - north)
                profile = halo_profile(distance / self.halos.scale).astype(np.float32)
                out[stamp] += self.strength[star][:, None, None].astype(np.float32) * profile
        return out


def halo_profile(r: FloatArray) -> FloatArray:
    """Residual at ``r`` scales from a star, 1 in its middle: exp(-r), less a ring of half that depth at r = 3."""
    return np.asarray(np.exp(-r) - 0.5 * np.exp(-0.5 * ((r - 3.0) / 0.5) ** 2))
