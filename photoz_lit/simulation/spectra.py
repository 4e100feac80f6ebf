"""The spectral basis: real galaxy templates and nebular lines on one logarithmic wavelength grid."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from photoz_lit.extras import require_extra
from photoz_lit.simulation.dust import starburst_attenuation

FloatArray = NDArray[np.float64]

#: Step of the grid in ln λ, 150 km/s; a step of the redshift grid is a whole number of them.
LOG_STEP = 5.0e-4
WAVELENGTH_MIN, WAVELENGTH_MAX = 300.0, 27000.0

CONTINUA = ("cww_e", "cww_sbc", "cww_scd", "cww_im", "nmf_0", "nmf_1", "nmf_2", "nmf_3", "nmf_4")
LINE_GROUPS = ("oii", "oiii_hb", "ha", "lya")
COMPONENTS = CONTINUA + LINE_GROUPS

#: [OII] flux per UV flux: Ilbert et al. 2009, ApJ 690, 1236, eq. 2 (Kennicutt 1998 for both star-formation rates):
#: log10(F[OII] / 1e-17 erg s-1 cm-2) = -0.4 M_UV + 10.65 - 0.4 DM, with M_UV (AB, 2300 Angstrom) free of dust.
OII_PER_UV = 10.0**10.65 * 1.0e-17
#: Lines of a group: wavelength in air [Angstrom] -> flux relative to [OII]; Ilbert et al. 2009 sect. 3.3 (Hβ 0.61,
#: [OIII]5007 0.36 with 4959 a third of it, Hα 1.77, Lyα 2), [NII] and [SII] as in blue
#: galaxies (Moustakas et al. 2006).
LINES: dict[str, dict[float, float]] = {
    "oii": {3727.4: 1.0},
    "oiii_hb": {4861.3: 0.61, 4958.9: 0.12, 5006.8: 0.36},
    "ha": {6548.0: 0.1, 6562.8: 1.77, 6583.5: 0.3, 6716.4: 0.2, 6730.8: 0.15},
    "lya": {1215.7: 0.2},
}
LINE_SIGMA = 150.0 / 299792.458


def wavelength_grid() -> FloatArray:
    """Rest-frame wavelengths [Angstrom], uniform in ln λ with :data:`LOG_STEP`."""
    n = int(np.floor(np.log(WAVELENGTH_MAX / WAVELENGTH_MIN) / LOG_STEP)) + 1
    return np.asarray(WAVELENGTH_MIN * np.exp(LOG_STEP * np.arange(n)))


@dataclass(frozen=True)
class SpectralBasis:
    """Spectra that add up to a galaxy.

    Attributes
    ----------
    wavelength : (n,) rest frame [Angstrom].
    flux : (len(COMPONENTS), n) f_λ [erg s-1 cm-2 Angstrom-1] at 10 pc. A continuum is scaled to AB magnitude 0 at
        5500 Angstrom (mean f_ν over 5250 to 5750); a line group to the flux that belongs to unit UV maggies.
    attenuation : (n,) A(λ)/A_V inside the galaxy.
    """

    wavelength: FloatArray
    flux: FloatArray
    attenuation: FloatArray


@cache
def spectral_basis() -> SpectralBasis:
    """Build the basis: Coleman, Wu & Weedman 1980 (E, Sbc, Scd, Im) and Blanton & Roweis 2007 (five NMF templates).

    The CWW spectra come with GalSim, extended to 91 Angstrom and 2.2 µm; the NMF set comes with skypy, in its version
    without dust and without lines, so that dust and lines are free.
    """
    require_extra("sim", "the library of spectra", ("galsim", "skypy"))
    grid = wavelength_grid()
    continua = [_on_grid(grid, *_cww(name)) for name in ("E", "Sbc", "Scd", "Im")]
    continua += [_on_grid(grid, *spectrum) for spectrum in _nmf()]
    return SpectralBasis(
        grid, np.vstack([continua, *[_line_group(grid, g) for g in LINE_GROUPS]]), starburst_attenuation(grid)
    )


def _cww(name: str) -> tuple[FloatArray, FloatArray]:
    import galsim

    table = np.loadtxt(f"{galsim.meta_data.share_dir}/SEDs/CWW_{name}_ext.sed")
    return table[:, 0], table[:, 1]


def _nmf() -> list[tuple[FloatArray, FloatArray]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skypy's import asks for a part of astropy that is on its way out
        path = files("skypy") / "data" / "kcorrect" / "k_nmf_derived.default.fits"
    with path.open("rb") as stream, fits.open(stream) as content:
        wavelength = np.asarray(content[11].data, np.float64)
        spectra = np.asarray(content[4].data, np.float64)
    return [(wavelength, spectrum) for spectrum in spectra]


def _on_grid(grid: FloatArray, wavelength: FloatArray, flux: FloatArray) -> FloatArray:
    """Resample, continue redward of the last point as f_λ ∝ λ^slope, and scale to AB 0 at 5500 Angstrom."""
    out = np.interp(grid, wavelength, flux, left=0.0)
    last = wavelength[-1]
    if last < grid[-1]:
        inner = np.interp(0.85 * last, wavelength, flux)
        slope = np.log(flux[-1] / inner) / np.log(1 / 0.85)
        out = np.where(grid > last, flux[-1] * (grid / last) ** slope, out)
    window = (grid > 5250.0) & (grid < 5750.0)
    return np.asarray(out / np.mean(out[window] / ab_flux(grid[window])))


def ab_flux(wavelength: FloatArray) -> FloatArray:
    """f_λ of AB magnitude 0 (3631 Jy) [erg s-1 cm-2 Angstrom-1] at wavelengths in Angstrom."""
    return np.asarray(3631.0e-23 * 2.99792458e18 / np.asarray(wavelength) ** 2)


def _line_group(grid: FloatArray, group: str) -> FloatArray:
    flux = np.zeros_like(grid)
    for centre, ratio in LINES[group].items():
        profile = np.exp(-0.5 * (np.log(grid / centre) / LINE_SIGMA) ** 2)
        flux += OII_PER_UV * ratio * profile / np.trapezoid(profile, grid)
    return flux
