"""Accuracy against the share of galaxies that are kept."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from photoz_lit.evaluation.plots.style import COLUMN, CYCLE, new_figure, paper_style
from photoz_lit.evaluation.reliability.kept import SHOWN
from photoz_lit.metric import metric


def kept_figure(curves: Mapping[str, pd.DataFrame], data: str) -> Figure:
    """Draw σ_MAD, η and CRPS of the surest galaxies, a line per way of sorting them.

    Parameters
    ----------
    curves : what galaxies are sorted by -> table of :func:`~photoz_lit.evaluation.reliability.kept.kept_curve`.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    """
    with paper_style():
        figure = new_figure(2.2 * COLUMN, 0.85 * COLUMN, data)
        for axis, name in zip(figure.subplots(1, len(SHOWN)), SHOWN, strict=True):
            shown = metric(name)
            for colour, (order, curve) in zip(CYCLE, curves.items(), strict=False):
                axis.plot(100 * curve["share"], shown.factor * curve[name], color=colour, label=order)
            axis.set(xlabel="galaxies kept [%]", ylabel=shown.axis, xlim=(100 * curve["share"].min(), 100))
            axis.set_ylim(bottom=0)
        axis.legend(loc="best", title="sorted by")
    return figure
