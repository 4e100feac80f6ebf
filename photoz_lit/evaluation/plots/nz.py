"""Redshift distributions: stacked PDFs, point estimates and the reference."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from photoz_lit.evaluation.plots.style import BLACK, BLUE, COLUMN, VERMILION, new_figure, paper_style

Floats = NDArray[np.float64]


def redshift_distribution(
    stacked: Floats, point: Floats, reference: Floats | None, z_edges: Floats, data: str
) -> Figure:
    """Draw N(z) as densities.

    Parameters
    ----------
    stacked : sum of the PDFs' probabilities per bin, (n_bins,).
    point : number of point estimates per bin, (n_bins,).
    reference : number of labels per bin, (n_bins,), drawn with its Poisson band (1 σ); or None.
    z_edges : (n_bins + 1,).
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    """
    with paper_style():
        figure = new_figure(1.4 * COLUMN, 0.95 * COLUMN, data)
        axis = figure.subplots()
        if reference is not None and reference.sum():
            draw_counts(axis, reference, z_edges, BLACK, "reference", band=True)
        draw_counts(axis, point, z_edges, VERMILION, r"$z_\mathrm{phot}$", style="--")
        draw_counts(axis, stacked, z_edges, BLUE, "stacked PDFs")
        shown = np.flatnonzero(stacked + point + (0 if reference is None else reference) > 1e-4 * stacked.sum())
        axis.set(xlabel="redshift $z$", ylabel="$N(z)$ [normalised]")
        axis.set_xlim(z_edges[0], z_edges[min(shown.max() + 2, len(z_edges) - 1)] if len(shown) else z_edges[-1])
        axis.set_ylim(bottom=0)
        axis.legend()
    return figure


def draw_counts(
    axis: Axes, counts: Floats, z_edges: Floats, colour: str, label: str, style: str = "-", band: bool = False
) -> None:
    """Draw counts (n_bins,) as a density on ``axis``; with ``band`` also ± √counts."""
    width = np.diff(z_edges)
    total = counts.sum()
    axis.stairs(counts / total / width, z_edges, color=colour, ls=style, lw=1.2, label=label)
    if band:
        spread = np.sqrt(counts)
        axis.stairs(
            (counts + spread) / total / width,
            z_edges,
            baseline=np.maximum(counts - spread, 0) / total / width,
            fill=True,
            color=colour,
            alpha=0.18,
            lw=0,
        )


def rebin(counts: Floats, z_edges: Floats, coarse: Floats) -> Floats:
    """Carry counts (n_bins,) on ``z_edges`` to other edges, (len(coarse) − 1,), even within each bin."""
    running = np.concatenate([[0.0], np.cumsum(counts)])
    return np.diff(np.interp(coarse, z_edges, running))
