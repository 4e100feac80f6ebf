"""Dust: attenuation inside the galaxy and reddening by the Milky Way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

FloatArray = NDArray[np.float64]

CALZETTI_R_V = 4.05
#: Strength E_b of the 2175 Angstrom bump (Noll et al. 2009, A&A 507, 1793, find 0 to 2.5; the Milky Way has 3.5).
BUMP_STRENGTH = 2.0
BUMP_CENTRE, BUMP_WIDTH = 2175.0, 350.0
GALACTIC_R_V = 3.1


def starburst_attenuation(wavelength: FloatArray) -> FloatArray:
    """Attenuation curve of star-forming galaxies, A(λ)/A_V = (k(λ) + D(λ))/4.05.

    k: Calzetti et al. 2000, ApJ 533, 682, eqs. 4. D: the 2175 Angstrom bump, a Drude profile of width 350 Angstrom
    as in Noll et al. 2009; Ilbert et al. 2009 need it for zCOSMOS galaxies too. Below 0.12 µm and above 2.2 µm the
    curve is continued along its slope at the border, as Hyperz does (Bolzonella et al. 2000), and never falls below 0.

    Parameters
    ----------
    wavelength : (n,) rest frame [Angstrom].

    Returns
    -------
    (n,) A(λ)/A_V.
    """
    micron = np.asarray(wavelength, np.float64) * 1e-4

    def blue(x: FloatArray) -> FloatArray:
        return np.asarray(2.659 * (-2.156 + 1.509 / x - 0.198 / x**2 + 0.011 / x**3) + CALZETTI_R_V)

    def red(x: FloatArray) -> FloatArray:
        return np.asarray(2.659 * (-1.857 + 1.040 / x) + CALZETTI_R_V)

    inside = np.clip(micron, 0.12, 2.2)
    k = np.where(inside < 0.63, blue(inside), red(inside))
    slope_blue = (blue(np.array(0.13)) - blue(np.array(0.12))) / 0.01
    slope_red = (red(np.array(2.2)) - red(np.array(2.1))) / 0.1
    k = k + np.where(micron < 0.12, slope_blue * (micron - 0.12), 0.0)
    k = k + np.where(micron > 2.2, slope_red * (micron - 2.2), 0.0)
    angstrom = micron * 1e4
    width = BUMP_WIDTH * angstrom
    bump = BUMP_STRENGTH * width**2 / ((angstrom**2 - BUMP_CENTRE**2) ** 2 + width**2)
    return np.asarray(np.clip(k + bump, 0.0, None) / CALZETTI_R_V)


def galactic_reddening(wavelength: FloatArray) -> FloatArray:
    """Milky Way extinction A(λ)/E(B-V) for R_V = 3.1.

    Fitzpatrick 1999, PASP 111, 63: a cubic spline through the anchors of its table 3 in the optical and infrared, and
    the Fitzpatrick & Massa 1990 form in the ultraviolet (λ < 2700 Angstrom).

    Parameters
    ----------
    wavelength : (n,) observed [Angstrom].

    Returns
    -------
    (n,) A(λ)/E(B-V) [mag/mag]; shortward of 910 Angstrom the value there.
    """
    x = 1e4 / np.clip(np.asarray(wavelength, np.float64), 910.0, None)
    anchor_wavelength = np.array([26500.0, 12200.0, 6000.0, 5470.0, 4670.0, 4110.0])
    anchor_value = np.array([0.265, 0.829, 2.688, 3.055, 3.806, 4.315])
    uv_knots = 1e4 / np.array([2700.0, 2600.0])
    knots_x = np.concatenate([[0.0], 1e4 / anchor_wavelength, uv_knots])
    knots_y = np.concatenate([[0.0], anchor_value, _fitzpatrick_massa(uv_knots)])
    spline = CubicSpline(knots_x, knots_y, bc_type="natural")
    return np.asarray(np.where(x >= uv_knots[0], _fitzpatrick_massa(x), spline(x)))


def _fitzpatrick_massa(x: FloatArray) -> FloatArray:
    """Ultraviolet part, A(λ)/E(B-V), with x = 1/λ in 1/µm; coefficients of Fitzpatrick 1999 for R_V = 3.1."""
    x0, gamma, c3, c4 = 4.596, 0.99, 3.23, 0.41
    c2 = -0.824 + 4.717 / GALACTIC_R_V
    c1 = 2.030 - 3.007 * c2
    drude = x**2 / ((x**2 - x0**2) ** 2 + x**2 * gamma**2)
    far = np.clip(x - 5.9, 0.0, None)
    return np.asarray(c1 + c2 * x + c3 * drude + c4 * (0.5392 * far**2 + 0.05644 * far**3) + GALACTIC_R_V)
