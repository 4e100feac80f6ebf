"""The figure of a comparison: every method's metrics beside the baseline's, field by field."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photoz_lit.evaluation.comparison.table import ALL, label_of, settings_of
from photoz_lit.evaluation.plots.style import BLACK, CYCLE, GREY, kind_of_data, new_figure, paper_style
from photoz_lit.fields import field_label
from photoz_lit.metric import Metric, drawn_in


def comparison_figure(table: pd.DataFrame, baseline: str) -> Figure:
    """Draw the metrics of every method with their spread over seeds; the baseline is a dashed line.

    Each field has a row of panels with separate ranges, as fields differ more than methods.

    Parameters
    ----------
    table : of :func:`photoz_lit.evaluation.comparison.table.compare`; its rows for all labels are drawn.
    baseline : name of the method that the others are compared with.
    """
    rows = table[table["source"] == ALL].reset_index(drop=True)
    settings = settings_of(rows)
    fields = [(str(name), same.reset_index(drop=True)) for name, same in rows.groupby("field", sort=False)]
    labels = {name: [label_of(row, settings) for _, row in same.iterrows()] for name, same in fields}
    colours = {name: CYCLE[k % len(CYCLE)] for k, name in enumerate(dict.fromkeys([baseline, *rows["method"]]))}
    panels = {name: one for name, one in drawn_in("comparison").items() if _known(rows, name)}
    longest = max(len(label) for of_field in labels.values() for label in of_field)
    with paper_style():
        height = 0.55 + 0.24 * len(rows) + 0.55 * len(fields)
        figure = new_figure(6.4 + 0.06 * longest, height, kind_of_data(rows["data"]))
        grid = figure.subplots(
            len(fields), len(panels), sharey="row", squeeze=False, height_ratios=[len(same) + 1 for _, same in fields]
        )
        for axes, (field, same) in zip(grid, fields, strict=True):
            for axis, one in zip(axes, panels.values(), strict=True):
                _panel(axis, same, one, baseline, colours)
            axes[0].set_yticks(range(len(same)), labels[field])
            axes[0].tick_params(axis="y", length=0)
            axes[0].set_ylim(len(same) - 0.3, -0.7)
            axes[0].set_title(field_label(field), loc="left", fontweight="bold")
        for axis, one in zip(grid[-1], panels.values(), strict=True):
            axis.set_xlabel(one.axis)
        if (rows["seeds"] > 1).any():
            figure.supxlabel("bars: standard deviation over seeds", x=0.99, ha="right", color=GREY, fontsize=7)
    return figure


def _known(rows: pd.DataFrame, name: str) -> bool:
    return name in rows and bool(np.isfinite(rows[name].astype(float)).any())


def _panel(axis: Axes, rows: pd.DataFrame, one: Metric, baseline: str, colours: dict[str, str]) -> None:
    """One metric of one field; a dashed line where the field has one baseline."""
    name, factor = one.name, one.factor
    for place, (_, row) in enumerate(rows.iterrows()):
        spread = row[f"{name}_spread"]
        axis.errorbar(
            row[name] * factor,
            place,
            xerr=spread * factor if np.isfinite(spread) else None,
            fmt="s" if row["method"] == baseline else "o",
            color=colours[row["method"]],
            ms=4,
            capsize=2,
        )
    value = rows.loc[rows["method"] == baseline, name]
    if len(value) == 1:
        axis.axvline(float(value.iloc[0]) * factor, color=GREY, lw=0.8, ls="--", zorder=0)
    axis.margins(x=0.12)
    axis.locator_params(axis="x", nbins=4)
    low, high = axis.get_xlim()
    if one.better == "zero" and low < 0 < high:
        axis.axvline(0, color=BLACK, lw=0.6)
