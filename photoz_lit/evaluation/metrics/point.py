"""Point-estimate metrics of the normalised residual Δz = (z_phot − z_true) / (1 + z_true).

Two conventions stand side by side, each under its own name. The project's: ``sigma_mad``, ``outlier_fraction`` (fixed
threshold) and ``bias`` (mean). RAIL's (LSST Science Book): ``sigma_iqr``, ``median_bias`` and ``outlier_rate_rail``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError
from photoz_lit.metric import evaluate, metrics

Floats = NDArray[np.float64]

MAD_TO_SIGMA = 1.4826  # 1 / Φ⁻¹(3/4): makes the median absolute deviation of a Gaussian its σ
IQR_TO_SIGMA = 1 / 1.349  # 1 / (2 Φ⁻¹(3/4)): the same for the interquartile range


def delta_z(z_phot: ArrayLike, z_true: ArrayLike) -> Floats:
    """Return Δz = (z_phot − z_true) / (1 + z_true), shape (N,).

    Parameters
    ----------
    z_phot : point estimates, shape (N,).
    z_true : spectroscopic (or true) redshifts, shape (N,).

    Raises
    ------
    InputError : the shapes differ, or a value is not finite (drop galaxies without a label first).

    Examples
    --------
    >>> delta_z([0.33, 0.5], [0.32, 0.5]).round(4).tolist()
    [0.0076, 0.0]
    """
    estimate, truth = np.asarray(z_phot, np.float64), np.asarray(z_true, np.float64)
    if estimate.shape != truth.shape:
        raise InputError(f"z_phot has shape {estimate.shape} but z_true {truth.shape}; give one of each per galaxy.")
    _finite(estimate, "z_phot")
    _finite(truth, "z_true")
    return (estimate - truth) / (1 + truth)


def sigma_mad(delta: ArrayLike) -> float:
    """Return σ_MAD = 1.4826 · median(|Δz − median(Δz)|) of residuals of shape (N,)."""
    values = residual(delta)
    return float(MAD_TO_SIGMA * np.median(np.abs(values - np.median(values))))


def is_outlier(delta: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Return whether |Δz| ≥ ``threshold`` (0.15; 0.05 for SDSS) of each residual, (N,); η is the mean."""
    return np.asarray(np.abs(residual(delta)) >= threshold)


def residual(delta: ArrayLike) -> Floats:
    """Return residuals (N,) as they are; their mean is the bias."""
    return _finite(np.asarray(delta, np.float64), "Δz")


def outlier_fraction(delta: ArrayLike, threshold: float) -> float:
    """Return η, the fraction of residuals (N,) with |Δz| ≥ ``threshold``."""
    return float(np.mean(is_outlier(delta, threshold)))


def bias(delta: ArrayLike) -> float:
    """Return the mean residual of shape (N,)."""
    return float(np.mean(residual(delta)))


def median_bias(delta: ArrayLike) -> float:
    """Return the median residual: RAIL's bias (``PointBias``)."""
    return float(np.median(residual(delta)))


def sigma_iqr(delta: ArrayLike) -> float:
    """Return (75th − 25th percentile) / 1.349: RAIL's width (``PointSigmaIQR``)."""
    low, high = np.percentile(residual(delta), [25, 75])
    return float((high - low) * IQR_TO_SIGMA)


def outlier_rate_rail(delta: ArrayLike) -> float:
    """Return the fraction with |Δz| > max(0.06, 3 σ_IQR): RAIL's outliers (``PointOutlierRate``)."""
    return float(np.mean(np.abs(residual(delta)) > max(0.06, 3 * sigma_iqr(delta))))


def point_metrics(delta: ArrayLike, threshold: float) -> dict[str, float]:
    """Return every metric of residuals (N,) alone, by name: the project's three, RAIL's three and what is added."""
    return evaluate(metrics().values(), {"delta": np.asarray(delta, np.float64), "threshold": threshold})


def _finite(values: Floats, name: str) -> Floats:
    if values.size == 0:
        raise InputError(f"{name} is empty; a metric needs at least one galaxy with a label.")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InputError(f"{name} is {values[row]} in row {row}; drop galaxies without a finite value first.")
    return values
