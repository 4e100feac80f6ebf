"""z_phot against the labels' redshift, and the residuals against redshift and magnitude."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from astropy.stats import binom_conf_interval
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from photoz_lit.evaluation.metrics.point import bias, delta_z, outlier_fraction, sigma_mad
from photoz_lit.evaluation.plots.style import BLACK, BLUE, COLUMN, DENSITY_MAP, VERMILION, new_figure, paper_style
from photoz_lit.evaluation.report.label_names import redshift_axis

Floats = NDArray[np.float64]

POINTS_ONE_BY_ONE = 20_000  # above, a two-dimensional histogram is drawn
BOOTSTRAPS = 100
MINIMUM_IN_BIN = 20
ONE_SIGMA = 0.682689
LABELS = redshift_axis([])
Statistic = Callable[[Floats], float]
Errors = Callable[[Floats], tuple[float, float]]


def redshift_plane(
    z: Floats, z_phot: Floats, threshold: float, data: str, title: str = "", label: str = LABELS
) -> Figure:
    """Draw z_phot against the labels' z with its density and the outlier lines, and Δz below.

    Parameters
    ----------
    z, z_phot : labels and point estimates, (N,), finite.
    threshold : |Δz| from which a galaxy is an outlier.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    title : e.g. the field's and the experiment's name.
    label : what the labels are, of :func:`~photoz_lit.evaluation.report.label_names.redshift_axis`.
    """
    residual = delta_z(z_phot, z)
    top = 1.03 * float(max(z.max(), z_phot.max()))
    line = np.array([0.0, top])
    with paper_style():
        figure = new_figure(1.35 * COLUMN, 1.75 * COLUMN, data)
        plane, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        _density(plane, z, z_phot, (0, top), (0, top))
        plane.plot(line, line, color=BLACK, lw=0.8)
        for sign in (-1, 1):
            plane.plot(line, line + sign * threshold * (1 + line), color=VERMILION, lw=0.9, ls="--")
            below.axhline(sign * threshold, color=VERMILION, lw=0.9, ls="--")
        plane.set(xlim=(0, top), ylim=(0, top), ylabel=r"$z_\mathrm{phot}$")
        plane.set_title(title, loc="left")
        plane.text(
            0.04,
            0.96,
            f"$N$ = {len(z):,}\n"
            rf"$\sigma_\mathrm{{MAD}}$ = {sigma_mad(residual):.4f}" + "\n"
            rf"$\eta$ ($|\Delta z| \geq {threshold:g}$) = {100 * outlier_fraction(residual, threshold):.2f} %" + "\n"
            rf"bias = {bias(residual):+.4f}",
            transform=plane.transAxes,
            va="top",
            linespacing=1.4,
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 2},
        )
        reach = 1.6 * threshold
        _density(below, z, residual, (0, top), (-reach, reach))
        below.axhline(0, color=BLACK, lw=0.8)
        _running(below, z, residual)
        below.set(ylim=(-reach, reach), xlabel=label, ylabel=r"$\Delta z$")
        beyond = int((np.abs(residual) > reach).sum())
        if beyond:
            below.text(0.98, 0.05, f"{beyond} beyond", transform=below.transAxes, ha="right", fontsize=7)
    return figure


def residual_trends(
    z: Floats, z_phot: Floats, magnitude: Floats, band: str, threshold: float, data: str, label: str = LABELS
) -> Figure:
    """Draw bias, σ_MAD and η in bins of redshift and of magnitude, with errors (1 σ).

    Errors of bias and σ_MAD are of a bootstrap, those of η Wilson's interval of a binomial share, which a bin without
    outliers has too. The range of every panel holds its points and their errors.

    Parameters
    ----------
    z, z_phot : labels and point estimates, (N,), finite.
    magnitude : of the reference band [AB], (N,); NaN is left out of the right-hand column.
    band : name of the reference band.
    threshold : |Δz| from which a galaxy is an outlier.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    label : what the labels are, of :func:`~photoz_lit.evaluation.report.label_names.redshift_axis`.
    """
    residual = delta_z(z_phot, z)
    statistics: list[tuple[str, Statistic, Errors]] = [
        (r"bias $\langle\Delta z\rangle$", bias, lambda values: _bootstrap_error(values, bias)),
        (r"$\sigma_\mathrm{MAD}$", sigma_mad, lambda values: _bootstrap_error(values, sigma_mad)),
        (
            r"$\eta$ [%]",
            lambda values: 100 * outlier_fraction(values, threshold),
            lambda values: wilson_error(int((np.abs(values) >= threshold).sum()), len(values)),
        ),
    ]
    with paper_style():
        figure = new_figure(2 * COLUMN, 1.6 * COLUMN, data)
        axes = figure.subplots(3, 2, sharex="col")
        columns = [(label, z), (f"{band} [AB mag]", magnitude)]
        for column, (name_x, values) in enumerate(columns):
            inside = np.isfinite(values)
            for row, (name, statistic, errors) in enumerate(statistics):
                axis = axes[row, column]
                highest = _trend(axis, values[inside], residual[inside], statistic, errors)
                if column == 0:
                    axis.set_ylabel(name)
                if row == 0:
                    axis.axhline(0, color=BLACK, lw=0.6)
                else:
                    top = 1.08 * highest if highest > 0 else 1.0
                    axis.set_ylim(-0.03 * top, top)  # points at 0 are seen whole
            axes[2, column].set_xlabel(name_x)
    return figure


def wilson_error(outliers: int, n: int) -> tuple[float, float]:
    """Return how far Wilson's interval (1 σ) of an outlier fraction reaches below it and above it [%].

    Parameters
    ----------
    outliers : number among the ``n`` galaxies.
    """
    low, high = binom_conf_interval(outliers, n, confidence_level=ONE_SIGMA, interval="wilson")
    share = outliers / n
    return max(0.0, 100 * (share - float(low))), max(0.0, 100 * (float(high) - share))


def _bootstrap_error(values: Floats, statistic: Statistic) -> tuple[float, float]:
    """Standard deviation of a statistic over bootstrap draws, below and above."""
    random = np.random.default_rng(0)
    spread = float(np.std([statistic(random.choice(values, len(values))) for _ in range(BOOTSTRAPS)]))
    return spread, spread


def _density(axis: Axes, x: Floats, y: Floats, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
    """Points coloured by their local density, or their histogram where they are too many."""
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=120, range=[x_range, y_range])
    if len(x) > POINTS_ONE_BY_ONE:
        shown = np.ma.masked_equal(counts.T, 0)
        axis.pcolormesh(x_edges, y_edges, shown, norm=LogNorm(), cmap=DENSITY_MAP, rasterized=True)
        return
    column = np.clip(np.searchsorted(x_edges, x, side="right") - 1, 0, 119)
    row = np.clip(np.searchsorted(y_edges, y, side="right") - 1, 0, 119)
    local = np.maximum(counts[column, row], 1)
    order = np.argsort(local, kind="stable")
    size = float(np.clip(4000 / max(len(x), 1), 1.5, 8))
    axis.scatter(x[order], y[order], c=local[order], s=size, norm=LogNorm(), cmap=DENSITY_MAP, lw=0, rasterized=True)


def _running(axis: Axes, x: Floats, residual: Floats) -> None:
    """Median and 16–84 % range of the residuals in bins of equal number."""
    groups = _equal_number(x, 15)
    centre = [np.median(x[g]) for g in groups]
    low, mid, high = np.array([np.percentile(residual[g], [16, 50, 84]) for g in groups]).reshape(-1, 3).T
    axis.plot(centre, mid, color=VERMILION, lw=1.2)
    axis.plot(centre, low, color=VERMILION, lw=0.8, ls=":")
    axis.plot(centre, high, color=VERMILION, lw=0.8, ls=":")


def _trend(axis: Axes, x: Floats, residual: Floats, statistic: Statistic, errors: Errors) -> float:
    """Draw a statistic in bins of equal number with its error bars; return where the highest bar ends."""
    groups = _equal_number(x, 12)
    centre = [float(np.median(x[g])) for g in groups]
    value = np.array([statistic(residual[g]) for g in groups])
    below, above = np.array([errors(residual[g]) for g in groups]).reshape(-1, 2).T
    axis.errorbar(centre, value, yerr=[below, above], fmt="o-", ms=3, lw=1, capsize=2, color=BLUE)
    return float((value + above).max()) if len(value) else 0.0


def _equal_number(x: Floats, bins: int) -> list[NDArray[np.int64]]:
    """Indices of galaxies in bins of equal number along x; fewer bins where galaxies are few."""
    order = np.argsort(x, kind="stable")
    count = max(1, min(bins, len(x) // MINIMUM_IN_BIN))
    return [group for group in np.array_split(order, count) if len(group)]
