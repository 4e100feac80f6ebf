"""Fit the spectral basis to real galaxies of known redshift, for ``sed_mix.TRACK`` and the zero points."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from photoz_lit.simulation.photometry import PhotometryGrid
from photoz_lit.simulation.spectra import COMPONENTS, CONTINUA

FloatArray = NDArray[np.float64]

A_V_TRIALS = (0.0, 0.15, 0.3, 0.5, 0.75, 1.0, 1.35, 1.75)
#: Width of the prior on A_V [mag], which breaks the tie between dust and age.
A_V_PRIOR = 0.6
#: Photometric error with the imperfection of templates [relative flux].
FLUX_ERROR = 0.03
COLOUR_EDGES = (-9.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4, 2.8, 3.2, 3.6, 4.0, 4.4, 4.8, 9.0)


@dataclass(frozen=True)
class SpectralFit:
    """Best non-negative mixture of every galaxy.

    Attributes
    ----------
    shares : (n, continua) shares of the light at 5500 Angstrom; each row sums to 1.
    a_v : (n,) attenuation [mag].
    residual : (n, bands) measured minus fitted magnitude.
    """

    shares: FloatArray
    a_v: FloatArray
    residual: FloatArray

    def colour(self, uv: FloatArray) -> FloatArray:
        """Intrinsic UV - V colour (n,) [mag] for the UV light ``PhotometryGrid.uv`` of the continua."""
        return np.asarray(-2.5 * np.log10(np.clip(self.shares @ uv, 1e-6, None)))


def fit_spectra(magnitude: FloatArray, z: FloatArray, ebv: float, grid: PhotometryGrid) -> SpectralFit:
    """Fit continua with their lines, behind one A_V, by non-negative least squares.

    Parameters
    ----------
    magnitude : (n, bands) [AB mag], zero points corrected.
    z : (n,) redshift.
    ebv : Galactic E(B-V) [mag].
    grid : photometry of the same bands.
    """
    n, k = len(magnitude), len(CONTINUA)
    weights = np.zeros((k, len(COMPONENTS)))
    weights[:, :k] = np.eye(k)
    weights[:, k:] = grid.uv[:, None]
    best = np.full(n, np.inf)
    shares, chosen, residual = np.zeros((n, k)), np.zeros(n), np.zeros_like(magnitude)
    flux = 10 ** (-0.4 * magnitude)
    target = np.full(magnitude.shape[1], 1 / FLUX_ERROR)
    for a_v in A_V_TRIALS:
        parts = np.repeat(weights[None], n, axis=0)
        model = grid.maggies(parts, z, np.full(n, a_v), np.full(n, ebv)) / flux[:, None, :]
        for row in range(n):
            scale = model[row].max(axis=1)
            solution, norm = nnls((model[row] / scale[:, None]).T / FLUX_ERROR, target)
            cost = norm**2 + (a_v / A_V_PRIOR) ** 2
            if cost < best[row]:
                best[row], chosen[row] = cost, a_v
                mixture = solution / scale
                shares[row] = mixture / mixture.sum()
                residual[row] = 2.5 * np.log10(np.clip(mixture @ model[row], 1e-3, None))
    return SpectralFit(shares, chosen, residual)


def fit_zero_points(
    magnitude: FloatArray, z: FloatArray, ebv: float, grid: PhotometryGrid, rounds: int = 6
) -> FloatArray:
    """Offsets (bands,) [mag], catalogue minus templates, by repeated fits and median residuals (Ilbert et al. 2006)."""
    offset = np.zeros(magnitude.shape[1])
    for _ in range(rounds):
        offset += np.median(fit_spectra(magnitude - offset, z, ebv, grid).residual, axis=0)
    return offset


def track_of(fit: SpectralFit, uv: FloatArray) -> list[tuple[float, float, tuple[float, ...]]]:
    """Rows of ``sed_mix.TRACK``: median colour, mean A_V and mean shares in bins of the intrinsic UV - V colour."""
    colour = fit.colour(uv)
    rows = []
    for low, high in pairwise(COLOUR_EDGES):
        inside = (colour >= low) & (colour < high)
        if inside.sum() >= 5:
            mean = fit.shares[inside].mean(axis=0)
            rows.append(
                (
                    round(float(np.median(colour[inside])), 2),
                    round(float(fit.a_v[inside].mean()), 2),
                    tuple(round(float(share), 2) for share in mean / mean.sum()),
                )
            )
    return rows
