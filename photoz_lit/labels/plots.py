"""Figures of a label set: maps, before and after against the target, raw against smooth N(z), cell agreement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from photoz_lit.data.smoothing import RedshiftDensity
from photoz_lit.labels.build import LabelSet, n_of_z_edges
from photoz_lit.labels.features import raw_features
from photoz_lit.labels.gold import CellAgreement
from photoz_lit.labels.maps import map_figures, sequence_colours

# Okabe–Ito; line styles differ too, so that a grey print can be read.
SAMPLE_STYLES = {
    "spec only": ("#0072B2", "--"),
    "all labels": ("#E69F00", "-."),
    "SOM merge": ("#D55E00", "-"),
    "merge + KDE": ("#009E73", ":"),
}
PANEL = 2.4  # inches


def write_plots(labels: LabelSet, folder: Path) -> list[Path]:
    """Write every figure of a label set as PNG and return the files."""
    data = str(labels.report["data"])
    figures = map_figures(labels.merged.cells, labels.som.shape, data)
    figures["features_before_after"] = feature_figure(labels)
    figures["n_of_z_before_after"] = redshift_figure(labels)
    figures["cell_agreement"] = agreement_figure(labels.merged.agreement, data)
    if labels.density is not None:
        figures["n_of_z_raw_smooth"] = smoothing_figure(labels.density, labels.som.space.magnitude, data)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for stem, figure in figures.items():
        paths.append(folder / f"{stem}.png")
        figure.savefig(paths[-1])
    return paths


def feature_figure(labels: LabelSet) -> Figure:
    """Distributions of magnitude and colours: label samples against the target."""
    space = labels.som.space
    n = len(space.names)
    columns = min(3, n)
    rows = -(-n // columns)
    figure = Figure(figsize=(PANEL * columns, 1.9 * rows + 0.4), layout="constrained", dpi=200)
    target = raw_features(labels.target, space.magnitude, space.bands)
    samples = {k: (raw_features(s.table, space.magnitude, space.bands), s.weights) for k, s in labels.samples.items()}
    for k, name in enumerate(space.names):
        axes = figure.add_subplot(rows, columns, k + 1)
        known = target[np.isfinite(target[:, k]), k]
        low, high = np.quantile(known, [0.002, 0.998])
        edges = np.linspace(low, high, 40)
        _filled(axes, known, edges)
        for label, (raw, weight) in samples.items():
            _line(axes, raw[:, k], weight, edges, label)
        axes.set_xlabel(f"{name} [mag]")
        axes.set_yticks([])
    _finish(figure, str(labels.report["data"]))
    return figure


def redshift_figure(labels: LabelSet) -> Figure:
    """N(z) of the label samples, against the target's where it is known."""
    figure = Figure(figsize=(5.2, 3.0), layout="constrained", dpi=200)
    axes = figure.add_subplot()
    edges = n_of_z_edges(labels.samples)
    if labels.reference_z is not None:
        _filled(axes, labels.reference_z[np.isfinite(labels.reference_z)], edges)
    for name, sample in labels.samples.items():
        _line(axes, sample.table["z"].to_numpy(np.float64), sample.weights, edges, name)
    axes.set_xlabel("redshift $z$")
    axes.set_ylabel("normalised $N(z)$")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    _finish(figure, str(labels.report["data"]))
    return figure


def agreement_figure(agreement: CellAgreement, data: str) -> Figure:
    """Mean photo-z against mean spec-z of each cell, with the limit of the gold test."""
    figure = Figure(figsize=(3.5, 3.4), layout="constrained", dpi=200)
    axes = figure.add_subplot()
    good = agreement.tested & ~agreement.failed
    axes.plot(agreement.z_spec[good], agreement.z_phot[good], ".", ms=2.5, color="#0072B2", label="passes")
    axes.plot(
        agreement.z_spec[agreement.failed],
        agreement.z_phot[agreement.failed],
        "x",
        ms=4,
        color="#D55E00",
        label="fails",
    )
    both = np.concatenate([agreement.z_spec[agreement.tested], agreement.z_phot[agreement.tested], [1.0]])
    top = 1.05 * float(both.max())
    line = np.array([0.0, top])
    axes.plot(line, line, "-", color="0.3", lw=0.8)
    for sign in (-1, 1):
        axes.plot(line, line + sign * agreement.limit, "--", color="0.3", lw=0.8)
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.set_aspect("equal")
    axes.set_xlabel(r"$\langle z_{\rm spec}\rangle$ of the cell")
    axes.set_ylabel(r"$\langle z_{\rm phot}\rangle$ of the cell")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    _mark(axes, data)
    return figure


def smoothing_figure(density: RedshiftDensity, band: str, data: str) -> Figure:
    """N(z | magnitude) raw and smooth at four magnitudes."""
    figure = Figure(figsize=(5.2, 5.0), layout="constrained", dpi=200)
    rows = np.linspace(0.15, 0.97, 4) * (len(density.magnitude) - 1)
    z = np.expm1(density.x)
    shown = density.smooth[np.rint(rows).astype(int)].sum(0)
    top = float(z[np.searchsorted(np.cumsum(shown) / shown.sum(), 0.998)])
    first: Axes | None = None
    for k, (row, colour) in enumerate(zip(np.rint(rows).astype(int), sequence_colours(4), strict=True)):
        axes = figure.add_subplot(4, 1, k + 1, sharex=first)
        first = first or axes
        per_z = 1 / (1 + z)  # density per unit of ln(1 + z) to density per unit of z
        axes.fill_between(z, density.raw[row] * per_z, color="0.8", lw=0, label="raw")
        axes.plot(z, density.smooth[row] * per_z, color=colour, lw=1.4, label="smooth")
        axes.text(
            0.98,
            0.85,
            f"${band}={density.magnitude[row]:.1f}$\n$h={density.bandwidth[row]:.3f}\\,(1+z)$",
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=8,
        )
        axes.set_xlim(0, top)
        axes.set_ylim(bottom=0)
        axes.tick_params(labelbottom=k == 3)
        if k == 0:
            axes.legend(frameon=False, fontsize=8, loc="upper center", ncols=2)
            _mark(axes, data)
    axes.set_xlabel("redshift $z$")
    figure.supylabel("$N(z\\,|\\,$magnitude$)$", fontsize=10)
    return figure


def _filled(axes: Axes, values: NDArray[np.float64], edges: NDArray[np.float64]) -> None:
    axes.stairs(np.histogram(values, edges, density=True)[0], edges, fill=True, color="0.8", label="target")


def _line(
    axes: Axes, values: NDArray[np.float64], weight: NDArray[np.float64], edges: NDArray[np.float64], name: str
) -> None:
    colour, style = SAMPLE_STYLES[name]
    known = np.isfinite(values)
    counts, _ = np.histogram(values[known], edges, weights=weight[known], density=True)
    axes.stairs(counts, edges, color=colour, ls=style, lw=1.2, label=name)


def _finish(figure: Figure, data: str) -> None:
    """One legend for all panels, above them, and a mark where the data are not real."""
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=len(names), frameon=False, fontsize=7)
    _mark(figure.axes[-1], data)


def _mark(axes: Axes, data: str) -> None:
    if data != "real":
        axes.set_title(data.replace("_", " "), fontsize=7, loc="right", color="0.4")
