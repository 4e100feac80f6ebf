"""A montage of galaxies: colour composites of their stamps beside their redshift PDFs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from astropy.visualization import make_lupton_rgb
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from photoz_lit.evaluation.plots.shown_pdf import shown_pdf
from photoz_lit.evaluation.plots.style import BLUE, COLUMN, GREY, VERMILION, new_figure, paper_style

# bands for red, green and blue, each the most wanted first
COMPOSITES = (
    ("optical", (("i", "z", "r"), ("r", "g", "i"), ("g", "u", "r"))),
    ("near-infrared", (("k", "h"), ("h", "j"), ("j", "h"))),
)
STRETCH, SOFTENING = 6.0, 8.0  # [sky σ] and Q of Lupton et al. (2004)


def choose_galaxies(predictions: pd.DataFrame, number: int = 12, seed: int = 0) -> NDArray[np.int64]:
    """Return rows of the table for a montage: two thirds at random, one third the largest |Δz|.

    Galaxies without label are chosen at random; fewer galaxies than ``number`` are all returned.
    """
    random = np.random.default_rng(seed)
    delta = ((predictions["z_phot"] - predictions["z"]) / (1 + predictions["z"])).abs().fillna(-1).to_numpy()
    worst = np.argsort(-delta, kind="stable")[: number // 3]
    others = np.setdiff1d(np.arange(len(predictions)), worst)
    some = random.choice(others, min(number - len(worst), len(others)), replace=False)
    return np.concatenate([np.sort(some), worst]).astype(np.int64)


def colour_composites(stamps: NDArray[Any], bands: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
    """Return colour images of stamps.

    Parameters
    ----------
    stamps : linear flux on one zero point, (n, bands, H, W).
    bands : their names, in order.

    Returns
    -------
    ``optical`` and ``near-infrared`` (where there are at least two bands of it) -> (n, H, W, 3), 8 bit. Bands are
    balanced over all stamps together, so that the mean galaxy is white and colours can be compared.
    """
    flux = np.nan_to_num(np.asarray(stamps, np.float64))
    noise = np.maximum(_sky_noise(flux), 1e-30)
    light = np.maximum(_central_flux(flux), noise)
    out = {}
    for name, wanted in COMPOSITES:
        if name != "optical" and len({b for choices in wanted for b in choices} & set(bands)) < 2:
            continue
        chosen = _available(wanted, bands)
        axes = [bands.index(band) for band in chosen]
        balance = light[axes].mean() / light[axes]
        scale = float(np.mean(noise[axes] * balance))
        channels = flux[:, axes] * balance[:, None, None]
        with np.errstate(invalid="ignore"):  # of pixels without light in any band, which astropy sets to 0
            out[name] = np.stack([make_lupton_rgb(*one, stretch=STRETCH * scale, Q=SOFTENING) for one in channels])
    return out


def montage(
    stamps: NDArray[Any],
    bands: Sequence[str],
    pdf: NDArray[Any],
    z_edges: NDArray[np.float64],
    predictions: pd.DataFrame,
    data: str,
    columns: int = 3,
) -> Figure:
    """Draw galaxies with their PDFs, median (blue) and label (red).

    Parameters
    ----------
    stamps : linear flux on one zero point, (n, bands, H, W).
    bands : their names, in order.
    pdf : probabilities, (n, n_bins).
    z_edges : (n_bins + 1,).
    predictions : the n rows of the table of predictions.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    columns : galaxies side by side.
    """
    composites = colour_composites(stamps, bands)
    pictures = list(composites.values())
    rows = -(-len(stamps) // columns)
    with paper_style():
        figure = new_figure(0.87 * COLUMN * columns, 1.25 * rows + 0.6, data)
        ratios = ([1.0] * len(pictures) + [2.0]) * columns
        axes = figure.subplots(rows, len(ratios), width_ratios=ratios, squeeze=False)
        per_galaxy = len(pictures) + 1
        for cell in range(rows * columns):
            row, first = cell // columns, cell % columns * per_galaxy
            cells = axes[row, first : first + per_galaxy]
            if cell >= len(stamps):
                for axis in cells:
                    axis.set_visible(False)
                continue
            for axis, images in zip(cells[:-1], pictures, strict=True):
                axis.imshow(images[cell], origin="lower")
                axis.set(xticks=[], yticks=[])
            _draw_pdf(cells[-1], pdf[cell], z_edges, predictions.iloc[cell])
            if cell + columns >= len(stamps):
                cells[-1].set_xlabel("redshift $z$", fontsize=7)
        for first in range(0, axes.shape[1], per_galaxy):
            for axis, name in zip(axes[0, first:], composites, strict=False):
                axis.set_title(name, fontsize=6.5, pad=3)
    return figure


def _draw_pdf(axis: Axes, pdf: NDArray[Any], z_edges: NDArray[np.float64], row: pd.Series[Any]) -> None:
    """One PDF over the range that holds its probability, its estimate and its label; the text stands above it."""
    density, edges = shown_pdf(pdf, z_edges, [row["z_phot"], row["z"]])
    axis.stairs(density, edges, fill=True, color=BLUE, alpha=0.35, lw=0)
    axis.stairs(density, edges, color=BLUE, lw=0.6)
    axis.axvline(row["z_phot"], color=BLUE, lw=1)
    label = f"$z_\\mathrm{{phot}}$ {row['z_phot']:.3f}"
    if np.isfinite(row.get("mag", np.nan)):
        label += f", {row['mag']:.1f} mag"
    if np.isfinite(row["z"]):
        axis.axvline(row["z"], color=VERMILION, lw=1, ls="--")
        label += f"\n{row.get('z_source') or 'label'} {row['z']:.3f}"
    axis.set_xlim(edges[0], edges[-1])
    axis.set_ylim(0, 1.08 * float(density.max()))
    axis.set_yticks([])
    axis.tick_params(labelsize=6, pad=1.5)
    axis.locator_params(axis="x", nbins=4)
    axis.set_title(label, fontsize=6, pad=3, color=GREY if not np.isfinite(row["z"]) else "black")


def _available(wanted: tuple[tuple[str, ...], ...], bands: Sequence[str]) -> list[str]:
    """First available band of each colour; the middle band of the list where none is."""
    return [next((b for b in choices if b in bands), bands[len(bands) // 2]) for choices in wanted]


def _sky_noise(flux: NDArray[np.float64]) -> NDArray[np.float64]:
    """Robust σ of the pixels at the stamps' rims, per band, (bands,)."""
    rim = np.concatenate([flux[:, :, :2], flux[:, :, -2:]], axis=2).reshape(*flux.shape[:2], -1)
    middle = np.median(rim, axis=(0, 2), keepdims=True)
    return np.asarray(1.4826 * np.median(np.abs(rim - middle), axis=(0, 2)))


def _central_flux(flux: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over the stamps of the mean of the innermost 4 × 4 pixels, per band, (bands,)."""
    middle = flux.shape[-1] // 2
    part = slice(max(0, middle - 2), middle + 2)
    return np.asarray(np.median(flux[:, :, part, part].mean(axis=(2, 3)), axis=0))
