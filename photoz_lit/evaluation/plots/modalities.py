"""What each modality brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from photoz_lit.evaluation.plots.style import BLUE, COLUMN, VERMILION, new_figure, paper_style


def modality_figure(rows: Sequence[dict[str, Any]], data: str) -> Figure:
    """Draw σ_MAD without each modality and with each one alone, against that of all.

    Parameters
    ----------
    rows : with ``kept`` (``all``, ``without <name>``, ``only <name>``) and ``sigma_mad``.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    """
    whole = next(row["sigma_mad"] for row in rows if row["kept"] == "all")
    with paper_style():
        figure = new_figure(2 * COLUMN, 0.9 * COLUMN, data)
        panels = (("without ", "left out", BLUE), ("only ", "alone", VERMILION))
        for axis, (prefix, title, colour) in zip(figure.subplots(1, 2), panels, strict=True):
            chosen = [row for row in rows if row["kept"].startswith(prefix)]
            names = [row["kept"].removeprefix(prefix).replace("_", "") for row in chosen]
            place = np.arange(len(names))
            axis.bar(place, [row["sigma_mad"] for row in chosen], color=colour, width=0.65)
            axis.axhline(whole, color="black", lw=1, ls="--", label="all modalities")
            axis.set_xticks(place, names)
            axis.set(xlabel=f"modality {title}", ylabel=r"$\sigma_\mathrm{MAD}$")
            axis.legend()
    return figure
