"""The evolving luminosity function of quiescent and star-forming galaxies, and draws from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from photoz_lit.simulation.photometry import COSMOLOGY, distance_modulus
from photoz_lit.simulation.sed_mix import KINDS

FloatArray = NDArray[np.float64]

MAGNITUDE_STEP = 0.1


@dataclass(frozen=True)
class EvolvingSchechter:
    """Schechter function in rest-frame B (AB), with luminosity and density evolution.

    M*(z) = m_star - q min(z, q_until); φ*(z) = phi_star 10^(-0.4 p z), falling by exp(-(z - 2)/decay) beyond z = 2.

    Attributes
    ----------
    m_star : characteristic magnitude at z = 0 [AB mag, H0 = 70].
    alpha : faint-end slope.
    phi_star : [Mpc-3].
    q, p : evolution of luminosity and density [mag per unit z].
    q_until : redshift at which brightening stops.
    decay : scale of the decline beyond z = 2.
    """

    m_star: float
    alpha: float
    phi_star: float
    q: float
    p: float
    q_until: float
    decay: float

    def density(self, magnitude: FloatArray, z: FloatArray) -> FloatArray:
        """Galaxies per Mpc³ and mag at absolute ``magnitude`` and redshift ``z`` (broadcast)."""
        x = 10 ** (-0.4 * (magnitude - self.m_star + self.q * np.minimum(z, self.q_until)))
        phi = self.phi_star * 10 ** (-0.4 * self.p * z) * np.exp(-np.clip(z - 2.0, 0.0, None) / self.decay)
        return np.asarray(0.4 * np.log(10) * phi * x ** (self.alpha + 1) * np.exp(-x))


#: Shapes after Faber et al. 2007 (ApJ 665, 265, DEEP2 + COMBO-17, red and blue, z < 1.2) and Zucca et al. 2009
#: (A&A 508, 1217, zCOSMOS); the faint high-redshift decline follows Finkelstein 2016 (PASA 33, e037).
LUMINOSITY_FUNCTIONS: dict[str, EvolvingSchechter] = {
    "quiescent": EvolvingSchechter(-20.3, -0.5, 2.9e-3, 1.0, 0.9, 1.5, 0.5),
    "star_forming": EvolvingSchechter(-20.25, -1.3, 3.5e-3, 0.95, 0.5, 1.7, 2.5),
}


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
    bright: float, faint: float, z_max: float, colour: FloatArray, colour_z: FloatArray, margin: float
) -> LuminosityTable:
    """Tabulate the luminosity function inside an apparent-magnitude window.

    Parameters
    ----------
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
        density = LUMINOSITY_FUNCTIONS[kind].density(magnitude[None, :], z[:, None])
        apparent = magnitude[None, :] + (distance_modulus(z) + np.interp(z, colour_z, colour[k]))[:, None]
        inside = (apparent > bright - margin) & (apparent < faint + margin)
        counts[k] = np.where(inside, density * shell[:, None] * MAGNITUDE_STEP, 0.0)
    return LuminosityTable(log_z_edges, magnitude_edges, counts)
