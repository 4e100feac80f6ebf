"""Synthetic AB photometry on a grid of redshift and dust, and its fast interpolation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from astropy.cosmology import FlatLambdaCDM
from numpy.typing import NDArray

from photoz_lit.simulation.dust import galactic_reddening
from photoz_lit.simulation.filters import mixed_response
from photoz_lit.simulation.igm import igm_transmission
from photoz_lit.simulation.spectra import COMPONENTS, CONTINUA, LOG_STEP, ab_flux, spectral_basis

FloatArray = NDArray[np.float64]

COSMOLOGY = FlatLambdaCDM(H0=70.0, Om0=0.3)
#: Grid steps of LOG_STEP per step in ln(1+z); 4 make Δz = 0.002 (1+z).
STEPS_PER_REDSHIFT = 4
REDSHIFT_MAX = 7.0
DUST_STEP = 0.5
DUST_MAX = 4.0
#: Gas sees more dust than stars; Calzetti et al. 2000 give 1/0.44, high-redshift work values towards 1.
NEBULAR_DUST_RATIO = 1.3
#: Rest-frame bands that the population uses: absolute magnitudes (B), stellar mass (g, i), and the UV of the lines.
REST_FILTERS: dict[str, dict[str, float]] = {
    "B": {"speclite:bessell-B": 1.0},
    "g": {"speclite:sdss2010-g": 1.0},
    "i": {"speclite:sdss2010-i": 1.0},
}
UV_WINDOW = (2200.0, 2400.0)
_TINY = 1.0e-40


@dataclass(frozen=True)
class PhotometryGrid:
    """AB fluxes of every basis component in every band.

    Attributes
    ----------
    bands : names of the bands.
    log_flux : (n_dust, n_redshift, components, bands) ln of maggies at 10 pc, without the dilution by distance.
    reddening : (n_redshift, components, bands) effective A_band/E(B-V) of the Milky Way [mag/mag].
    rest : rest-frame band -> (n_dust, components) ln of maggies at 10 pc.
    uv : (continua,) unattenuated UV maggies at 10 pc per unit weight.
    """

    bands: tuple[str, ...]
    log_flux: FloatArray
    reddening: FloatArray
    rest: dict[str, FloatArray]
    uv: FloatArray

    def maggies(self, weights: FloatArray, z: FloatArray, a_v: FloatArray, ebv: FloatArray) -> FloatArray:
        """Observed fluxes of galaxies.

        Parameters
        ----------
        weights : (n, components) or (n, parts, components); unit weight is AB 0 at 10 pc, see ``SpectralBasis``.
        z : (n,) redshift in (0, 7).
        a_v : (n,) attenuation in the galaxy, V band [mag], in [0, 4].
        ebv : (n,) Milky Way E(B-V) [mag].

        Returns
        -------
        (n, bands) or (n, parts, bands), AB maggies at the observer.
        """
        position = np.log1p(z) / (STEPS_PER_REDSHIFT * LOG_STEP)
        low, share = _locate(position, self.log_flux.shape[1])
        log_flux = self._dusty(self.log_flux, a_v, low) * (1 - share)[:, None, None]
        log_flux += self._dusty(self.log_flux, a_v, low + 1) * share[:, None, None]
        log_flux -= 0.4 * np.log(10) * ebv[:, None, None] * self.reddening[low]
        flux = np.einsum("n...c,ncb->n...b", weights, np.exp(log_flux), optimize=True)
        dilution = 10.0 ** (-0.4 * distance_modulus(z))
        return np.asarray(flux * dilution.reshape(-1, *[1] * (flux.ndim - 1)))

    def rest_maggies(self, band: str, weights: FloatArray, a_v: FloatArray) -> FloatArray:
        """Rest-frame fluxes at 10 pc, (n,), of ``weights`` (n, components) behind ``a_v`` (n,) [mag]."""
        low, share = _locate(a_v / DUST_STEP, self.log_flux.shape[0])
        table = self.rest[band]
        log_flux = table[low] * (1 - share)[:, None] + table[low + 1] * share[:, None]
        return np.asarray((weights * np.exp(log_flux)).sum(axis=1))

    def _dusty(self, table: FloatArray, a_v: FloatArray, redshift_index: NDArray[np.int64]) -> FloatArray:
        low, share = _locate(a_v / DUST_STEP, table.shape[0])
        part = table[low, redshift_index] * (1 - share)[:, None, None]
        return np.asarray(part + table[low + 1, redshift_index] * share[:, None, None])


def _locate(position: FloatArray, n: int) -> tuple[NDArray[np.int64], FloatArray]:
    low = np.clip(np.floor(position).astype(np.int64), 0, n - 2)
    return low, np.asarray(position - low)


def distance_modulus(z: FloatArray) -> FloatArray:
    """Distance modulus [mag] for z > 0; flat ΛCDM, H0 = 70, Ωm = 0.3, by interpolation good to 1e-4 mag."""
    log_grid = np.linspace(np.log(1e-4), np.log(REDSHIFT_MAX + 0.5), 600)
    return np.asarray(np.interp(np.log(np.clip(z, 1e-4, None)), log_grid, _distance_modulus_table(log_grid)))


def _distance_modulus_table(log_grid: FloatArray) -> FloatArray:
    return np.asarray(COSMOLOGY.distmod(np.exp(log_grid)).value)


def photometry_grid(filters: Mapping[str, Mapping[str, float]], z_max: float = REDSHIFT_MAX) -> PhotometryGrid:
    """Integrate every component through every band over the grid of redshift and dust.

    Rest-frame and observed grids share one step in ln λ, so a redshift is a shift by whole pixels and a band's flux is
    one dot product: maggies = ∫ λ² f_λ R dlnλ / ∫ λ² g_λ R dlnλ with g_λ of AB 0.

    Parameters
    ----------
    filters : band -> mixture of filter names, as in ``Band.filter``.
    z_max : redshift up to which the grid reaches.

    Raises
    ------
    InputError : a filter is unknown.
    """
    return _integrated(tuple((band, tuple(mixture.items())) for band, mixture in filters.items()), z_max)


@lru_cache(maxsize=4)
def _integrated(bands: tuple[tuple[str, tuple[tuple[str, float], ...]], ...], z_max: float) -> PhotometryGrid:
    """The grid of :func:`photometry_grid`; seconds of work, so the last four are kept."""
    filters = {band: dict(mixture) for band, mixture in bands}
    basis = spectral_basis()
    n_z = int(np.ceil(np.log1p(z_max) / (STEPS_PER_REDSHIFT * LOG_STEP))) + 2
    n_rest = basis.wavelength.size
    observed = basis.wavelength[0] * np.exp(LOG_STEP * np.arange(n_rest + STEPS_PER_REDSHIFT * n_z))
    a_v = np.arange(0.0, DUST_MAX + 2 * DUST_STEP, DUST_STEP)
    spectra = _attenuated(basis.flux, basis.attenuation, a_v).reshape(-1, n_rest)
    curve = galactic_reddening(observed)
    log_flux = np.empty((len(a_v), n_z, len(COMPONENTS), len(filters)))
    reddening = np.empty((n_z, len(COMPONENTS), len(filters)))
    for b, mixture in enumerate(filters.values()):
        kernel = _ab_kernel(mixed_response(mixture, observed), observed)
        support = np.flatnonzero(kernel)
        for i in range(n_z):
            z = np.expm1(i * STEPS_PER_REDSHIFT * LOG_STEP)
            shift = i * STEPS_PER_REDSHIFT
            rows = slice(max(int(support[0]), shift), min(int(support[-1]) + 1, n_rest + shift))
            weight = kernel[rows] * igm_transmission(observed[rows], z) / (1 + z)
            dimmed = weight * 10 ** (-0.04 * curve[rows])
            part = spectra[:, rows.start - shift : rows.stop - shift]
            flux = (part @ weight).reshape(len(a_v), -1)
            log_flux[:, i, :, b] = np.log(flux + _TINY)
            red = (part[: len(COMPONENTS)] @ dimmed + _TINY) / (flux[0] + _TINY)
            reddening[i, :, b] = -25.0 * np.log10(red)
    rest = {name: _rest_table(mixture, spectra, observed, len(a_v)) for name, mixture in REST_FILTERS.items()}
    window = (basis.wavelength > UV_WINDOW[0]) & (basis.wavelength < UV_WINDOW[1])
    uv = (basis.flux[: len(CONTINUA), window] / ab_flux(basis.wavelength[window])).mean(axis=1)
    return PhotometryGrid(tuple(filters), log_flux, reddening, rest, np.asarray(uv))


def _attenuated(flux: FloatArray, attenuation: FloatArray, a_v: FloatArray) -> FloatArray:
    """(n_dust, components, n) spectra behind the galaxy's own dust; lines see more of it than stars."""
    ratio = np.where(np.arange(len(COMPONENTS)) < len(CONTINUA), 1.0, NEBULAR_DUST_RATIO)
    depth = a_v[:, None, None] * ratio[None, :, None] * attenuation[None, None, :]
    return np.asarray(flux[None] * 10 ** (-0.4 * depth))


def _ab_kernel(response: FloatArray, wavelength: FloatArray) -> FloatArray:
    reference = (wavelength**2 * ab_flux(wavelength) * response).sum()
    return np.asarray(wavelength**2 * response / reference)


def _rest_table(mixture: Mapping[str, float], spectra: FloatArray, observed: FloatArray, n_dust: int) -> FloatArray:
    wavelength = observed[: spectra.shape[1]]
    kernel = _ab_kernel(mixed_response(mixture, wavelength), wavelength)
    return np.asarray(np.log((spectra @ kernel).reshape(n_dust, -1) + _TINY))
