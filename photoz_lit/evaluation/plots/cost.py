"""The figure of what accuracy costs: σ_MAD of every network over its operations per image."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from photoz_lit import printed
from photoz_lit.evaluation.comparison.table import ALL, settings_of
from photoz_lit.evaluation.plots.style import COLUMN, CYCLE, GREY, kind_of_data, new_figure, paper_style
from photoz_lit.fields import field_label
from photoz_lit.metric import metric

COST, NUMBER = "gflop_per_image", "sigma_mad"
LEAST_NETWORKS = 3
MOST_COLUMNS = 2
WIDE = 4.0  # ratio of the largest cost to the smallest


def rows_with_costs(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows for all labels whose operations are known, of fields with three networks, not all of one cost."""
    if COST not in table:
        return table.iloc[:0]
    rows = table[(table["source"] == ALL) & table[COST].notna()]
    kept = [same for _, same in rows.groupby("field", sort=False) if len(same) >= LEAST_NETWORKS and _differ(same)]
    return pd.concat(kept) if kept else rows.iloc[:0]


def cost_figure(table: pd.DataFrame, baseline: str) -> Figure:
    """Draw σ_MAD with its spread over seeds against GFLOP per image, a panel per field.

    Values of the swept settings stand beside the points; those of one numeric setting are joined by a line.

    Parameters
    ----------
    table : of :func:`photoz_lit.evaluation.comparison.table.compare`, with rows in :func:`rows_with_costs`.
    baseline : name of the method that the others are compared with.
    """
    rows, shown = rows_with_costs(table), metric(NUMBER)
    settings = [name for name in settings_of(rows) if rows[name].nunique() > 1]
    joined = len(settings) == 1 and all(isinstance(value, int | float) for value in rows[settings[0]].dropna())
    methods = list(dict.fromkeys([baseline, *rows["method"]]))
    colours = {name: CYCLE[k % len(CYCLE)] for k, name in enumerate(methods)}
    fields = [(str(name), same) for name, same in rows.groupby("field", sort=False)]
    columns = min(len(fields), MOST_COLUMNS)
    lines = -(-len(fields) // columns)
    with paper_style():
        figure = new_figure(COLUMN * columns, 2.3 * lines + 0.9, kind_of_data(rows["data"]))
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for axis, (field, same) in zip(axes, fields, strict=False):
            for method, of_method in same.groupby("method", sort=False):
                line = of_method.sort_values(COST)
                marker = ("s" if method == baseline else "o") + ("-" if joined else "")
                axis.errorbar(
                    line[COST], shown.factor * line[NUMBER], yerr=shown.factor * line[f"{NUMBER}_spread"],
                    color=colours[str(method)], fmt=marker, ms=4, capsize=2, label=str(method).replace("_", " "),
                )  # fmt: skip
                if joined:
                    _name_line(axis, line, settings[0], colours[str(method)], above=method == baseline)
                else:
                    _name_points(axis, line, settings, colours[str(method)])
            _scale(axis, same[COST].max() / same[COST].min())
            axis.margins(x=0.15, y=0.12)
            axis.set_title(field_label(field), loc="left", fontweight="bold")
            axis.set(xlabel="GFLOP per image", ylabel=shown.axis)
        for axis in axes[len(fields) :]:
            axis.remove()
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=len(methods) if columns > 1 else 2)
        notes = [f"beside the points: {', '.join(settings)}".replace("_", " ")] if settings else []
        notes += ["bars: standard deviation over seeds"] if (rows["seeds"] > 1).any() else []
        figure.supxlabel("\n".join(notes), x=0.99, ha="right", color=GREY, fontsize=7)
    return figure


def _scale(axis: Axes, ratio: float) -> None:
    """Logarithmic where costs differ much; a log axis of a narrow range has no round numbers to show."""
    if ratio < WIDE:
        axis.locator_params(axis="x", nbins=5)
        return
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _name_line(axis: Axes, line: pd.DataFrame, setting: str, colour: str, above: bool) -> None:
    """Values of the one setting on the upper right or the lower left of the points: a falling line passes neither."""
    offset, side, edge = ((4, 4), "bottom", "left") if above else ((-4, -4), "top", "right")
    for _, row in line[line[setting].notna()].iterrows():
        place = (float(row[COST]), metric(NUMBER).factor * float(row[NUMBER]))
        axis.annotate(
            printed.setting(row[setting]), place, xytext=offset, textcoords="offset points",
            va=side, ha=edge, fontsize=7, color=colour,
        )  # fmt: skip


def _name_points(axis: Axes, line: pd.DataFrame, settings: list[str], colour: str) -> None:
    """Values of the settings that a row has, by turns over and under its bar: points of like cost stand close."""
    for number, (_, row) in enumerate(line.iterrows()):
        name = ", ".join(
            printed.setting(row[setting]).replace("_", " ") for setting in settings if pd.notna(row[setting])
        )
        sign = 1 if number % 2 == 0 else -1
        spread = 0.0 if pd.isna(row[f"{NUMBER}_spread"]) else float(row[f"{NUMBER}_spread"])
        place = (float(row[COST]), metric(NUMBER).factor * (float(row[NUMBER]) + sign * spread))
        axis.annotate(
            name, place, xytext=(0, 5 * sign), textcoords="offset points",
            va="bottom" if sign > 0 else "top", ha="center", fontsize=7, color=colour,
        )  # fmt: skip


def _differ(rows: pd.DataFrame) -> bool:
    return not np.allclose(rows[COST], rows[COST].iloc[0], rtol=1e-3)
