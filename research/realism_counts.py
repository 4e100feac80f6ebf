"""Number counts of the galaxies that a simulation draws, beside published ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photoz_lit.fields import Field
from photoz_lit.simulation.galaxies import GalaxyPopulation
from photoz_lit.simulation.photometry import photometry_grid
from photoz_lit.simulation.population import population_model

FloatArray = NDArray[np.float64]

#: i-band counts of COSMOS2020 (Weaver et al. 2022, ApJS 258, 11, table 2, The Farmer), log10 of galaxies per
#: square degree and magnitude in bins of 0.5 mag from i = 19 on. To i < 25 they add up to 44 per square arcminute.
COSMOS2020_I = (3.01, 3.23, 3.44, 3.64, 3.85, 4.03, 4.21, 4.38, 4.54, 4.71, 4.86, 4.97)
BRIGHT, STEP = 19.0, 0.5
TRIALS = 30_000
Z_MAX = 6.0


def simulated_counts(field: Field, galaxies: GalaxyPopulation, edges: FloatArray, trials: int = TRIALS) -> FloatArray:
    """Galaxies per square degree and magnitude of the field's reference band, (bins,), free of dust and noise.

    Parameters
    ----------
    field : whose filters.
    galaxies : that are drawn.
    edges : (bins + 1,) [AB mag]; pairs of bins are drawn apart, so that bright ones are as well known as faint ones.
    trials : draws per pair of bins.
    """
    grid = photometry_grid({name: band.filter for name, band in field.bands.items()})
    out: list[FloatArray] = []
    for start in range(0, len(edges) - 1, 2):
        part = edges[start : start + 3]
        model = population_model(grid, field.reference_band, part[0], part[-1], Z_MAX, galaxies=galaxies)
        share = np.histogram(model.magnitude(model.candidates(trials, np.random.default_rng(0))), part)[0] / trials
        out.append(share * model.table.total / np.diff(part))
    return np.concatenate(out)


def counts_beside_published(field: Field, galaxies: GalaxyPopulation) -> list[dict[str, float]]:
    """Rows of bins: ``magnitude``, ``published``, ``simulated`` [log10 per deg² and mag] and ``difference`` [dex]."""
    edges = np.asarray(BRIGHT + STEP * np.arange(len(COSMOS2020_I) + 1), np.float64)
    found = np.log10(simulated_counts(field, galaxies, edges))
    return [
        {"magnitude": centre, "published": known, "simulated": float(ours), "difference": float(ours - known)}
        for centre, known, ours in zip(edges[:-1] + 0.5 * STEP, COSMOS2020_I, found, strict=True)
    ]
