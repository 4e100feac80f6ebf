"""PIT of test galaxies for several ways of recalibrating."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from photoz_lit.evaluation.metrics.pdf import pit_ks
from photoz_lit.evaluation.plots.style import BLACK, COLUMN, CYCLE, new_figure, paper_style

LEVELS = np.linspace(0, 1, 201)


def calibration_figure(pits: Mapping[str, NDArray[np.float64]], data: str) -> Figure:
    """Draw how far the distribution of PIT values lies above the uniform one, one line per method.

    Parameters
    ----------
    pits : method -> PIT values, (N,).
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    """
    with paper_style():
        figure = new_figure(1.2 * COLUMN, 0.9 * COLUMN, data)
        axis = figure.subplots()
        axis.axhline(0, color=BLACK, lw=0.8)
        for colour, (method, pit) in zip(CYCLE, pits.items(), strict=False):
            cumulative = np.searchsorted(np.sort(pit), LEVELS, side="right") / len(pit)
            axis.plot(LEVELS, cumulative - LEVELS, color=colour, label=f"{method}: KS = {pit_ks(pit):.3f}")
        axis.set(xlim=(0, 1), xlabel="PIT", ylabel="share of galaxies below − PIT")
        axis.legend(loc="best")
    return figure
