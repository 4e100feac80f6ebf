"""Absorption by the intergalactic medium."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LYMAN_LIMIT = 911.75
#: Lyman lines [Angstrom] and their coefficients in Madau 1995, eq. 12 and the table of Madau et al. 1996.
LYMAN_LINES = (
    (1215.67, 0.0036),
    (1025.72, 0.0017),
    (972.537, 0.0011846),
    (949.743, 0.0009410),
    (937.803, 0.0007960),
    (930.748, 0.0006967),
    (926.226, 0.0006236),
    (923.150, 0.0005665),
    (920.963, 0.0005200),
    (919.352, 0.0004817),
    (918.129, 0.0004487),
    (917.181, 0.0004200),
    (916.429, 0.0003947),
    (915.824, 0.000372),
    (915.329, 0.000352),
    (914.919, 0.0003334),
    (914.576, 0.00031644),
)


def igm_transmission(wavelength: FloatArray, redshift: float) -> FloatArray:
    """Mean transmission of the intergalactic medium, Madau 1995, ApJ 441, 18.

    Lyman lines: τ = Σ_j A_j (λ/λ_j)^3.46 for λ < λ_j (1+z). Lyman continuum: the approximation of the paper's
    footnote 3 to its eq. 16, for λ < 911.75 (1+z).

    Parameters
    ----------
    wavelength : (n,) observed [Angstrom].
    redshift : of the source.

    Returns
    -------
    (n,) in [0, 1].
    """
    transmission = np.ones(np.shape(wavelength))
    absorbed = np.asarray(wavelength) < LYMAN_LINES[0][0] * (1 + redshift)
    if absorbed.any():
        transmission[absorbed] = np.exp(-_optical_depth(np.asarray(wavelength, np.float64)[absorbed], redshift))
    return transmission


def _optical_depth(observed: FloatArray, redshift: float) -> FloatArray:
    tau = np.zeros_like(observed)
    for line, strength in LYMAN_LINES:
        tau += np.where(observed < line * (1 + redshift), strength * (observed / line) ** 3.46, 0.0)
    x_c = np.clip(observed / LYMAN_LIMIT, 1.0, None)
    x_e = 1.0 + redshift
    continuum = (
        0.25 * x_c**3 * (x_e**0.46 - x_c**0.46)
        + 9.4 * x_c**1.5 * (x_e**0.18 - x_c**0.18)
        - 0.7 * x_c**3 * (x_c**-1.32 - x_e**-1.32)
        - 0.023 * (x_e**1.68 - x_c**1.68)
    )
    return np.asarray(tau + np.where(observed < LYMAN_LIMIT * x_e, np.clip(continuum, 0.0, None), 0.0))
