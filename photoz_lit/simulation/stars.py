"""Foreground stars as point sources."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from photoz_lit.simulation.filters import mixed_response

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
