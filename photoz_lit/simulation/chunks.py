"""Simulate a field in chunks of galaxies that do not depend on each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.fields import Field
from photoz_lit.simulation.disturbances import Places, Sky
from photoz_lit.simulation.filters import log_wavelength
from photoz_lit.simulation.labels import draw_labels, rows_with_share
from photoz_lit.simulation.morphology import (
    Morphology,
    bulge_shares,
    morphology_from_photometry,
    with_known_shapes,
)
from photoz_lit.simulation.narrow_band import EmitterSurvey, emitter_survey
from photoz_lit.simulation.observing import band_flux, calibration_factors, measured_magnitudes
from photoz_lit.simulation.photometry import PhotometryGrid, photometry_grid
from photoz_lit.simulation.population import Galaxies, PopulationModel, field_key, population_model
from photoz_lit.simulation.scene import (
    Sources,
    Surroundings,
    centre_offsets,
    galaxy_sources,
    join_sources,
    reference_flux,
    star_colours,
)
from photoz_lit.simulation.settings import SimulationSettings, SurveyWindow
from photoz_lit.simulation.survey_window import disturbances_of

if TYPE_CHECKING:  # stamps alone need GalSim
    from photoz_lit.simulation.render import StampRenderer

FloatArray = NDArray[np.float64]

#: Galaxies per chunk; divides the rows of a store's block. Changing it changes every simulation.
CHUNK = 128
#: Neighbours are never brighter than this [AB mag]; bright stars are masked in real surveys.
NEIGHBOUR_BRIGHT = 16.0
#: Candidates per galaxy where label sources have shares.
OVERDRAW = 6
_STREAMS = {
    "population": 0,
    "sky": 1,
    "surroundings": 2,
    "pixels": 3,
    "labels": 4,
    "magnitudes": 5,
    "shapes": 6,
    "lines": 7,
    "calibration": 8,
}


class _Drawn(NamedTuple):
    """Galaxies of a chunk: table, shapes, part fluxes (n, 2, bands) and reference flux (n,) [AB maggies]."""

    table: pd.DataFrame
    shapes: Morphology
    parts: FloatArray
    reference: FloatArray


@dataclass
class ChunkSimulator:
    """Everything a process needs to simulate any chunk of a field.

    Attributes
    ----------
    field : observing conditions.
    origin : the field whose galaxies are drawn.
    settings : see :class:`SimulationSettings`.
    window : the window of ``origin``.
    seed : of the whole simulation.
    model : population of the galaxies of ``origin``.
    observed : photometry through the filters of ``field``.
    surroundings : neighbours, None where there are none.
    catalogue : the real catalogue, None where galaxies come from the model.
    emitters : the narrow-band survey that selects galaxies, None where there is none.
    sky : what differs from place to place, None where nothing does.
    """

    field: Field
    origin: Field
    settings: SimulationSettings
    window: SurveyWindow
    seed: int
    model: PopulationModel
    observed: PhotometryGrid
    surroundings: Surroundings | None
    catalogue: pd.DataFrame | None
    emitters: EmitterSurvey | None = None
    sky: Sky | None = None

    def __post_init__(self) -> None:
        self._renderer: StampRenderer | None = None

    def table(self, chunk: int, n: int) -> pd.DataFrame:
        """Catalogue of ``n`` galaxies of a chunk, without pixels."""
        return self._galaxies(chunk, n).table

    def images(self, chunk: int, n: int) -> tuple[NDArray[np.float32], pd.DataFrame]:
        """Images (n, bands, size, size) and catalogue of a chunk."""
        table, shapes, parts, reference = self._galaxies(chunk, n)
        offset = centre_offsets(
            n, self.settings.centroid_jitter, self.field.pixel_scale, self._rng("surroundings", chunk)
        )
        sources: Sources = galaxy_sources(np.arange(n), offset, shapes, parts)
        if self.surroundings is not None:
            rng = np.random.default_rng(self._seeds("surroundings", chunk).spawn(1)[0])
            around = self.surroundings.draw(reference, table["ebv"].to_numpy(), rng)
            if self.sky is not None:
                around = self.sky.disturbed_sources(around, self._places(table))
            sources = join_sources(sources, around)
        if self._renderer is None:
            tail = None if self.sky is None else self.sky.settings.noise_tail
            from photoz_lit.simulation.render import StampRenderer  # needs the extra sim

            self._renderer = StampRenderer(self.field, self.settings.stamp_size, tail)
        places = None if self.sky is None else self._places(table, self.settings.stamp_size)
        return self._renderer.draw(sources, n, self._seeds("pixels", chunk).spawn(n), places), table

    def _places(self, table: pd.DataFrame, stamp_size: int | None = None) -> Places:
        """Conditions where some galaxies lie."""
        assert self.sky is not None
        return self.sky.places(table["ra"].to_numpy(float), table["dec"].to_numpy(float), stamp_size)

    def _galaxies(self, chunk: int, n: int) -> _Drawn:
        if self.catalogue is None:
            return self._drawn(chunk, n)
        return self._real(self.catalogue.iloc[chunk * CHUNK : chunk * CHUNK + n].reset_index(drop=True), chunk)

    def _drawn(self, chunk: int, n: int) -> _Drawn:
        galaxies, labels = self._selected(chunk, n)
        sky = self._sky(chunk, n)
        parts = galaxies.part_maggies(self.observed, sky["ebv"]) * self._calibration(chunk, n)[:, None]
        seeing: FloatArray | float = 1.0
        if self.sky is not None:
            places = self._places(pd.DataFrame(sky))
            parts, seeing = self.sky.disturbed(parts, places.flux), places.seeing
        flux = band_flux(parts.sum(axis=1), self.field)
        radius = galaxies.morphology.radius[:, 1] * np.sqrt(galaxies.morphology.axis_ratio[:, 1])
        noise = self._rng("magnitudes", chunk)
        magnitude, error = measured_magnitudes(flux, radius, self.field, noise, seeing)
        true_magnitude = self.model.magnitude(galaxies)
        first = chunk * CHUNK
        name = f"{self.origin.name}-{self.seed}" + ("" if self.emitters is None else "-emitters")
        table = pd.DataFrame({"object_id": [f"{name}-{first + row:08d}" for row in range(n)], **sky, **labels})
        for b, band in enumerate(self.field.bands):
            table[f"mag_{band}"], table[f"mag_err_{band}"] = magnitude[:, b], error[:, b]
        table["z_true"] = galaxies.z
        table["kind_true"] = np.where(galaxies.star_forming, "star_forming", "quiescent")
        table["magnitude_true"] = true_magnitude
        table["stellar_mass_true"] = galaxies.stellar_mass
        table["a_v_true"] = galaxies.a_v
        table["radius_true"] = radius
        table["bulge_to_total_true"] = galaxies.morphology.bulge_to_total
        if self.emitters is not None:
            table = self.emitters.identified(table, noise)
        reference = reference_flux(galaxies, self.model, self.observed, parts, sky["ebv"])
        return _Drawn(table, galaxies.morphology, parts, reference)

    def _selected(self, chunk: int, n: int) -> tuple[Galaxies, dict[str, NDArray[np.generic]]]:
        if self.emitters is None:
            return self._labelled(chunk, n)
        return self.emitters.draw(n, self._rng("population", chunk), self._rng("lines", chunk))

    def _labelled(self, chunk: int, n: int) -> tuple[Galaxies, dict[str, NDArray[np.generic]]]:
        """Galaxies and their labels, with the window's share of photometric ones."""
        share = None if self.settings.representative else self.window.photometric_share
        galaxies = self.model.draw(n if share is None else n * OVERDRAW, self._rng("population", chunk))
        sources = self.settings.labels if self.settings.labels is not None else self.window.labels
        z_max = float(self.origin.z_edges[-1])
        labels = draw_labels(galaxies.z, self.model.magnitude(galaxies), sources, z_max, self._rng("labels", chunk))
        if share is None:
            return galaxies, labels
        rows = rows_with_share(labels["z_source"] == sources[-1], share, n)
        return galaxies.rows(rows), {name: values[rows] for name, values in labels.items()}

    def _real(self, rows: pd.DataFrame, chunk: int) -> _Drawn:
        """Shapes and fluxes of real galaxies from their magnitudes and colours; redshift plays no part."""
        sky = self._sky(chunk, len(rows))
        table = rows.copy()
        for name in ("ra", "dec", "ebv"):
            if name not in table:
                table[name] = sky[name]
        table["ebv"] = table["ebv"].fillna(self.window.ebv_median)
        bands = list(self.field.bands)
        magnitude = table[[f"mag_{band}" for band in bands]].to_numpy(np.float64)
        blue, red = ("g" if "g" in bands else bands[0]), ("i" if "i" in bands else bands[-1])
        colour = magnitude[:, bands.index(blue)] - magnitude[:, bands.index(red)]
        reference = magnitude[:, bands.index(self.field.reference_band)]
        shapes = with_known_shapes(morphology_from_photometry(reference, colour, self._rng("shapes", chunk)), table)
        share = bulge_shares(shapes, band_redness(self.field))
        # the catalogue's magnitudes are as measured: band_flux would add the field's calibration error once more
        calibration = np.array([band.zero_point_error for band in self.field.bands.values()])
        factors = self._calibration(chunk, len(rows))
        if self.sky is not None:
            of_colour = self.sky.colour_factors(np.asarray(10 ** (-0.4 * magnitude)))
            factors = np.asarray(factors * self._places(table).flux * of_colour)
        table[[f"mag_{band}" for band in bands]] = magnitude - 2.5 * np.log10(factors)
        maggies = 10 ** (-0.4 * (magnitude - calibration)) * factors
        parts = np.stack([maggies * share, maggies * (1 - share)], axis=1)
        return _Drawn(table, shapes, parts, parts[:, :, bands.index(self.field.reference_band)].sum(axis=1))

    def _calibration(self, chunk: int, n: int) -> FloatArray:
        """Factors (n, bands) on the galaxies' flux, in pixels and magnitudes alike."""
        return calibration_factors(n, self.field, self.settings.magnitude_floor, self._rng("calibration", chunk))

    def _sky(self, chunk: int, n: int) -> dict[str, FloatArray]:
        rng = self._rng("sky", chunk)
        ra, dec = self.window.centre
        half = 0.5 * self.window.width
        offset = rng.uniform(-half, half, (n, 2))
        ebv = self.window.ebv_median * 10 ** (self.window.ebv_scatter * rng.standard_normal(n))
        return {"ra": ra + offset[:, 0] / np.cos(np.radians(dec)), "dec": dec + offset[:, 1], "ebv": ebv}

    def _seeds(self, stream: str, chunk: int) -> np.random.SeedSequence:
        # emitters stand elsewhere on the sky than the same field's other galaxies, so that none passes for one of them
        names = [self.origin.name] * self.window.own_streams + ["emitters"] * (self.emitters is not None)
        entropy = [self.seed, *(word for name in names for word in field_key(name))] if names else self.seed
        return np.random.SeedSequence(entropy, spawn_key=(_STREAMS[stream], chunk))

    def _rng(self, stream: str, chunk: int) -> np.random.Generator:
        return np.random.default_rng(self._seeds(stream, chunk))


def chunk_simulator(
    field: Field,
    origin: Field,
    settings: SimulationSettings,
    window: SurveyWindow,
    seed: int,
    catalogue: pd.DataFrame | None,
) -> ChunkSimulator:
    """Prepare photometry, population and neighbours of the galaxies of ``origin`` as ``field`` sees them.

    Raises
    ------
    InputError : a filter of the field is unknown.
    """
    observed = photometry_grid(_filters(field))
    grid = photometry_grid(_filters(origin))
    reference = origin.reference_band
    structure = (origin.name, window.structure) if window.structure > 0 else None
    model = population_model(
        grid, reference, window.magnitude_bright, window.magnitude_faint, window.z_max, structure, settings.galaxies
    )
    surroundings = None
    disturbances = disturbances_of(field, settings)
    crowding = settings.neighbours * (1.0 if disturbances is None else disturbances.crowding)
    if settings.stamps and settings.neighbours > 0:
        faint = window.magnitude_faint + window.neighbour_depth
        around = population_model(
            grid, reference, NEIGHBOUR_BRIGHT, max(faint, NEIGHBOUR_BRIGHT + 1), 6.0, galaxies=settings.galaxies
        )
        side = settings.stamp_size * field.pixel_scale
        density = around.density(np.random.default_rng(np.random.SeedSequence(0)))
        surroundings = Surroundings(
            around,
            observed,
            crowding * density,
            crowding * window.stars,
            star_colours({**_filters(field), "": origin.bands[reference].filter}, ""),
            side,
        )
    emitters = None
    if settings.emitters is not None:
        emitters = emitter_survey(settings.emitters, origin, model)
    sky = None if disturbances is None else Sky(disturbances, field, window, seed)
    return ChunkSimulator(
        field, origin, settings, window, seed, model, observed, surroundings, catalogue, emitters, sky
    )


def chunks_of(rows: slice) -> list[tuple[int, int]]:
    """Return number and length of the chunks that make up some rows of a store, which begin with one."""
    starts = np.arange(rows.start, rows.stop, CHUNK)
    return [(int(start) // CHUNK, min(CHUNK, rows.stop - int(start))) for start in starts]


def _filters(field: Field) -> dict[str, dict[str, float]]:
    return {name: band.filter for name, band in field.bands.items()}


def band_redness(field: Field) -> FloatArray:
    """ln(λ/λ_ref) of every band, by the response-weighted mean wavelengths of its filters; (bands,)."""
    centre = [log_wavelength(band) for band in field.bands.values()]
    return np.asarray(centre) - centre[list(field.bands).index(field.reference_band)]
