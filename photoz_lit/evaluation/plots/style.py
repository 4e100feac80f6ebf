"""One style for all figures: sizes, colour-blind-safe colours, and the mark of simulated data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from PIL import Image

from photoz_lit.files import whole_file

# Okabe & Ito (2008)
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
GREY = "#777777"
DENSITY_MAP = "cividis"
COLUMN = 3.5  # width of one column of a journal page [inch]
DPI = 200

STYLE: Any = {
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.2,
    "image.interpolation": "nearest",
    "axes.prop_cycle": cycler(color=CYCLE),
    "savefig.dpi": DPI,
    "mathtext.fontset": "dejavusans",
}
MARKS = {"simulated": "simulated", "simulated_from_catalogue": "simulated from catalogue", "real": ""}


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw in the figures' style inside a ``with`` block, whatever the caller's settings."""
    with mpl.rc_context(STYLE):
        yield


def new_figure(width: float, height: float, data: str) -> Figure:
    """Return an empty figure [inch] that carries the mark of its data: ``simulated``, … (``real`` has none)."""
    figure = Figure(figsize=(width, height), layout="constrained")
    mark = MARKS.get(data, data)
    if mark:
        # a title at the right is part of the layout, so the mark covers nothing
        figure.suptitle(mark, x=0.99, ha="right", fontsize=8, style="italic", color=VERMILION)
    return figure


def kind_of_data(kinds: Iterable[object]) -> str:
    """Kind of data that a figure of several rows is marked with: the first that is not real."""
    return next((str(kind) for kind in kinds if kind and kind != "real"), "real")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG of 256 colours, a third of the size of full colour, whole or not at all.

    Raises
    ------
    InputError : the file cannot be written.
    """
    with whole_file(path) as partial, paper_style():
        figure.savefig(partial, dpi=DPI)
        few_colours = Image.open(partial).convert("RGB").quantize(dither=Image.Dither.NONE)
        few_colours.save(partial, optimize=True, dpi=(DPI, DPI))
    return path
