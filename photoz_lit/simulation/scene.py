"""Scenes: what stands in every stamp, as bulges, disks and points with true fluxes; no telescope yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photoz_lit.simulation.filters import mixed_response
from photoz_lit.simulation.morphology import Morphology
from photoz_lit.simulation.photometry import PhotometryGrid
from photoz_lit.simulation.population import Galaxies, PopulationModel

FloatArray = NDArray[np.float64]

#: Slope of star counts at high Galactic latitude, d log10 N / dm (e.g. Robin et al. 2003, A&A 409, 523, fig. 6).
COUNT_SLOPE = 0.12
BRIGHT, FAINT = 16.0, 25.0
TEMPERATURES = np.linspace(2800.0, 9000.0, 40)


def star_colours(filters: Mapping[str, Mapping[str, float]], reference: str) -> FloatArray:
    """Fluxes of stars relative to the reference band, (temperatures, bands), for Planck spectra.

    A black body misses molecular bands, so late M dwarfs come out too blue by some tenths of a magnitude in g - r; as
    contaminating neighbours that does no harm.
    """
    wavelength = np.linspace(2500.0, 26000.0, 9401)
    planck = wavelength**-5.0 / np.expm1(1.43877e8 / (wavelength[None, :] * TEMPERATURES[:, None]))
    flux = np.empty((TEMPERATURES.size, len(filters)))
    for b, mixture in enumerate(filters.values()):
        response = mixed_response(mixture, wavelength)
        flux[:, b] = (planck * wavelength * response).sum(axis=1) / (response / wavelength).sum()
    return np.asarray(flux / flux[:, [list(filters).index(reference)]])


def draw_stars(n: int, colours: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw star fluxes, (n, bands) [AB maggies]: counts rising to the faint end, mostly cool dwarfs."""
    low, high = 10 ** (COUNT_SLOPE * BRIGHT), 10 ** (COUNT_SLOPE * FAINT)
    magnitude = np.log10(low + rng.random(n) * (high - low)) / COUNT_SLOPE
    temperature = np.clip(3900.0 * np.exp(0.25 * rng.standard_normal(n)), TEMPERATURES[0], TEMPERATURES[-1])
    rows = np.clip(np.searchsorted(TEMPERATURES, temperature), 0, TEMPERATURES.size - 1)
    return np.asarray(10 ** (-0.4 * magnitude)[:, None] * colours[rows])


#: Neighbours are drawn up to this far outside the stamp [arcsec]; their wings reach in.
MARGIN = 2.0
#: A neighbour brighter than the galaxy itself and closer than this would have been the catalogue's object [arcsec].
DEBLENDING = 2.0


@dataclass(frozen=True)
class Sources:
    """Sources of several stamps, in a flat table; part 0 is the bulge or the point, part 1 the disk.

    Attributes
    ----------
    stamp : (s,) number of the stamp.
    offset : (s, 2) x and y from the stamp's centre [arcsec].
    radius : (s, 2) half-light radius along the major axis [arcsec]; 0 is a point.
    axis_ratio : (s, 2) minor over major axis.
    angle : (s,) position angle from the x axis [rad].
    maggies : (s, 2, bands) true flux of the parts [AB maggies].
    """

    stamp: NDArray[np.int64]
    offset: FloatArray
    radius: FloatArray
    axis_ratio: FloatArray
    angle: FloatArray
    maggies: FloatArray


def galaxy_sources(stamp: NDArray[np.int64], offset: FloatArray, shapes: Morphology, maggies: FloatArray) -> Sources:
    """Put galaxies at ``offset`` (n, 2) [arcsec] of their ``stamp`` (n,), with part fluxes (n, 2, bands)."""
    return Sources(stamp, offset, shapes.radius, shapes.axis_ratio, shapes.angle, maggies)


def join_sources(*parts: Sources) -> Sources:
    """Concatenate and sort by stamp, so that the sources of one stamp lie together."""
    stamp = np.concatenate([p.stamp for p in parts])
    order = np.argsort(stamp, kind="stable")
    return Sources(
        stamp[order],
        np.concatenate([p.offset for p in parts])[order],
        np.concatenate([p.radius for p in parts])[order],
        np.concatenate([p.axis_ratio for p in parts])[order],
        np.concatenate([p.angle for p in parts])[order],
        np.concatenate([p.maggies for p in parts])[order],
    )


def centre_offsets(n: int, jitter: float, pixel_scale: float, rng: np.random.Generator) -> FloatArray:
    """Offsets (n, 2) [arcsec] of galaxies from the stamp's centre.

    The cut falls on whole pixels (uniform in ±half a pixel) about a catalogue position with its own error ``jitter``
    [arcsec per axis].
    """
    return np.asarray(jitter * rng.standard_normal((n, 2)) + pixel_scale * (rng.random((n, 2)) - 0.5))


@dataclass(frozen=True)
class Surroundings:
    """Neighbours of every stamp.

    Attributes
    ----------
    model : population of the neighbouring galaxies.
    observed : photometry through the filters that see them.
    galaxies : their surface density [1 / arcmin²].
    stars : surface density of stars [1 / arcmin²].
    star_colours : (temperatures, bands + 1) from :func:`photoz_lit.simulation.scene.star_colours`: the observed bands,
        last the population's reference band.
    side : side of a stamp [arcsec].
    """

    model: PopulationModel
    observed: PhotometryGrid
    galaxies: float
    stars: float
    star_colours: FloatArray
    side: float

    def draw(self, maggies: FloatArray, ebv: FloatArray, rng: np.random.Generator) -> Sources:
        """Draw the neighbours of n stamps, in numbers that follow Poisson statistics.

        Parameters
        ----------
        maggies : (n,) reference-band flux of the central galaxies; a brighter neighbour keeps its distance.
        ebv : (n,) Galactic E(B-V) [mag].
        rng : source of randomness.
        """
        side = self.side + 2 * MARGIN
        area = (side / 60.0) ** 2
        n = maggies.size
        n_galaxies, n_stars = rng.poisson(self.galaxies * area, n), rng.poisson(self.stars * area, n)
        stamp = np.repeat(np.arange(n), n_galaxies)
        galaxies = self.model.draw(stamp.size, rng) if stamp.size else None
        stars, star_reference = self._stars(np.repeat(np.arange(n), n_stars), side, rng)
        parts, references = [stars], [star_reference]
        if galaxies is not None:
            offset = side * (rng.random((stamp.size, 2)) - 0.5)
            flux = galaxies.part_maggies(self.observed, ebv[stamp])
            parts.append(galaxy_sources(stamp, offset, galaxies.morphology, flux))
            references.append(reference_flux(galaxies, self.model, self.observed, flux, ebv[stamp]))
        order = np.argsort(np.concatenate([part.stamp for part in parts]), kind="stable")
        sources = join_sources(*parts)
        distance = np.hypot(*sources.offset.T)
        brighter = np.concatenate(references)[order] > maggies[sources.stamp]
        return _select(sources, ~(brighter & (distance < DEBLENDING)))

    def _stars(self, stamp: NDArray[np.int64], side: float, rng: np.random.Generator) -> tuple[Sources, FloatArray]:
        """Stars and their flux (s,) in the population's reference band."""
        n = stamp.size
        drawn = draw_stars(n, self.star_colours, rng)
        flux, reference = drawn[:, :-1], drawn[:, -1]
        stars = Sources(
            stamp,
            side * (rng.random((n, 2)) - 0.5),
            np.zeros((n, 2)),
            np.ones((n, 2)),
            np.zeros(n),
            np.stack([flux, np.zeros_like(flux)], axis=1),
        )
        return stars, reference


def reference_flux(
    galaxies: Galaxies, model: PopulationModel, observed: PhotometryGrid, parts: FloatArray, ebv: FloatArray
) -> FloatArray:
    """Fluxes (n,) in the population's reference band; ``parts`` (n, 2, bands) through the ``observed`` filters."""
    if model.grid is observed:
        return np.asarray(parts[:, :, model.band].sum(axis=1))
    return galaxies.maggies(model.grid, ebv)[:, model.band]


def _select(sources: Sources, keep: NDArray[np.bool_]) -> Sources:
    return Sources(
        sources.stamp[keep],
        sources.offset[keep],
        sources.radius[keep],
        sources.axis_ratio[keep],
        sources.angle[keep],
        sources.maggies[keep],
    )
