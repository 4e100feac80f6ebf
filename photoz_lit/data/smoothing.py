"""KDE smoothing of N(z | magnitude), and the sampling weights that make a label set follow it.

A small field's large-scale structure stands out of the smooth N(z) of the universe as spikes and gaps. A network that
learns from such labels takes them for a prior. Here N(z | magnitude) is estimated twice on the same labels: *raw*, at
the bandwidth that predicts left-out galaxies of the field best, structure included, and *smooth*, at a bandwidth that
levels structure. Drawing galaxies by smooth / raw turns the one into the other.

The kernel works in x = ln(1 + z), in which photo-z errors and the width of structure hardly change with redshift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, map_coordinates

from photoz_lit.data.smoothing_settings import SmoothingSettings
from photoz_lit.errors import InputError

X_STEP = 0.0025  # of the grid in ln(1 + z); 0.4 of the narrowest kernel
SMALLEST_BANDWIDTH = 0.006
MAGNITUDE_STEP = 0.1
MAGNITUDE_BANDWIDTH = 0.3
# Over-dispersion is the worst of these scales [grid steps]: 0.01 to 0.04 in ln(1 + z), 40 to 150 Mpc at z = 0.7.
STRUCTURE_BINS = (4, 8, 16)
RAW_FACTORS = (0.15, 0.2, 0.3, 0.45, 0.7, 1.0)  # of Silverman's bandwidth, tried for the raw density
LARGEST_BANDWIDTH = 0.1
ITERATIONS = 6


@dataclass(frozen=True)
class RedshiftDensity:
    """N(z | magnitude), raw and smooth, on a grid.

    Attributes
    ----------
    magnitude : (n_magnitudes,) grid [mag].
    x : (n_x,) grid in ln(1 + z).
    raw, smooth : (n_magnitudes, n_x) densities per unit of x; each row integrates to 1.
    bandwidth : (n_magnitudes,) kernel width of ``smooth`` in x.
    raw_bandwidth : (n_magnitudes,) of ``raw``.
    overdispersion : (n_magnitudes,) variance of the counts over Poisson's; NaN for a user's bandwidth.
    """

    magnitude: NDArray[np.float64]
    x: NDArray[np.float64]
    raw: NDArray[np.float64]
    smooth: NDArray[np.float64]
    bandwidth: NDArray[np.float64]
    raw_bandwidth: NDArray[np.float64]
    overdispersion: NDArray[np.float64]

    def ratio(self, z: NDArray[np.float64], magnitude: NDArray[np.float64], max_weight: float) -> NDArray[np.float64]:
        """Smooth / raw density at each galaxy, within [1 / max_weight, max_weight]; 1 where a value is missing.

        Parameters
        ----------
        z, magnitude : (N,).
        max_weight : bound.
        """
        row = (magnitude - self.magnitude[0]) / MAGNITUDE_STEP
        column = (np.log1p(z) - self.x[0]) / X_STEP
        known = np.isfinite(row) & np.isfinite(column)
        at = np.nan_to_num(np.stack([row, column]))
        smooth, raw = (map_coordinates(grid, at, order=1, mode="nearest") for grid in (self.smooth, self.raw))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(known & (raw > 0), smooth / raw, 1.0)
        return np.asarray(np.clip(ratio, 1 / max_weight, max_weight))


def fit_density(
    z: NDArray[np.float64],
    magnitude: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
    settings: SmoothingSettings | None = None,
) -> RedshiftDensity:
    """Estimate N(z | magnitude) of a label set, raw and smooth.

    Bandwidth by rule: Silverman's h = 0.9 min(s, IQR/1.349) n^(−1/5), in each magnitude row, with n the effective
    number of galaxies over the over-dispersion of their counts: clustered galaxies are fewer independent draws than
    their number says. The raw density has the fraction of Silverman's h (without the over-dispersion) that has the
    highest leave-one-out likelihood. Without structure both densities are nearly the same.

    Parameters
    ----------
    z : (N,) redshifts.
    magnitude : (N,) [mag]; galaxies without one are left out.
    weight : (N,) of the galaxies, e.g. the merge's; None: 1.
    settings : the user's bandwidth.

    Raises
    ------
    InputError : fewer than ten galaxies have a redshift and a magnitude.
    """
    choice = settings or SmoothingSettings()
    weights = np.ones(len(z)) if weight is None else np.asarray(weight, np.float64)
    known = np.isfinite(z) & np.isfinite(magnitude) & (z > -1)
    if known.sum() < 10:
        raise InputError(f"only {known.sum()} labels have a redshift and a magnitude; smoothing needs ten or more.")
    x, m, w = np.log1p(z[known]), magnitude[known], weights[known]
    low, high = np.quantile(m, [0.001, 0.999])
    rows = low + MAGNITUDE_STEP * np.arange(int((high - low) / MAGNITUDE_STEP) + 2)
    grid = X_STEP * np.arange(int((x.max() + 3 * LARGEST_BANDWIDTH) / X_STEP) + 2) + min(0.0, x.min())
    counts, squares = (_histogram(x, np.clip(m, rows[0], rows[-1]), v, grid, rows) for v in (w, w**2))
    # Shot noise of the row sums follows the square of the magnitude kernel.
    total = gaussian_filter1d(counts, MAGNITUDE_BANDWIDTH / MAGNITUDE_STEP, axis=0, mode="constant")
    narrow = MAGNITUDE_BANDWIDTH / np.sqrt(2)
    power = MAGNITUDE_STEP / (2 * np.sqrt(np.pi) * MAGNITUDE_BANDWIDTH)
    variance = power * gaussian_filter1d(squares, narrow / MAGNITUDE_STEP, axis=0, mode="constant")
    number = total.sum(1) ** 2 / np.maximum(variance.sum(1), 1e-12)
    width = _width(total, grid)
    silverman = _silverman(width, number)
    raw_bandwidth = _raw_bandwidth(counts, squares, total, silverman)
    if choice.bandwidth:
        bandwidth = np.full(len(rows), choice.bandwidth)
        raw_bandwidth = np.minimum(raw_bandwidth, bandwidth)
        overdispersion = np.full(len(rows), np.nan)
    else:
        bandwidth, overdispersion = _structure_bandwidth(total, variance, width, number, silverman)
    return RedshiftDensity(
        rows, grid, _density(total, raw_bandwidth), _density(total, bandwidth), bandwidth, raw_bandwidth, overdispersion
    )


def smoothing_weights(
    z: NDArray[np.float64],
    magnitude: NDArray[np.float64],
    weight: NDArray[np.float64],
    settings: SmoothingSettings | None = None,
) -> tuple[NDArray[np.float64], RedshiftDensity]:
    """Sampling weights that follow the smooth density: ``weight`` · smooth / raw, mean 1.

    Parameters
    ----------
    z, magnitude, weight : (N,).
    settings : bandwidth and bound.
    """
    choice = settings or SmoothingSettings()
    density = fit_density(z, magnitude, weight, choice)
    new = weight * density.ratio(z, magnitude, choice.max_weight)
    return np.asarray(new / new.mean()), density


def _histogram(
    x: NDArray[np.float64],
    magnitude: NDArray[np.float64],
    weight: NDArray[np.float64],
    grid: NDArray[np.float64],
    rows: NDArray[np.float64],
) -> NDArray[np.float64]:
    column = np.rint((x - grid[0]) / X_STEP).astype(np.int64)
    row = np.rint((magnitude - rows[0]) / MAGNITUDE_STEP).astype(np.int64)
    flat = np.bincount(row * len(grid) + column, weight, len(rows) * len(grid))
    return np.asarray(flat.reshape(len(rows), len(grid)))


def _width(total: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """min(standard deviation, IQR / 1.349) of each row."""
    share = total / np.maximum(total.sum(1, keepdims=True), 1e-12)
    mean = share @ grid
    deviation = np.sqrt(np.maximum(share @ grid**2 - mean**2, 0))
    cumulative = np.cumsum(share, axis=1)
    quartiles = [grid[np.argmax(cumulative >= q, axis=1)] for q in (0.25, 0.75)]
    return np.asarray(np.minimum(deviation, (quartiles[1] - quartiles[0]) / 1.349))


def _silverman(width: NDArray[np.float64], number: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(0.9 * width * np.maximum(number, 1.0) ** -0.2, SMALLEST_BANDWIDTH, LARGEST_BANDWIDTH)


def _raw_bandwidth(
    counts: NDArray[np.float64],
    squares: NDArray[np.float64],
    total: NDArray[np.float64],
    silverman: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fraction of Silverman's bandwidth, one for all rows, with the highest leave-one-out likelihood."""
    own_row = 1 / np.sqrt(2 * np.pi) / (MAGNITUDE_BANDWIDTH / MAGNITUDE_STEP)
    mean_weight = np.divide(squares, counts, out=np.zeros_like(counts), where=counts > 0)
    scores = []
    for factor in RAW_FACTORS:
        h = np.maximum(factor * silverman, SMALLEST_BANDWIDTH)
        # A galaxy's own part in the density at its place: its weight times the two kernels' peaks.
        own = mean_weight * own_row / np.sqrt(2 * np.pi) / (h[:, None] / X_STEP)
        left = np.maximum(_kernel_sum(total, h) - own, 1e-3 * own) / np.maximum(total.sum(1, keepdims=True), 1e-12)
        scores.append(float((counts * np.log(np.where(counts > 0, left, 1.0))).sum()))
    return np.maximum(RAW_FACTORS[int(np.argmax(scores))] * silverman, SMALLEST_BANDWIDTH)


def _structure_bandwidth(
    total: NDArray[np.float64],
    variance: NDArray[np.float64],
    width: NDArray[np.float64],
    number: NDArray[np.float64],
    silverman: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bandwidth and over-dispersion of each row, each found from the other in turn."""
    bandwidth = silverman
    overdispersion = np.ones(len(width))
    noise = variance.sum(1, keepdims=True) / np.maximum(total.sum(1, keepdims=True), 1e-12)
    for _ in range(ITERATIONS):
        expected = _kernel_sum(total, bandwidth)
        at_scales = [_overdispersion(total, expected, noise, steps) for steps in STRUCTURE_BINS]
        overdispersion = np.maximum(np.max(at_scales, axis=0), 1.0)
        bandwidth = np.maximum(_silverman(width, number / overdispersion), silverman)
    return bandwidth, overdispersion


def _overdispersion(
    total: NDArray[np.float64], expected: NDArray[np.float64], noise: NDArray[np.float64], steps: int
) -> NDArray[np.float64]:
    """Mean squared residual over Poisson's, of each row, in bins of some grid steps."""
    seen, due = _rebin(total, steps), _rebin(expected, steps)
    busy = due > noise  # one effective galaxy or more
    excess = np.where(busy, (seen - due) ** 2 / np.maximum(due * noise, 1e-12), 0.0)
    return np.asarray(excess.sum(1) / np.maximum(busy.sum(1), 1))


def _rebin(rows: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    n = rows.shape[1] // steps * steps
    return np.asarray(rows[:, :n].reshape(len(rows), -1, steps).sum(2))


def _kernel_sum(total: NDArray[np.float64], bandwidth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian in x on each row; reflected at z = 0, where no galaxies lie beyond."""
    rows = [gaussian_filter1d(row, h / X_STEP, mode="reflect") for row, h in zip(total, bandwidth, strict=True)]
    return np.stack(rows)


def _density(total: NDArray[np.float64], bandwidth: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = _kernel_sum(total, bandwidth)
    return np.asarray(rows / np.maximum(rows.sum(1, keepdims=True) * X_STEP, 1e-12))
