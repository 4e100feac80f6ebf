"""Figures of how fields differ: conditions per band, noise power spectra, probes, and what a network makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from photoz_lit.evaluation.mismatch.images import CONTROL
from photoz_lit.evaluation.mismatch.redshifts import ALL, MATCHED, FieldPredictions
from photoz_lit.evaluation.nz.statistics import coarse_edges, rebinned
from photoz_lit.evaluation.plots.style import BLACK, CYCLE, GREY, new_figure, paper_style
from photoz_lit.fields import field_label
from photoz_lit.imaging.conditions import NoisePower

WIDTH = 7.1  # both columns of a journal page [inch]
MARKERS = "osD^vP*X"
PANELS = {
    "seeing": "seeing FWHM [arcsec]",
    "depth": r"depth [AB mag, 5$\sigma$ in 2$''$]",
    "noise_correlation": r"noise correlation $\sigma$ [pixel]",
    "background_sigma": r"background [$\sigma$ / pixel]",
    "noise_ratio": r"sky noise / source's",
    "colour_offset": r"$\Delta$(band $-$ %s) [mag]",
}
ERRORS = {"seeing": "seeing_err", "colour_offset": "colour_offset_err"}


def field_colours(names: Sequence[str]) -> dict[str, str]:
    """Colour of each field; the source, the first, is black."""
    cycle = [c for c in CYCLE if c != BLACK]
    return {name: BLACK if k == 0 else cycle[(k - 1) % len(cycle)] for k, name in enumerate(names)}


def conditions_figure(table: pd.DataFrame, reference_band: str, data: str) -> Figure:
    """Draw every condition band by band, from :func:`~photoz_lit.evaluation.mismatch.images.conditions_table`."""
    names, bands = list(dict.fromkeys(table["field"])), list(dict.fromkeys(table["band"]))
    colours = field_colours(names)
    with paper_style():
        figure = new_figure(WIDTH, 4.6, data)
        axes = figure.subplots(2, 3, sharex=True)
        for axis, (column, label) in zip(axes.ravel(), PANELS.items(), strict=True):
            for k, name in enumerate(names):
                rows = table[table["field"] == name].set_index("band").loc[bands]
                place = np.arange(len(bands)) + 0.5 * (k - (len(names) - 1) / 2) / max(len(names), 3)
                error = rows[ERRORS[column]].to_numpy(float) if column in ERRORS else None
                axis.errorbar(
                    place, rows[column], yerr=error, fmt=MARKERS[k % len(MARKERS)], ms=4, lw=0.8, color=colours[name]
                )
            axis.set_ylabel(label % reference_band if "%s" in label else label)
            axis.set_xticks(range(len(bands)), bands)
            axis.tick_params(axis="x", top=False, bottom=False)
            axis.set_xlim(-0.6, len(bands) - 0.4)
            axis.margins(y=0.12)
            if column in ("background_sigma", "colour_offset"):
                axis.axhline(0, color=GREY, lw=0.6, zorder=0)
        axes[0, 1].invert_yaxis()  # shallow, hence noisy, at the top, as in the panels of the noise
        for axis in axes[1]:
            axis.set_xlabel("band")
        _legend(figure, names, colours)
    return figure


def noise_figure(powers: Mapping[str, NoisePower], noise: Mapping[str, NDArray[np.float64]], data: str) -> Figure:
    """Draw noise power spectra, each divided by the variance of its pixels, one panel per band.

    Parameters
    ----------
    powers : field -> spectra, the source first.
    noise : field -> sky noise per band, (bands,).
    data : kind of data.
    """
    names = list(powers)
    colours = field_colours(names)
    bands = powers[names[0]].bands
    columns = min(3, len(bands))
    rows = -(-len(bands) // columns)
    with paper_style():
        figure = new_figure(WIDTH, 1.7 * rows + 0.7, data)
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for k, axis in enumerate(axes.ravel()):
            if k >= len(bands):
                axis.set_visible(False)
                continue
            for j, name in enumerate(names):
                power = powers[name]
                axis.plot(
                    power.frequency,
                    power.power[k] / noise[name][k] ** 2,
                    marker=MARKERS[j % len(MARKERS)],
                    ms=3,
                    color=colours[name],
                )
            axis.axhline(1, color=GREY, lw=0.6, ls=":", zorder=0)
            axis.text(0.94, 0.92, bands[k], transform=axis.transAxes, ha="right", va="top")
            axis.set_yscale("log")
            if k % columns == 0:
                axis.set_ylabel(r"noise power / $\sigma^2$")
            if k + columns >= len(bands):
                axis.set_xlabel("frequency [cycles / pixel]")
                axis.tick_params(labelbottom=True)
        _legend(figure, names, colours, lines=True)
    return figure


def probe_figure(table: pd.DataFrame, data: str) -> Figure:
    """Draw the AUC of every probe as bars; full bars are magnitude-matched, outlines take all galaxies."""
    targets = [name for name in dict.fromkeys(table["field"]) if name != CONTROL]
    kinds = list(dict.fromkeys(table["features"]))
    shown = [*targets, CONTROL]
    colours = {**field_colours(["source", *targets]), CONTROL: GREY}
    with paper_style():
        figure = new_figure(min(WIDTH, 2.2 + 0.32 * len(kinds) * len(shown)), 2.9, data)
        axis = figure.subplots()
        width = 0.8 / len(shown)
        for j, name in enumerate(shown):
            rows = table[table["field"] == name].set_index(["features", "matched"])["auc"]
            place = np.arange(len(kinds)) + (j - (len(shown) - 1) / 2) * width
            for matched in (True, False):
                values = np.array([rows.get((kind, matched), np.nan) for kind in kinds], float)
                look: Any = (
                    {"color": colours[name], "alpha": 0.75} if matched else {"fill": False, "ec": BLACK, "lw": 0.7}
                )
                axis.bar(place, values - 0.5, 0.9 * width, bottom=0.5, **look)
        axis.axhline(0.5, color=BLACK, lw=0.8, ls="--")
        axis.set_xticks(range(len(kinds)), kinds)
        axis.tick_params(axis="x", top=False, bottom=False)
        axis.set(
            ylabel="probe AUC (0.5: fields alike)",
            ylim=(min(0.4, float(np.nanmin(table["auc"], initial=0.5)) - 0.03), 1.03),
        )
        handles = [Patch(color=colours[name], alpha=0.75, label=field_label(name)) for name in shown]
        handles.append(Patch(fill=False, ec=BLACK, lw=0.7, label="not matched in magnitude"))
        figure.legend(handles=handles, loc="outside upper left", ncols=min(6, len(handles)))
    return figure


def redshift_figure(
    fields: Sequence[FieldPredictions], table: pd.DataFrame, z_edges: NDArray[np.float64], data: str
) -> Figure:
    """Draw the stacked N(z) of every field and, where redshifts are known, the bias by magnitude."""
    names = [f.name for f in fields]
    colours = field_colours(names)
    known = bool("bias" in table and np.isfinite(table["bias"].astype(float)).any())
    with paper_style():
        figure = new_figure(WIDTH, 3.0, data)
        axes = figure.subplots(1, 2 if known else 1, squeeze=False, width_ratios=[1.25, 1] if known else None)[0]
        _stacks(axes[0], fields, z_edges, colours)
        if known:
            _bias(axes[1], table, names, colours)
        _legend(figure, names, colours, lines=True)
    return figure


def _stacks(
    axis: Axes, fields: Sequence[FieldPredictions], z_edges: NDArray[np.float64], colours: dict[str, str]
) -> None:
    edges = coarse_edges(z_edges)
    last = 1
    for field in fields:
        counts = rebinned(field.pdf.sum(axis=0, dtype=np.float64), z_edges, edges)
        density = counts / counts.sum() / np.diff(edges)
        axis.stairs(density, edges, color=colours[field.name], lw=1.2)
        last = max(last, int(np.flatnonzero(density > 5e-3 * density.max()).max()) + 2)
    axis.set(xlabel="redshift $z$", ylabel="$N(z)$, stacked PDFs [normalised]")
    axis.set_xlim(edges[0], edges[min(last, len(edges) - 1)])
    axis.set_ylim(bottom=0)


def _bias(axis: Axes, table: pd.DataFrame, names: Sequence[str], colours: dict[str, str]) -> None:
    groups = [g for g in dict.fromkeys(table["group"]) if g != MATCHED]
    groups.sort(key=lambda group: group != ALL)
    for k, name in enumerate(names):
        rows = table[table["field"] == name].set_index("group").reindex(groups)
        place = np.arange(len(groups)) + 0.5 * (k - (len(names) - 1) / 2) / max(len(names), 3)
        axis.errorbar(
            place, rows["bias"], yerr=rows["bias_err"], fmt=MARKERS[k % len(MARKERS)], ms=4, lw=0.8, color=colours[name]
        )
    axis.axhline(0, color=GREY, lw=0.6, zorder=0)
    axis.set_xticks(range(len(groups)), [g.removeprefix("mag ").replace("-", "–") for g in groups], rotation=25)
    axis.tick_params(axis="x", top=False, bottom=False)
    axis.set(xlabel="magnitude", ylabel=r"bias $\langle\Delta z\rangle$")


def _legend(figure: Figure, names: Sequence[str], colours: dict[str, str], lines: bool = False) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=colours[name],
            marker=MARKERS[k % len(MARKERS)],
            ms=4,
            ls="-" if lines else "",
            label=field_label(name),
        )
        for k, name in enumerate(names)
    ]
    handles[0].set_label(f"{field_label(names[0])} (source)")
    figure.legend(handles=handles, loc="outside upper left", ncols=min(6, len(names)))
