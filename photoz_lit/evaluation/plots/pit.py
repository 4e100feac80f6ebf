"""Histogram of the PIT against the uniform distribution."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from photoz_lit.evaluation.metrics.pdf import pit_outlier_rate, pit_uniformity
from photoz_lit.evaluation.plots.style import BLACK, BLUE, COLUMN, GREY, new_figure, paper_style

BINS = 25


def pit_histogram(pit: NDArray[np.float64], data: str) -> Figure:
    """Draw the histogram of PIT values (N,) with the 95 % band of a uniform sample of that size.

    ``data`` is ``simulated``, ``simulated_from_catalogue`` or ``real``.
    """
    n = len(pit)
    counts, edges = np.histogram(pit, bins=BINS, range=(0, 1))
    # each bin of a uniform sample is binomial with p = 1 / BINS
    low, high = (stats.binom.ppf(q, n, 1 / BINS) * BINS / n for q in (0.025, 0.975))
    uniformity = pit_uniformity(pit)
    with paper_style():
        figure = new_figure(1.2 * COLUMN, 0.9 * COLUMN, data)
        axis = figure.subplots()
        axis.axhspan(low, high, color=GREY, alpha=0.3, lw=0, label="uniform, 95 %")
        axis.axhline(1, color=BLACK, lw=0.8)
        axis.stairs(counts * BINS / n, edges, color=BLUE, lw=1.3, label="PIT")
        axis.set(xlim=(0, 1), xlabel="PIT", ylabel="density")
        axis.set_ylim(0, 1.25 * max(float(counts.max()) * BINS / n, high))
        axis.text(
            0.03,
            0.96,
            f"$N$ = {n:,}\nKS = {uniformity['ks']:.3f}\nPIT outliers = {100 * pit_outlier_rate(pit):.2f} %",
            transform=axis.transAxes,
            va="top",
        )
        axis.legend(loc="upper right")
    return figure
