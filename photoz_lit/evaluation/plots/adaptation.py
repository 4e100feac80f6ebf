"""Figures of a study of adaptation: metrics of each method field by field, and N(z) before and after."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photoz_lit.evaluation.comparison.adaptation import AdaptationTables
from photoz_lit.evaluation.plots.nz import draw_counts
from photoz_lit.evaluation.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    new_figure,
    paper_style,
)
from photoz_lit.fields import field_label
from photoz_lit.metric import Metric, drawn_in
from photoz_lit.studies.compared import Compared

OTHERS = (ORANGE, PURPLE, SKY, GREY, BLACK)  # in turn, of methods that are nothing in particular
MOST_NZ = 4  # panels of N(z)


def colours_of(compared: Compared) -> dict[str, str]:
    """Return a colour of every method that a study names: its reference, bound and main method have their own."""
    own = {compared.reference: VERMILION, compared.bound: GREEN, compared.main: BLUE}
    others = [method for method in compared.methods if method not in own]
    named = {method: colour for method, colour in own.items() if method is not None}
    return named | {method: OTHERS[k % len(OTHERS)] for k, method in enumerate(others)}


def adaptation_figure(tables: AdaptationTables) -> Figure:
    """Draw σ_MAD, |bias| and N(z) total variation of every method, field by field, with standard errors over seeds.

    Dashed lines are the network without adaptation and the oracle.
    """
    compared = tables.compared
    panels = [one for name, one in drawn_in("adaptation").items() if name in tables.methods]
    table = tables.methods.assign(**{one.name: one.badness(tables.methods[one.name]) for one in panels})
    keys = ["field", *tables.swept]
    places = [(_title(same.iloc[0], tables.swept), same) for _, same in table.groupby(keys, sort=False, dropna=False)]
    data = str(table["data"].iloc[0])
    with paper_style():
        figure = new_figure(7.2, 0.7 + 0.2 * len(table) + 0.42 * len(places), data)
        grid = figure.subplots(
            len(places),
            len(panels),
            sharey="row",
            sharex="col",
            squeeze=False,
            height_ratios=[len(s) + 1 for _, s in places],
        )
        for axes, (title, same) in zip(grid, places, strict=True):
            for axis, one in zip(axes, panels, strict=True):
                _metric(axis, same, one, compared)
            axes[0].set_yticks(range(len(same)), [compared.label(str(method)) for method in same["method"]])
            axes[0].tick_params(axis="y", length=0)
            axes[0].set_ylim(len(same) - 0.3, -0.7)
            axes[0].set_title(title, loc="left", fontweight="bold")
        for axis, one in zip(grid[-1], panels, strict=True):
            axis.set_xlabel(one.axis if one.better != "zero" else one.axis.replace(one.label, f"|{one.label}|"))
        dashed = [compared.reference, *([compared.bound] if (table["method"] == compared.bound).any() else [])]
        notes = f"dashed: {' and '.join(compared.label(str(method)) for method in dashed)}"
        if (table["seeds"] > 1).any():
            notes = f"bars: standard error over seeds; {notes}"
        figure.supxlabel(notes, x=0.99, ha="right", color=GREY, fontsize=7)
    return figure


def adaptation_nz_figure(tables: AdaptationTables) -> Figure | None:
    """Draw the targets' N(z), stacked PDFs with and without adaptation against the truth; None where none was kept.

    The first four fields (or settings) are drawn; the band of the truth is its Poisson noise.
    """
    compared, none = tables.compared, str(tables.compared.reference)
    places = [(place, kept) for place, kept in tables.nz.items() if none in kept][:MOST_NZ]
    if not places:
        return None
    columns = min(2, len(places))
    rows = -(-len(places) // columns)
    with paper_style():
        figure = new_figure(3.6 * columns + 0.2, 2.6 * rows + 0.2, str(tables.methods["data"].iloc[0]))
        grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
        for axis, ((field, settings), kept) in zip(grid.ravel(), places, strict=False):
            first = kept[none]
            edges = np.linspace(first["z_min"], first["z_max"], len(first["truth"]) + 1)
            draw_counts(axis, first["truth"], edges, BLACK, "truth", band=True)
            adapted = next((m for m in (compared.main, *compared.methods) if m in kept and m != none), None)
            for method in (none, *([adapted] if adapted else [])):
                style, colour = "--" if method == none else "-", colours_of(compared)[method]
                draw_counts(axis, kept[method]["stacked"], edges, colour, compared.label(method), style)
            axis.set_title(f"{field_label(field)} {settings}".strip(), loc="left", fontweight="bold")
            axis.set_ylim(bottom=0)
            seen = np.flatnonzero(first["truth"] > 0.002 * first["truth"].sum())
            axis.set_xlim(edges[0], edges[min(int(seen.max()) + 3, len(edges) - 1)])
        for axis in grid.ravel()[len(places) :]:
            axis.set_visible(False)
        for axis in grid[:, 0]:
            axis.set_ylabel("$N(z)$ [normalised]")
        for axis in grid[-1]:
            axis.set_xlabel("redshift $z$")
        grid[0, 0].legend()
    return figure


def _metric(axis: Axes, rows: pd.DataFrame, one: Metric, compared: Compared) -> None:
    """One metric of one field."""
    name, factor, colours = one.name, one.factor, colours_of(compared)
    markers = {compared.reference: "s", compared.bound: "D", compared.main: "*"}
    for place, (_, row) in enumerate(rows.iterrows()):
        method, error = str(row["method"]), row[f"{name}_err"]
        axis.errorbar(
            row[name] * factor,
            place,
            xerr=error * factor if np.isfinite(error) else None,
            fmt=markers.get(method, "o"),
            color=colours.get(method, BLACK),
            ms=7 if method == compared.main else 4,
            capsize=2,
        )
        if method in (compared.reference, compared.bound):
            axis.axvline(row[name] * factor, color=colours[method], lw=0.8, ls="--", zorder=0)
    axis.margins(x=0.12)
    axis.locator_params(axis="x", nbins=5)


def _title(row: pd.Series, swept: tuple[str, ...]) -> str:
    return ", ".join([field_label(str(row["field"])), *(f"{name} {row[name]}" for name in swept)])
