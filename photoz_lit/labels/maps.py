"""Maps of the cells as figures: occupation, redshift, spread, source of the labels, coverage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from photoz_lit.labels.settings import TIERS

COLUMN_WIDTH = 3.5  # inches, one column of a journal
EMPTY = "0.88"
# Okabe–Ito, in the order of the tiers, and grey for cells without labels.
TIER_COLOURS = ("#0072B2", "#009E73", "#E69F00", "#CC79A7")
TIER_NAMES = ("spec-z", "grism", "prism", "photo-z")
COVERAGE_COLOURS = (EMPTY, "#D55E00", "#CC79A7", "#0072B2", "#000000")
COVERAGE_NAMES = ("no target", "no label", "any label", "spec-z", "gold failed")


def map_figures(cells: pd.DataFrame, shape: tuple[int, int], data: str) -> dict[str, Figure]:
    """Draw the maps.

    Parameters
    ----------
    cells : table of cells of :class:`photoz_lit.labels.merge.Merge`.
    shape : rows and columns of the map.
    data : ``real`` or ``simulated…``; said on the figure where it is not real.

    Returns
    -------
    File stem -> figure.
    """
    occupied = cells["n_target"].to_numpy() > 0
    median, spread = (cells[name].to_numpy(np.float64) for name in ("z_median", "z_spread"))
    # A scatter needs a few labels to mean anything.
    labels = cells[[f"n_{tier}" for tier in TIERS]].to_numpy().sum(1)
    relative = np.where(labels >= 3, spread / (1 + median), np.nan)
    return {
        "map_occupation": _continuous(
            np.where(occupied, cells["n_target"], np.nan), shape, "target galaxies per cell", data, log=True
        ),
        "map_median_z": _continuous(median, shape, "median redshift of the labels", data, colours="viridis"),
        "map_spread": _continuous(relative, shape, r"$1.4826\,$MAD$(z)\,/\,(1+z)$", data),
        "map_source": _classes(best_tier(cells), shape, TIER_COLOURS, TIER_NAMES, "best label in the cell", data),
        "map_coverage": _classes(
            coverage_class(cells), shape, COVERAGE_COLOURS, COVERAGE_NAMES, "coverage of the target sample", data
        ),
    }


def best_tier(cells: pd.DataFrame) -> NDArray[np.float64]:
    """Number of the best tier that has a label in each cell (0 spec … 3 photo), NaN where there is none."""
    has = cells[[f"n_{tier}" for tier in TIERS]].to_numpy() > 0
    return np.where(has.any(1), has.argmax(1), np.nan)


def coverage_class(cells: pd.DataFrame) -> NDArray[np.float64]:
    """0 no target galaxy, 1 target without a label, 2 any label, 3 spec-z, 4 fails the gold test."""
    tier = best_tier(cells)
    result = np.where(np.isnan(tier), 1.0, np.where(tier == 0, 3.0, 2.0))
    result[cells["gold"].to_numpy(np.float64) == 0] = 4
    result[cells["n_target"].to_numpy() == 0] = 0
    return result


def _axes(data: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(COLUMN_WIDTH, 3.0), layout="constrained", dpi=200)
    axes = figure.add_subplot()
    axes.set_xlabel("column of the map")
    axes.set_ylabel("row of the map")
    axes.set_facecolor(EMPTY)
    if data != "real":
        axes.set_title(data.replace("_", " "), fontsize=8, loc="right", color="0.4")
    return figure, axes


def _continuous(
    values: NDArray[np.float64],
    shape: tuple[int, int],
    label: str,
    data: str,
    colours: str = "cividis",
    log: bool = False,
) -> Figure:
    figure, axes = _axes(data)
    known = values[np.isfinite(values)]
    grid = np.ma.masked_invalid(values.reshape(shape))
    if len(known) and log:
        image = axes.imshow(
            grid, origin="lower", cmap=colours, norm=LogNorm(known.min(), max(known.max(), 2 * known.min()))
        )
    else:
        low, high = np.quantile(known, [0.0, 0.99]) if len(known) else (0.0, 1.0)
        image = axes.imshow(grid, origin="lower", cmap=colours, vmin=low, vmax=max(high, low + 1e-3))
    figure.colorbar(image, ax=axes, label=label, extend="neither" if log else "max", shrink=0.8)
    return figure


def _classes(
    values: NDArray[np.float64],
    shape: tuple[int, int],
    colours: tuple[str, ...],
    names: tuple[str, ...],
    label: str,
    data: str,
) -> Figure:
    figure, axes = _axes(data)
    edges = np.arange(len(names) + 1) - 0.5
    image = axes.imshow(
        np.ma.masked_invalid(values.reshape(shape)),
        origin="lower",
        cmap=ListedColormap(colours),
        norm=BoundaryNorm(edges.tolist(), len(names)),
    )
    bar = figure.colorbar(image, ax=axes, label=label, ticks=range(len(names)), shrink=0.8)
    bar.ax.set_yticklabels(names)
    return figure


def sequence_colours(n: int) -> list[tuple[float, float, float, float]]:
    """Return ``n`` colours from dark to light."""
    return [colormaps["viridis"](value) for value in np.linspace(0.0, 0.85, n)]
