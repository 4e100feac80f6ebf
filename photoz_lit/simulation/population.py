"""A galaxy population: redshift, kind, luminosity, spectrum and shape of every galaxy, before any telescope."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from photoz_lit.simulation.galaxies import KINDS, GalaxyPopulation, KindMix, standard_galaxies
from photoz_lit.simulation.luminosity_function import LuminosityTable, luminosity_table
from photoz_lit.simulation.morphology import Morphology, bulge_shares, morphology_from_physics
from photoz_lit.simulation.photometry import PhotometryGrid, distance_modulus
from photoz_lit.simulation.sed_mix import draw_spectra

FloatArray = NDArray[np.float64]

#: Spacing of independent densities in ln(1+z): 10 to 15 Mpc at z = 1, the thickness of walls of small deep fields.
STEP = 0.006
LOG_Z_MAX = float(np.log1p(7.0))


def field_key(name: str) -> list[int]:
    """Four 32-bit words that stand for a field's name in a seed, the same on every machine."""
    digest = hashlib.sha256(name.encode()).digest()
    return [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 16, 4)]


def density_contrast(name: str, amplitude: float, log_z: FloatArray) -> FloatArray:
    """Density of a field's galaxies relative to the mean, log-normal, 1 on average.

    Between independent Gaussian nodes every :data:`STEP` the field is linear and scaled to unit variance; nodes lie at
    fixed redshifts, so windows of different depth see the same walls.

    Parameters
    ----------
    name : name of the field; the structure depends on it and on nothing else.
    amplitude : standard deviation of the ln of the density; 0 is a smooth field.
    log_z : (n,) ln(1+z).

    Returns
    -------
    (n,) relative density, exp(a g - a²/2).
    """
    nodes = np.random.default_rng(field_key(name)).standard_normal(int(LOG_Z_MAX / STEP) + 2)
    position = np.clip(log_z / STEP, 0.0, nodes.size - 1.001)
    low = position.astype(np.int64)
    share = position - low
    gaussian = ((1 - share) * nodes[low] + share * nodes[low + 1]) / np.hypot(1 - share, share)
    return np.asarray(np.exp(amplitude * gaussian - 0.5 * amplitude**2))


#: Age of the continua for the split into bulge and disk: positive goes to the bulge. Lines come from the disk.
COMPONENT_REDNESS = np.array([1.0, 0.3, -0.3, -0.8, 0.0, -1.2, -0.2, 1.0, -1.2, -4.0, -4.0, -4.0, -4.0])
#: Room for the scatter of colours when the luminosity function is cut at the window [mag].
COLOUR_MARGIN = 1.2


@dataclass(frozen=True)
class Galaxies:
    """Intrinsic properties of n galaxies.

    Attributes
    ----------
    z : (n,) redshift.
    star_forming : (n,) kind.
    absolute_magnitude : (n,) M_B behind the galaxy's own dust [AB mag].
    stellar_mass : (n,) [solar masses].
    weights : (n, components) in units of AB 0 at 10 pc.
    a_v : (n,) attenuation [mag].
    morphology : shapes.
    """

    z: FloatArray
    star_forming: NDArray[np.bool_]
    absolute_magnitude: FloatArray
    stellar_mass: FloatArray
    weights: FloatArray
    a_v: FloatArray
    morphology: Morphology

    def __len__(self) -> int:
        return self.z.size

    def rows(self, keep: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Galaxies:
        """Return the galaxies ``keep``."""
        return Galaxies(
            **{entry.name: getattr(self, entry.name)[keep] for entry in fields(self) if entry.name != "morphology"},
            morphology=self.morphology.rows(keep),
        )

    def maggies(self, grid: PhotometryGrid, ebv: FloatArray) -> FloatArray:
        """Total fluxes (n, bands) through a field's filters, behind Galactic ``ebv`` (n,) [AB maggies]."""
        return grid.maggies(self.weights, self.z, self.a_v, ebv)

    def part_maggies(self, grid: PhotometryGrid, ebv: FloatArray) -> FloatArray:
        """Fluxes (n, 2, bands) of bulge and disk; they add up to :meth:`maggies`."""
        share = bulge_shares(self.morphology, COMPONENT_REDNESS)
        parts = np.stack([self.weights * share, self.weights * (1 - share)], axis=1)
        return grid.maggies(parts, self.z, self.a_v, ebv)


def join(parts: list[Galaxies]) -> Galaxies:
    """Concatenate populations."""
    shapes = {
        entry.name: np.concatenate([getattr(p.morphology, entry.name) for p in parts]) for entry in fields(Morphology)
    }
    columns = {
        entry.name: np.concatenate([getattr(p, entry.name) for p in parts])
        for entry in fields(Galaxies)
        if entry.name != "morphology"
    }
    return Galaxies(**columns, morphology=Morphology(**shapes))


@dataclass(frozen=True)
class PopulationModel:
    """Draws galaxies of a magnitude window.

    Attributes
    ----------
    grid : photometry of the field whose reference band defines the window.
    band : index of the reference band.
    bright, faint : window, free of Galactic dust and of noise [AB mag].
    table : luminosity function inside the window.
    spectra : kind -> its spectra.
    """

    grid: PhotometryGrid
    band: int
    bright: float
    faint: float
    table: LuminosityTable
    spectra: Mapping[str, KindMix]

    def draw(self, n: int, rng: np.random.Generator) -> Galaxies:
        """Draw ``n`` galaxies whose true reference magnitude lies in the window."""
        parts: list[Galaxies] = []
        found = 0
        while found < n:
            candidates = self.candidates(int(1.7 * (n - found)) + 32, rng)
            magnitude = self.magnitude(candidates)
            parts.append(candidates.rows((magnitude >= self.bright) & (magnitude <= self.faint)))
            found += len(parts[-1])
        return join(parts).rows(slice(0, n))

    def magnitude(self, galaxies: Galaxies) -> FloatArray:
        """True reference magnitude without Galactic dust (n,) [AB mag]."""
        flux = galaxies.maggies(self.grid, np.zeros(len(galaxies)))[:, self.band]
        return np.asarray(-2.5 * np.log10(np.clip(flux, 1e-30, None)))

    def density(self, rng: np.random.Generator, n: int = 4000) -> float:
        """Galaxies per square arcmin inside the window, from ``n`` trial draws."""
        magnitude = self.magnitude(self.candidates(n, rng))
        share = np.mean((magnitude >= self.bright) & (magnitude <= self.faint))
        return float(self.table.total * share / 3600.0)

    def candidates(self, n: int, rng: np.random.Generator) -> Galaxies:
        """Draw ``n`` galaxies of the table, which reaches beyond the window."""
        star_forming, z, magnitude = self.table.draw(n, rng)
        weights, a_v = draw_spectra(self.spectra, star_forming, magnitude, z, self.grid.uv, rng)
        weights = weights * (10 ** (-0.4 * magnitude) / self.grid.rest_maggies("B", weights, a_v))[:, None]
        mass = stellar_mass(self.grid, weights, a_v)
        shapes = morphology_from_physics((~star_forming).astype(float), mass, z, rng)
        return Galaxies(z, star_forming, magnitude, mass, weights, a_v, shapes)


def population_model(
    grid: PhotometryGrid,
    band: str,
    bright: float,
    faint: float,
    z_max: float,
    structure: tuple[str, float] | None = None,
    galaxies: GalaxyPopulation | None = None,
) -> PopulationModel:
    """Prepare draws from a magnitude window.

    Parameters
    ----------
    grid : photometry of the field.
    band : reference band of the window.
    bright, faint : limits [AB mag].
    z_max : redshift limit.
    structure : name of the field whose walls and voids the galaxies follow, and their amplitude; None is smooth.
    galaxies : luminosity functions and spectra; None takes the standard ones.
    """
    galaxies = galaxies or standard_galaxies()
    index = grid.bands.index(band)
    nodes = np.linspace(0.01, z_max, 60)
    colour = np.stack([_typical_colour(galaxies, grid, index, nodes, kind) for kind in KINDS])
    table = luminosity_table(galaxies.luminosity, bright, faint, z_max, colour, nodes, COLOUR_MARGIN)
    if structure is not None:
        table = table.weighted(density_contrast(*structure, table.log_z))
    return PopulationModel(grid, index, bright, faint, table, galaxies.spectra)


def _typical_colour(
    galaxies: GalaxyPopulation, grid: PhotometryGrid, band: int, z: FloatArray, kind: str
) -> FloatArray:
    """Median of apparent reference magnitude - distance modulus - M_B at each ``z``, for one kind."""
    copies = 64
    rng = np.random.default_rng(0)
    all_z = np.repeat(z, copies)
    star_forming = np.full(all_z.size, kind == "star_forming")
    weights, a_v = draw_spectra(galaxies.spectra, star_forming, np.full(all_z.size, -20.5), all_z, grid.uv, rng)
    flux = grid.maggies(weights, all_z, a_v, np.zeros(all_z.size))[:, band]
    colour = -2.5 * np.log10(np.clip(flux, 1e-30, None) / grid.rest_maggies("B", weights, a_v))
    return np.asarray(np.median((colour - distance_modulus(all_z)).reshape(-1, copies), axis=1))


def stellar_mass(grid: PhotometryGrid, weights: FloatArray, a_v: FloatArray) -> FloatArray:
    """Stellar mass [solar masses] from rest-frame g - i and M_i, Taylor et al. 2011, MNRAS 418, 1587, eq. 8."""
    m_g = -2.5 * np.log10(np.clip(grid.rest_maggies("g", weights, a_v), 1e-30, None))
    m_i = -2.5 * np.log10(np.clip(grid.rest_maggies("i", weights, a_v), 1e-30, None))
    return np.asarray(10 ** (1.15 + 0.70 * (m_g - m_i) - 0.4 * m_i))
