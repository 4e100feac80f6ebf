"""The figure of a study that sweeps one setting: σ_MAD of every method over it, and the gain over the baseline."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photoz_lit import printed
from photoz_lit.evaluation.comparison.table import ALL
from photoz_lit.evaluation.plots.style import BLACK, COLUMN, CYCLE, GREY, kind_of_data, new_figure, paper_style
from photoz_lit.metric import metric

LEAST_VALUES = 3
WIDEST_NAMES = 40  # letters below one column
FROM_LINEAR = 10.0  # largest value of a linear axis in units of the smallest
NUMBER = "sigma_mad"


def swept_setting(table: pd.DataFrame, settings: list[str]) -> str | None:
    """Return the setting that a comparison sweeps: the one there is, on one field, with three values at least."""
    rows = table[table["source"] == ALL]
    if len(settings) != 1 or rows["field"].nunique() != 1:
        return None
    return settings[0] if rows[settings[0]].nunique() >= LEAST_VALUES else None


def sweep_figure(table: pd.DataFrame, baseline: str, setting: str) -> Figure:
    """Draw σ_MAD over the swept setting with its spread over seeds, and below it G(σ_MAD) with its standard error.

    A method that was run without the setting is a horizontal line; words stand in the order of the table, numbers that
    span a factor of ten on a logarithmic axis.

    Parameters
    ----------
    table : of :func:`photoz_lit.evaluation.comparison.table.compare`, of one field; its rows for all labels are drawn.
    baseline : name of the method that the others are compared with.
    setting : of :func:`swept_setting`.
    """
    rows, shown = table[table["source"] == ALL], metric(NUMBER)
    values = list(dict.fromkeys(rows[setting].dropna()))
    numeric = all(isinstance(value, int | float | np.number) for value in values)
    at = {value: float(value) if numeric else float(k) for k, value in enumerate(values)}
    with paper_style():
        figure = new_figure(COLUMN, 4.2, kind_of_data(rows["data"]))
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        methods = [baseline, *(name for name in dict.fromkeys(rows["method"]) if name != baseline)]
        for number, method in enumerate(methods):
            colour = CYCLE[number % len(CYCLE)]
            marker = ("s" if method == baseline else "o") + ("-" if numeric else "")
            same = rows[rows["method"] == method]
            label = method.replace("_", " ")
            over = same[same[setting].notna()]
            over = over.assign(at=[at[value] for value in over[setting]]).sort_values("at")
            for _, row in same[same[setting].isna()].iterrows():
                _line(upper, shown.factor * row[NUMBER], shown.factor * row[f"{NUMBER}_spread"], colour, label)
            if len(over):
                # one seed has no spread: NaN draws no bar
                upper.errorbar(
                    over["at"], shown.factor * over[NUMBER], yerr=shown.factor * over[f"{NUMBER}_spread"],
                    color=colour, fmt=marker, ms=4, capsize=2, label=label,
                )  # fmt: skip
            gained = over[over[f"gain_{NUMBER}"].notna()] if len(over) else over
            if len(gained):
                lower.errorbar(
                    gained["at"], gained[f"gain_{NUMBER}"], yerr=gained[f"gain_{NUMBER}_error"], color=colour,
                    fmt=marker, ms=4, capsize=2,
                )  # fmt: skip
        lower.axhline(0, color=BLACK, lw=0.6)
        names = [printed.setting(value).replace("_", " ") for value in values]
        if numeric and max(at.values()) >= FROM_LINEAR * min(at.values()) > 0:
            lower.set_xscale("log")
        lower.set_xticks([at[value] for value in values], names)
        lower.set_xticks([], minor=True)
        if sum(map(len, names)) > WIDEST_NAMES:  # they would run into each other
            lower.set_xticks(lower.get_xticks(), names, rotation=30, ha="right", rotation_mode="anchor")
        lower.set_xlabel(setting.replace("_", " "))
        upper.set_ylabel(shown.axis)
        lower.set_ylabel(f"G({shown.symbol}) [%]")
        for axis in (upper, lower):
            axis.margins(x=0.08)
        upper.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0, ncols=1 if len(methods) < 3 else 2)
        figure.supxlabel(
            "bars: above the standard deviation over seeds,\nbelow the standard error over pairs of them",
            x=0.99, ha="right", color=GREY, fontsize=7,
        )  # fmt: skip
    return figure


def _line(axis: Axes, value: float, spread: float, colour: str, label: str) -> None:
    axis.axhline(value, color=colour, ls="--", label=label)
    if np.isfinite(spread):
        axis.axhspan(value - spread, value + spread, color=colour, alpha=0.15, lw=0)
