"""N(z) of every magnitude and tomographic bin: stacked PDFs, point estimates and reference with their bands."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from photoz_lit.evaluation.nz.distributions import RedshiftDistributions
from photoz_lit.evaluation.nz.statistics import nz_distances, nz_moments, rebinned
from photoz_lit.evaluation.plots.nz import draw_counts
from photoz_lit.evaluation.plots.style import BLACK, BLUE, VERMILION, new_figure, paper_style

COLUMNS = 3


def nz_groups(distributions: RedshiftDistributions, coarse: ArrayLike, data: str, reference: str = "labels") -> Figure:
    """Draw one panel per group.

    Parameters
    ----------
    distributions : N(z) with its bootstrap resamples; the band of the stack is their 16–84 % range.
    coarse : edges of the bins drawn.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    reference : what the reference is called in the legend; its band is Poisson (1 σ).
    """
    edges = np.asarray(coarse, np.float64)
    rows = -(-len(distributions.groups) // COLUMNS)
    with paper_style():
        figure = new_figure(7.6, 2.1 * rows + 0.5, data)
        axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for axis in axes[len(distributions.groups) :]:
            axis.set_visible(False)
        for g, (axis, group) in enumerate(zip(axes, distributions.groups, strict=False)):
            _panel(axis, distributions, g, edges, reference)
            axis.set_title(group, loc="left", pad=3)
            if g % COLUMNS == 0:
                axis.set_ylabel("$N(z)$ [normalised]")
            if g + COLUMNS >= len(distributions.groups):
                axis.set_xlabel("redshift $z$")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=4)
    return figure


def _panel(axis: Axes, distributions: RedshiftDistributions, g: int, edges: NDArray[np.float64], name: str) -> None:
    fine, width = distributions.z_edges, np.diff(edges)
    stacked = rebinned(distributions.stacked[g], fine, edges)
    point, reference = (
        rebinned(counts[g, :, 0], fine, edges) for counts in (distributions.point, distributions.reference)
    )
    if not stacked[:, 0].sum():
        axis.text(0.5, 0.5, "no galaxies", transform=axis.transAxes, ha="center")
        return
    if reference.sum():
        draw_counts(axis, reference, edges, BLACK, name, band=True)
    if point.sum():
        draw_counts(axis, point, edges, VERMILION, r"$z_\mathrm{phot}$", style="--")
    total = stacked.sum(axis=0)
    density = stacked / np.where(total > 0, total, 1) / width[:, None]  # a resample of few galaxies may have none
    axis.stairs(density[:, 0], edges, color=BLUE, lw=1.2, label="stacked PDFs")
    if density.shape[1] > 2:
        low, high = np.percentile(density[:, 1:], [16, 84], axis=1)
        axis.stairs(high, edges, baseline=low, fill=True, color=BLUE, alpha=0.3, lw=0)
    shown = np.flatnonzero(stacked[:, 0] + point + reference > 2e-3 * stacked[:, 0].sum())
    axis.set_xlim(edges[max(shown.min() - 1, 0)], edges[min(shown.max() + 2, len(edges) - 1)])
    axis.set_ylim(0, 1.55 * axis.get_ylim()[1])
    text = f"$N$ = {distributions.n[g]:,}"
    if reference.sum():
        shift = [float(nz_moments(c[g, :, 0], fine)["mean"]) for c in (distributions.stacked, distributions.reference)]
        distance = nz_distances(distributions.stacked[g, :, 0], distributions.reference[g, :, 0], fine, edges)
        text += "\n" + rf"$\Delta\langle z\rangle$ = {shift[0] - shift[1]:+.4f}" + f"\nTV = {float(distance['tv']):.3f}"
    axis.text(0.97, 0.95, text, transform=axis.transAxes, ha="right", va="top", fontsize=7, linespacing=1.3)
