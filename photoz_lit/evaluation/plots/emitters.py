"""Histograms of the photometric redshifts of emitters that all lie at one redshift."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from photoz_lit.evaluation.plots.adaptation import colours_of
from photoz_lit.evaluation.plots.style import BLACK, COLUMN, GREY, new_figure, paper_style
from photoz_lit.studies.compared import Compared

REDSHIFT = 1.47


def emitter_figure(table: pd.DataFrame, removed: str, everyone: str, compared: Compared) -> Figure:
    """Draw the histogram of z_phot of every method, one panel each.

    Parameters
    ----------
    table : of :func:`photoz_lit.evaluation.comparison.emitters.emitter_table`; its first field is drawn.
    removed : sample that is drawn as a line.
    everyone : sample that is drawn as a grey area behind it.
    compared : labels of the methods, and which is the reference.
    """
    table = table[table["field"] == table["field"].iloc[0]]
    colours = colours_of(compared)
    methods = list(dict.fromkeys(table["method"]))
    with paper_style():
        figure = new_figure(1.35 * COLUMN, 0.6 + 0.95 * len(methods), str(table["data"].iloc[0]))
        axes = figure.subplots(len(methods), 1, sharex=True, squeeze=False)[:, 0]
        for axis, method in zip(axes, methods, strict=True):
            here = table[table["method"] == method].set_index("sample")
            for sample in (s for s in (everyone, removed) if s in here.index):
                row = here.loc[sample]
                edges = np.linspace(row["z_min"], row["z_max"], len(row["counts"]) + 1)
                if sample == everyone:
                    axis.stairs(row["counts"], edges, fill=True, color=GREY, alpha=0.3, lw=0, label=sample)
                else:
                    axis.stairs(row["counts"], edges, color=colours.get(method, BLACK), lw=1.3, label=sample)
            axis.axvline(REDSHIFT, color=BLACK, lw=0.7, ls=":")
            axis.set_ylim(bottom=0)
            axis.locator_params(axis="y", nbins=3)
            axis.set_title(compared.label(method), loc="left")
        axes[0].legend(loc="upper right")
        axes[-1].set_xlabel(r"$z_\mathrm{phot}$")
        axes[-1].set_xlim(table["z_min"].iloc[0], table["z_max"].iloc[0])
        figure.supylabel("galaxies per bin", fontsize=9)
    return figure
