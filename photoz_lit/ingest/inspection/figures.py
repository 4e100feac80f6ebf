"""Figures of an inspection: N(z), magnitudes, noise per band, and a montage."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photoz_lit.data.store import CutoutStore
from photoz_lit.ingest.inspection.bands import BandSummary

# Okabe & Ito's colours: distinct for colour-blind readers and in print.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")
MONTAGE_GALAXIES = 12
_SOFTENING = 3.0  # sky sigma at which the montage's asinh turns from linear to logarithmic


def redshift_figure(store: CutoutStore) -> Figure:
    """N(z) per label source."""
    figure, axes = _axes()
    labelled = store.catalogue[np.isfinite(store.catalogue["z"])]
    edges = (
        np.linspace(0.0, max(float(labelled["z"].max()), 1e-3) * 1.02, 51) if len(labelled) else np.linspace(0, 1, 51)
    )
    for (name, z), colour in zip(labelled.groupby("z_source")["z"], cycle(COLOURS), strict=False):
        axes.hist(
            z, list(edges), histtype="step", linewidth=1.6, color=colour, label=f"{name or 'no source'} ({len(z):,})"
        )
    axes.set_xlabel("redshift")
    axes.set_ylabel(f"galaxies per Δz = {edges[1] - edges[0]:.3g}")
    if len(labelled):
        axes.legend(frameon=False)
    return _marked(figure, store)


def magnitude_figure(store: CutoutStore, summaries: Sequence[BandSummary]) -> Figure:
    """Histogram of catalogue magnitudes per band, with the depth of the images."""
    figure, axes = _axes()
    bands = [s for s in summaries if np.isfinite(s.median_magnitude)]
    values = [store.catalogue[f"mag_{s.band}"].to_numpy(float) for s in bands]
    finite = [v[np.isfinite(v)] for v in values]
    if not bands:
        axes.text(0.5, 0.5, "the catalogue has no magnitudes", ha="center", transform=axes.transAxes)
        return figure
    low, high = (float(np.percentile(np.concatenate(finite), q)) for q in (0.1, 99.9))
    edges = np.linspace(np.floor(low), np.ceil(high), 41)
    for k, (summary, v) in enumerate(zip(bands, finite, strict=True)):
        style: dict[str, Any] = {"color": COLOURS[k % len(COLOURS)], "linestyle": LINES[k // len(COLOURS)]}
        axes.hist(v, list(edges), histtype="step", linewidth=1.4, label=summary.band, **style)
        if np.isfinite(summary.depth) and edges[0] < summary.depth < edges[-1]:
            axes.axvline(summary.depth, 0.93, 1.0, linewidth=2.5, **style)
    axes.set_xlabel("AB magnitude (ticks on top: 5σ depth in 2″)")
    axes.set_ylabel(f"galaxies per {edges[1] - edges[0]:.2g} mag")
    axes.legend(frameon=False, ncols=2, title="band")
    return _marked(figure, store)


def band_figure(store: CutoutStore, summaries: Sequence[BandSummary]) -> Figure:
    """Depth and seeing per band."""
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = [s.band for s in summaries]
    left.plot(names, [s.depth for s in summaries], "o", color=COLOURS[0])
    left.set_ylabel("5σ depth in 2″ [AB mag]")
    left.invert_yaxis()
    right.plot(names, [s.seeing for s in summaries], "s", color=COLOURS[3])
    right.set_ylabel("FWHM of compact galaxies [arcsec]")
    for axes in (left, right):
        axes.set_xlabel("band")
        axes.grid(alpha=0.3)
    return _marked(figure, store)


def montage_figure(store: CutoutStore, summaries: Sequence[BandSummary], seed: int = 0) -> Figure:
    """Random galaxies, a row each, a column per band; asinh of flux over noise, dark is bright, missing is red."""
    count = min(MONTAGE_GALAXIES, len(store))
    rows = np.sort(np.random.default_rng(seed).choice(len(store), count, replace=False))
    bands = store.header.bands
    figure = Figure(figsize=(1.0 * len(bands) + 1.3, 1.0 * count + 0.4), layout="constrained")
    grid = figure.subplots(count, len(bands), squeeze=False)
    for line, row in zip(grid, rows, strict=True):
        z = store.catalogue["z"].iloc[row]
        for k, axes in enumerate(line):
            stamp = np.asarray(store.images[row, k], np.float64)
            known = stamp[np.isfinite(stamp)]
            noise = summaries[k].noise if summaries[k].noise > 0 else (float(known.std()) if len(known) else 0.0) or 1.0
            shown = np.arcsinh((stamp - summaries[k].sky) / noise / _SOFTENING)
            axes.set_facecolor("#D55E00")
            axes.imshow(np.ma.masked_invalid(shown), cmap="gray_r", origin="lower", vmin=-0.7, vmax=4.0)
            axes.set_xticks([])
            axes.set_yticks([])
        line[0].set_ylabel(f"z={z:.3f}" if np.isfinite(z) else "no z", fontsize=7)
    for axes, band in zip(grid[0], bands, strict=True):
        axes.set_title(band, fontsize=9)
    return _marked(figure, store)


def _marked(figure: Figure, store: CutoutStore) -> Figure:
    """Say on the figure what its data are, where they are not real."""
    if store.header.data != "real":
        figure.suptitle(f"{store.header.data.replace('_', ' ')} data", fontsize=8, x=0.99, ha="right")
    return figure


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.4, 3.6), layout="constrained")
    return figure, figure.subplots()
