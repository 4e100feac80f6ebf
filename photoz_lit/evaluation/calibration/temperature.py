"""One temperature for all PDFs: the density p becomes p^γ, which widens or narrows it (Guo et al. 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from photoz_lit.evaluation.calibration.pit import LOG_POWER, LOG_WIDTH, PitCalibration
from photoz_lit.evaluation.metrics.pdf import DENSITY_FLOOR, density


def fit_temperature(
    pdf: NDArray[Any], z_edges: ArrayLike, z: ArrayLike, weight: ArrayLike | None = None
) -> PitCalibration:
    """Fit the γ of largest likelihood to galaxies with known redshift that the PDFs were not trained on.

    Parameters
    ----------
    pdf : probabilities, (N, n_bins).
    z_edges : (n_bins + 1,).
    z : redshifts on the grid, (N,).
    weight : of the galaxies, (N,); None counts all alike.

    Returns
    -------
    A calibration of power γ, the same for every width, without a map of the PIT.
    """
    given = np.ones(len(pdf)) if weight is None else np.asarray(weight, np.float64)
    if not given.any():
        return PitCalibration.identity()

    def loss(log_power: float) -> float:
        p = density(of_power(log_power).apply(pdf, z_edges), z_edges, z)
        return float(-np.sum(given * np.log(np.maximum(p, DENSITY_FLOOR))))

    found = minimize_scalar(loss, bounds=LOG_POWER, method="bounded", options={"xatol": 1e-3})
    return of_power(float(found.x))


def of_power(log_power: float) -> PitCalibration:
    """The calibration that raises every density to the power exp(log_power)."""
    return PitCalibration(np.array([log_power, 0.0]), np.array([LOG_WIDTH]), np.ones((1, 1)))
