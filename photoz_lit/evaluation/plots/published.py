"""The figure of our gains beside the published ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photoz_lit.evaluation.comparison.published import published_metrics
from photoz_lit.evaluation.plots.style import BLACK, CYCLE, GREY, kind_of_data, new_figure, paper_style

PUBLISHED = "published"
LEGEND = 85  # characters of a line of the legend, beside the mark of the data


def published_figure(beside: pd.DataFrame, kinds: pd.Series) -> Figure:
    """Draw the gains over the baseline, ours and the published, sample by sample; our bars are standard errors.

    Gains are drawn, not the metrics: fields, labels and numbers of galaxies are not those of the publication.

    Parameters
    ----------
    beside : of :func:`photoz_lit.evaluation.comparison.published.beside_published`.
    kinds : kind of data of each of our rows.
    """
    rows = beside[beside["gain_sigma_mad"].notna()]
    samples = list(dict.fromkeys(rows["data"]))
    names = [PUBLISHED, *dict.fromkeys(rows["method"][rows["who"] != PUBLISHED])]
    step = 0.8 / len(names)
    with paper_style():
        height = 1.2 + (0.18 + 0.11 * len(names)) * len(samples) + 0.16 * len(names)
        figure = new_figure(7.2, height, kind_of_data(kinds))
        measures = published_metrics()
        axes = figure.subplots(1, len(measures), sharey=True)
        for axis, (name, one) in zip(axes, measures.items(), strict=True):
            for number, method in enumerate(names):
                who = rows["who"] == PUBLISHED
                same = rows[who] if method == PUBLISHED else rows[~who & (rows["method"] == method)]
                place = [samples.index(one) + (number - (len(names) - 1) / 2) * step for one in same["data"]]
                _points(axis, same, name, place, number, method)
            axis.axvline(0, color=BLACK, lw=0.6)
            axis.set_xlabel(f"G({one.symbol or one.label}) [%]")
            axis.set_ylim(len(samples) - 0.5, -0.5)
            for border in range(1, len(samples)):
                axis.axhline(border - 0.5, color=GREY, lw=0.3)
        axes[0].set_yticks(range(len(samples)), [one.replace("_", " ") for one in samples])
        axes[0].tick_params(axis="y", length=0)
        handles, labels = axes[0].get_legend_handles_labels()
        columns = max(1, min(3, LEGEND // (max(map(len, labels)) + 8)))
        figure.legend(handles, labels, loc="outside upper left", ncols=columns)
    return figure


def _points(axis: Axes, rows: pd.DataFrame, name: str, place: list[float], number: int, method: str) -> None:
    """Gains of one method; the published have no error."""
    error = rows[f"gain_{name}_error"].to_numpy(float) if f"gain_{name}_error" in rows else np.full(len(rows), np.nan)
    axis.errorbar(
        rows[f"gain_{name}"].to_numpy(float),
        place,
        xerr=np.nan_to_num(error) if np.isfinite(error).any() else None,
        fmt="D" if method == PUBLISHED else "o",
        color=BLACK if method == PUBLISHED else CYCLE[number % len(CYCLE)],
        mfc="white" if method == PUBLISHED else None,
        ms=4,
        capsize=2,
        label=method if method == PUBLISHED else f"ours: {method.replace('_', ' ')}",
    )
