"""The evolving luminosity function of quiescent and star-forming galaxies, and draws from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from photoz_lit.simulation.galaxies import KINDS, EvolvingSchechter
from photoz_lit.simulation.photometry import COSMOLOGY, distance_modulus

FloatArray = NDArray[np.float64]

MAGNITUDE_STEP = 0.1


@dataclass(frozen=True)
class LuminosityTable:
    """Expected galaxies per square degree in cells of kind, redshift and absolute magnitude.

    Attributes
    ----------
    log_z_edges : (n_z + 1,) edges in ln(1+z).
    magnitude_edges : (n_m + 1,) edges of M_B [mag].
    counts : (kinds, n_z, n_m) galaxies per square degree that may fall into the window.
    """

    log_z_edges: FloatArray
    magnitude_edges: FloatArray
    counts: FloatArray

    @property
    def total(self) -> float:
        """Galaxies per square degree over all cells."""
        return float(self.counts.sum())

    @property
    def log_z(self) -> FloatArray:
        """Centres of the redshift cells (n_z,) in ln(1+z)."""
        return 0.5 * (self.log_z_edges[1:] + self.log_z_edges[:-1])

    def weighted(self, weight: FloatArray) -> LuminosityTable:
        """Return the table with the counts of every redshift cell multiplied by ``weight`` (n_z,)."""
        return replace(self, counts=self.counts * weight[None, :, None])

    def draw(self, n: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], FloatArray, FloatArray]:
        """Draw ``n`` galaxies.

        Returns
        -------
        star_forming : (n,) kind.
        z : (n,) redshift.
        magnitude : (n,) M_B [AB mag].
        """
        cumulative = np.cumsum(self.counts.ravel())
        uniform = rng.random((n, 3))
        cell = np.searchsorted(cumulative, uniform[:, 0] * cumulative[-1], side="right")
        cell = np.minimum(cell, cumulative.size - 1)
        kind, i_z, i_m = np.unravel_index(cell, self.counts.shape)
        log_z = self.log_z_edges[i_z] + uniform[:, 1] * np.diff(self.log_z_edges)[i_z]
        magnitude = self.magnitude_edges[i_m] + uniform[:, 2] * np.diff(self.magnitude_edges)[i_m]
        return kind == KINDS.index("star_forming"), np.expm1(log_z), magnitude


def luminosity_table(
    functions: Mapping[str, EvolvingSchechter],
    bright: float,
    faint: float,
    z_max: float,
    colour: FloatArray,
    colour_z: FloatArray,
    margin: float,
) -> LuminosityTable:
    """Tabulate the luminosity function inside an apparent-magnitude window.

    Parameters
    ----------
    functions : kind -> luminosity function.
    bright, faint : window in the reference band [AB mag].
    z_max : redshift limit.
    colour : (kinds, n) typical apparent reference magnitude minus distance modulus minus M_B.
    colour_z : (n,) its redshifts.
    margin : widening of the window on both sides that leaves room for the scatter of colours [mag].
    """
    log_z_edges = np.linspace(np.log1p(0.003), np.log1p(z_max), 401)
    magnitude_edges = np.arange(-26.0, -9.0 + MAGNITUDE_STEP, MAGNITUDE_STEP)
    z = np.expm1(0.5 * (log_z_edges[1:] + log_z_edges[:-1]))
    magnitude = 0.5 * (magnitude_edges[1:] + magnitude_edges[:-1])
    volume = COSMOLOGY.comoving_volume(np.expm1(log_z_edges)).value
    shell = np.diff(volume) * (np.pi / 180.0) ** 2 / (4 * np.pi)
    counts = np.empty((len(KINDS), z.size, magnitude.size))
    for k, kind in enumerate(KINDS):
        density = functions[kind].density(magnitude[None, :], z[:, None])
        apparent = magnitude[None, :] + (distance_modulus(z) + np.interp(z, colour_z, colour[k]))[:, None]
        inside = (apparent > bright - margin) & (apparent < faint + margin)
        counts[k] = np.where(inside, density * shell[:, None] * MAGNITUDE_STEP, 0.0)
    return LuminosityTable(log_z_edges, magnitude_edges, counts)
