"""Training curves of a run's networks."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photoz_lit.evaluation.plots.style import BLUE, COLUMN, VERMILION, new_figure, paper_style
from photoz_lit.metric import metrics

LOSSES = (("train_loss", "training", BLUE), ("val_loss", "validation", VERMILION))


def training_curve(curve: pd.DataFrame, data: str) -> Figure:
    """Draw losses and validation metrics against the epoch, one line per network.

    Parameters
    ----------
    curve : the content of ``metrics.csv``: ``epoch`` and any of ``train_loss``, ``val_loss``, ``val_sigma_mad``,
        ``val_crps``; optional ``fold`` and ``member`` tell the networks of a run apart. Rows may be partly empty, as
        Lightning writes training and validation in separate rows.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    """
    networks = [name for name in ("fold", "member") if name in curve]
    parts = [part for _, part in curve.groupby(networks)] if networks else [curve]
    panels = [one for name, one in metrics().items() if f"val_{name}" in curve]
    with paper_style():
        figure = new_figure(COLUMN * (1 + len(panels)) * 0.95, 0.85 * COLUMN, data)
        axes = figure.subplots(1, 1 + len(panels), squeeze=False)[0]
        for name, label, colour in LOSSES:
            for number, part in enumerate(parts if name in curve else []):
                _line(axes[0], part, name, colour, label if number == 0 else None)
        axes[0].set(xlabel="epoch", ylabel="loss")
        axes[0].legend()
        for axis, one in zip(axes[1:], panels, strict=True):
            for part in parts:
                _line(axis, part, f"val_{one.name}", VERMILION, None)
            axis.set(xlabel="epoch", ylabel=f"validation {one.symbol or one.label}")
    return figure


def _line(axis: Axes, part: pd.DataFrame, name: str, colour: str, label: str | None) -> None:
    known = part.dropna(subset=[name])
    mean = known.groupby("epoch")[name].mean()
    style = "o-" if len(mean) < 2 else "-"
    axis.plot(mean.index, mean.to_numpy(), style, color=colour, lw=1.1, alpha=0.85, label=label)
