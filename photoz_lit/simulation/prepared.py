"""A simulation that is ready to draw galaxies."""

from __future__ import annotations

import numpy as np

from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.rows import RowCount
from photoz_lit.simulation.catalogue import read_catalogue
from photoz_lit.simulation.chunks import ChunkSimulator, chunk_simulator
from photoz_lit.simulation.settings import SimulationSettings
from photoz_lit.simulation.survey_window import observed_as, origin_of, survey_window


def prepare(field: Field, settings: SimulationSettings, seed: int) -> tuple[ChunkSimulator, RowCount]:
    """Return the simulator of a field's chunks, and the rows of the catalogue that are drawn (or how many are drawn).

    Raises
    ------
    InputError : the catalogue is bad, or neither it nor ``n_galaxies`` says how many galaxies to draw.
    """
    window = survey_window(field, settings)
    catalogue = None
    n, rows = settings.n_galaxies, None
    if settings.catalogue is not None:
        if settings.mapping is None:
            raise InputError("simulation.catalogue needs simulation.mapping; choose simulation=zcosmos or the like.")
        catalogue, rows = read_catalogue(settings.catalogue, settings.mapping, field, settings.table)
        if n is not None and n < len(catalogue):
            chosen = np.random.default_rng(seed).choice(len(catalogue), n, replace=False)
            rows = rows.without("not drawn for simulation.n_galaxies", len(catalogue) - n)
            catalogue = catalogue.iloc[np.sort(chosen)].reset_index(drop=True)
    elif n is not None:
        rows = RowCount.of(n)
    if rows is None:
        raise InputError("simulation.n_galaxies is not set; give the number of galaxies to draw.")
    origin = origin_of(field, settings)
    return chunk_simulator(observed_as(field, settings), origin, settings, window, seed, catalogue), rows
