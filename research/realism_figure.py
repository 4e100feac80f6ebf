"""The figure of ``task=realism``: colour-redshift tracks, simulated over real, and the forest's redshifts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.evaluation.plots.style import BLACK, BLUE, COLUMN, DENSITY_MAP, VERMILION, new_figure, paper_style, save

FloatArray = NDArray[np.float64]

COLOURS = (("u", "g"), ("g", "r"), ("r", "i"), ("i", "z"), ("z", "j"), ("j", "k"))
Z_EDGES = np.linspace(0.05, 1.2, 24)
REAL_FAINT = 22.5


def write_figure(path: Path, real: pd.DataFrame, simulated: pd.DataFrame, z_phot: dict[str, FloatArray]) -> None:
    """Draw six colours against redshift and z_phot against z_spec.

    Parameters
    ----------
    path : PNG to write.
    real : real galaxies of the report half.
    simulated : simulated galaxies through the same filters, cut at i < 22.5 like the real ones.
    z_phot : field of the training -> (n,) redshifts of ``real``.
    """
    simulated = simulated[simulated["mag_i"] < REAL_FAINT]
    with paper_style():
        figure = new_figure(2.1 * COLUMN, 1.25 * COLUMN, "real and simulated")
        axes = figure.subplots(2, 4).ravel()
        for axis, (blue, red) in zip(axes[[0, 1, 2, 4, 5, 6]], COLOURS, strict=True):
            _track(axis, real["z"], real[f"mag_{blue}"] - real[f"mag_{red}"], BLACK, "zCOSMOS")
            _track(
                axis, simulated["z_true"], simulated[f"mag_{blue}"] - simulated[f"mag_{red}"], VERMILION, "simulated"
            )
            axis.set(xlabel="redshift", ylabel=f"${blue} - {red}$ [mag]", xlim=(0, 1.2))
        axes[0].set_ylim(-0.1, 2.4)
        axes[0].legend(loc="upper right", handlelength=1.2)
        for axis, (field, estimate) in zip(axes[[3, 7]], z_phot.items(), strict=True):
            _redshifts(axis, real["z"].to_numpy(), estimate, field)
        save(figure, path)


def _track(axis: Any, z: pd.Series, colour: pd.Series, tint: str, label: str) -> None:
    """Median with the 16th to 84th percentile in bins of redshift."""
    bins = np.digitize(z, Z_EDGES) - 1
    centre, percentiles = [], []
    for k in range(len(Z_EDGES) - 1):
        values = colour[bins == k].dropna()
        if len(values) >= 20:
            centre.append(0.5 * (Z_EDGES[k] + Z_EDGES[k + 1]))
            percentiles.append(np.percentile(values, [16, 50, 84]))
    low, middle, high = np.array(percentiles).T
    axis.fill_between(centre, low, high, color=tint, alpha=0.2, linewidth=0)
    axis.plot(centre, middle, color=tint, label=label)


def _redshifts(axis: Any, z: FloatArray, estimate: FloatArray, field: str) -> None:
    axis.hexbin(
        z, estimate, gridsize=60, extent=(0, 1.5, 0, 1.5), bins="log", cmap=DENSITY_MAP, mincnt=1, linewidths=0.1
    )
    line = np.array([0.0, 1.5])
    axis.plot(line, line, color=VERMILION, linewidth=0.8)
    for sign in (-1, 1):
        axis.plot(line, line + sign * 0.15 * (1 + line), color=BLUE, linewidth=0.8, linestyle="--")
    axis.set(xlabel="$z_{spec}$", ylabel="$z_{phot}$", xlim=(0, 1.5), ylim=(0, 1.5))
    axis.set_title(f"forest trained on\nsimulated {field}", fontsize=8)
