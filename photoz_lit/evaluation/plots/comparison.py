"""The figure of a comparison: every method's metrics beside the baseline's, field by field."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photoz_lit.evaluation.compare import ALL, FURTHER
from photoz_lit.evaluation.plots.style import BLACK, CYCLE, GREY, new_figure, paper_style

PANELS = {
    "sigma_mad": (r"$\sigma_\mathrm{MAD}$ [$10^{-3}$]", 1e3),
    "eta": (r"$\eta$ [%]", 1e2),
    "bias": (r"bias [$10^{-3}$]", 1e3),
    "crps": (r"CRPS [$10^{-3}$]", 1e3),
}
COLUMNS_OF_ALL = {"field", "source", "method", "data", "n", "seeds", *FURTHER}


def comparison_figure(table: pd.DataFrame, baseline: str) -> Figure:
    """Draw σ_MAD, η, bias and CRPS of every method with its spread over seeds; the baseline is a dashed line.

    Parameters
    ----------
    table : of :func:`photoz_lit.evaluation.compare.compare`; its rows for all labels are drawn.
    baseline : name of the method that the others are compared with.
    """
    rows = table[table["source"] == ALL].reset_index(drop=True)
    settings = [c for c in rows.columns if c not in COLUMNS_OF_ALL and not any(m in str(c) for m in PANELS)]
    labels = [_label(row, settings) for _, row in rows.iterrows()]
    place = _places(list(rows["field"]))
    colours = {name: CYCLE[k % len(CYCLE)] for k, name in enumerate(dict.fromkeys([baseline, *rows["method"]]))}
    panels = {name: panel for name, panel in PANELS.items() if np.isfinite(rows[name].astype(float)).any()}
    kinds = [str(kind) for kind in rows["data"] if kind and kind != "real"]
    with paper_style():
        figure = new_figure(
            6.4 + 0.06 * max(map(len, labels)), 0.9 + 0.24 * (max(place) + 1), kinds[0] if kinds else "real"
        )
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, (name, (label, factor)) in zip(axes, panels.items(), strict=True):
            for k, row in rows.iterrows():
                spread = row[f"{name}_spread"]
                axis.errorbar(
                    row[name] * factor,
                    place[int(str(k))],
                    xerr=spread * factor if np.isfinite(spread) else None,
                    fmt="s" if row["method"] == baseline else "o",
                    color=colours[row["method"]],
                    ms=4,
                    capsize=2,
                )
            _baselines(axis, rows, place, name, factor, baseline)
            if name == "bias":
                axis.axvline(0, color=BLACK, lw=0.6)
            axis.set_xlabel(label)
            axis.margins(x=0.12)
        axes[0].set_yticks(place, labels)
        axes[0].tick_params(axis="y", length=0)
        axes[0].set_ylim(max(place) + 0.7, -0.7)
    return figure


def _label(row: pd.Series[Any], settings: list[str]) -> str:
    known = [f"{s} {row[s]}" for s in settings if not (isinstance(row[s], float) and not np.isfinite(row[s]))]
    name = str(row["method"]).replace("_", " ")
    return f"{row['field']}  {name}" + (f" ({', '.join(known)})" if known else "")


def _places(fields: list[str]) -> list[float]:
    """Heights of the rows, with a gap between fields."""
    gaps = np.cumsum([0, *(a != b for a, b in pairwise(fields))])
    return [float(k + 0.6 * gap) for k, gap in enumerate(gaps)]


def _baselines(axis: Axes, rows: pd.DataFrame, place: list[float], name: str, factor: float, baseline: str) -> None:
    """A dashed line through each field's rows where it has one baseline."""
    for _, same in rows.groupby("field"):
        value = same.loc[same["method"] == baseline, name]
        if len(value) == 1:
            heights = [place[int(str(k))] for k in same.index]
            x = float(value.iloc[0]) * factor
            axis.plot([x, x], [min(heights) - 0.4, max(heights) + 0.4], color=GREY, lw=0.8, ls="--", zorder=0)
