"""Sizes, shapes and bulge-to-disk ratios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.simulation.photometry import COSMOLOGY

FloatArray = NDArray[np.float64]

#: Intrinsic thickness of a disk (Unterborn & Ryden 2008 and references there).
DISK_THICKNESS = 0.2


@dataclass(frozen=True)
class Morphology:
    """Shape of a bulge (de Vaucouleurs) and disk (exponential) pair; column 0 is the bulge, 1 the disk.

    Attributes
    ----------
    radius : (n, 2) half-light radius along the major axis [arcsec].
    axis_ratio : (n, 2) minor over major axis.
    angle : (n,) position angle, common to both [rad].
    bulge_to_total : (n,) share of the bulge in the reference light.
    gradient : (n,) how much redder the bulge is, see :func:`bulge_shares`.
    """

    radius: FloatArray
    axis_ratio: FloatArray
    angle: FloatArray
    bulge_to_total: FloatArray
    gradient: FloatArray

    def rows(self, keep: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Morphology:
        """Return the galaxies ``keep``."""
        return Morphology(
            self.radius[keep],
            self.axis_ratio[keep],
            self.angle[keep],
            self.bulge_to_total[keep],
            self.gradient[keep],
        )


def bulge_shares(morphology: Morphology, redness: FloatArray) -> FloatArray:
    """Share of the bulge in each part of the light.

    A logistic model: logit(share) = logit(B/T) + gradient · redness, so the share stays in (0, 1), bulge and disk add
    up to the galaxy, and the bulge is the redder, older part (e.g. Kennedy et al. 2016, MNRAS 460, 3458).

    Parameters
    ----------
    morphology : of n galaxies.
    redness : (m,) of a spectral component (age) or a band (ln of its wavelength), 0 where the share equals B/T.

    Returns
    -------
    (n, m) shares.
    """
    ratio = np.clip(morphology.bulge_to_total, 1e-3, 1 - 1e-3)
    logit = np.log(ratio / (1 - ratio))
    return np.asarray(1 / (1 + np.exp(-logit[:, None] - morphology.gradient[:, None] * redness[None, :])))


def morphology_from_physics(
    early: FloatArray, stellar_mass: FloatArray, z: FloatArray, rng: np.random.Generator
) -> Morphology:
    """Draw shapes from stellar mass, kind and redshift.

    Sizes: van der Wel et al. 2014, ApJ 788, 28, table 1 and fig. 6: r_e = A (M / 5e10)^a kpc with A evolving as
    8.9 (1+z)^-0.75 (late, a = 0.22, scatter 0.18 dex) and 5.6 (1+z)^-1.48 (early, a = 0.75 above 2e10, flat below,
    scatter 0.12 dex).

    Parameters
    ----------
    early : (n,) 1 for quiescent galaxies, 0 for star-forming ones.
    stellar_mass : (n,) [solar masses].
    z : (n,) redshift.
    rng : source of randomness.
    """
    mass = stellar_mass / 5e10
    late_size = 8.9 * (1 + z) ** -0.75 * mass**0.22
    early_size = 5.6 * (1 + z) ** -1.48 * np.maximum(mass, 0.4) ** 0.75 * np.minimum(mass / 0.4, 1.0) ** 0.1
    scatter = np.where(early > 0.5, 0.12, 0.18) * rng.standard_normal(z.size)
    kpc = np.where(early > 0.5, early_size, late_size) * 10**scatter
    arcsec = kpc / (COSMOLOGY.angular_diameter_distance(np.clip(z, 1e-3, None)).value * 1e3) * 206264.8
    bulge = 0.15 + 0.1 * np.clip(np.log10(mass), -1.5, 1.0)
    return _shape(arcsec, np.where(early > 0.5, 0.65, bulge), rng)


def morphology_from_photometry(magnitude: FloatArray, colour: FloatArray, rng: np.random.Generator) -> Morphology:
    """Draw shapes from apparent magnitude and colour alone, for catalogues without shapes. Redshift plays no part.

    Half-light radii of HST/ACS galaxies in COSMOS: the median falls from 0.8 arcsec at i = 20 to 0.35 arcsec at
    i = 24 (Leauthaud et al. 2007, ApJS 172, 219), brighter galaxies follow the SDSS main sample (Shen et al. 2003), red
    galaxies are 0.1 dex smaller and have more bulge.

    Parameters
    ----------
    magnitude : (n,) reference band [AB mag].
    colour : (n,) g - i or the like [mag].
    rng : source of randomness.
    """
    log_radius = np.interp(magnitude, [15.0, 17.5, 20.0, 24.0, 27.0], [0.75, 0.42, -0.1, -0.46, -0.75])
    red = 1 / (1 + np.exp(-(colour - np.interp(magnitude, [17.0, 22.0], [0.95, 1.9])) / 0.15))
    arcsec = 10 ** (log_radius - 0.1 * red + 0.2 * rng.standard_normal(magnitude.size))
    return _shape(np.asarray(arcsec), 0.15 + 0.45 * red, rng)


def _shape(radius: FloatArray, mean_bulge: FloatArray, rng: np.random.Generator) -> Morphology:
    """Draw bulge-to-total ratio, axis ratios, angle and gradient about a half-light ``radius`` [arcsec]."""
    n = radius.size
    concentration = 4.0
    mean = np.clip(mean_bulge, 0.03, 0.97)
    bulge_to_total = rng.beta(concentration * mean, concentration * (1 - mean))
    ratio = (0.35 + 0.65 * bulge_to_total) * 10 ** (0.1 * rng.standard_normal(n))
    disk_radius = radius * (1 + 0.3 * bulge_to_total)
    cosine = rng.random(n)
    disk_ratio = np.sqrt(cosine**2 * (1 - DISK_THICKNESS**2) + DISK_THICKNESS**2)
    bulge_ratio = np.clip(0.6 + 0.4 * rng.random(n), disk_ratio, 1.0)
    return Morphology(
        radius=np.clip(np.stack([radius * ratio, disk_radius], axis=1), 0.02, 12.0),
        axis_ratio=np.stack([bulge_ratio, disk_ratio], axis=1),
        angle=np.pi * rng.random(n),
        bulge_to_total=bulge_to_total,
        gradient=np.clip(0.9 + 0.4 * rng.standard_normal(n), 0.0, None),
    )


def with_known_shapes(shapes: Morphology, table: pd.DataFrame) -> Morphology:
    """Replace drawn radii and axis ratios by the catalogue's where it has valid ones."""
    radius, ratio = shapes.radius.copy(), shapes.axis_ratio.copy()
    for part, name in enumerate(("bulge", "disk")):
        for values, column, low, high in ((radius, "radius", 0.02, 12.0), (ratio, "axis_ratio", 0.05, 1.0)):
            if f"{column}_{name}" in table:
                known = table[f"{column}_{name}"].to_numpy(np.float64)
                valid = np.isfinite(known) & (known > 0)
                values[valid, part] = np.clip(known[valid], low, high)
    return Morphology(radius, ratio, shapes.angle, shapes.bulge_to_total, shapes.gradient)
