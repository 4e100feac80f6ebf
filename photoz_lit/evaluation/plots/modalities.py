"""What each modality brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from photoz_lit.evaluation.plots.style import BLUE, COLUMN, GREY, VERMILION, new_figure, paper_style
from photoz_lit.metric import metric

ALL, WITHOUT, ONLY = "all", "without ", "only "


def are_modalities(kept: Sequence[str]) -> bool:
    """Whether rows are of all modalities, without each one, and with each one alone."""
    return ALL in kept and len(kept) > 1 and all(name == ALL or name.startswith((WITHOUT, ONLY)) for name in kept)


def modality_figure(rows: Sequence[Mapping[str, Any]], data: str) -> Figure:
    """Draw σ_MAD without each modality and with each one alone, against that of all.

    Parameters
    ----------
    rows : with ``kept`` (``all``, ``without <name>``, ``only <name>``), ``sigma_mad`` and, where it is the mean over
        seeds, ``sigma_mad_spread``, its standard deviation.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    """
    whole = next(row["sigma_mad"] for row in rows if row["kept"] == ALL)
    spreads = any(np.isfinite(_spread(row)) for row in rows)
    with paper_style():
        figure = new_figure(2 * COLUMN, 0.9 * COLUMN, data)
        panels = ((WITHOUT, "left out", BLUE), (ONLY, "alone", VERMILION))
        for axis, (prefix, title, colour) in zip(figure.subplots(1, 2), panels, strict=True):
            chosen = [row for row in rows if row["kept"].startswith(prefix)]
            names = [row["kept"].removeprefix(prefix).replace("_", "") for row in chosen]
            place = np.arange(len(names))
            error = [_spread(row) for row in chosen] if spreads else None
            axis.bar(
                place, [row["sigma_mad"] for row in chosen], yerr=error, color=colour, width=0.65,
                error_kw={"capsize": 2, "lw": 0.8},
            )  # fmt: skip
            axis.axhline(whole, color="black", lw=1, ls="--", label="all modalities")
            axis.set_xticks(place, names)
            axis.set(xlabel=f"modality {title}", ylabel=metric("sigma_mad").symbol)
            # above the bars, which may reach as high as they like
            axis.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0)
        if spreads:
            figure.supxlabel("bars: standard deviation over seeds", x=0.99, ha="right", color=GREY, fontsize=7)
    return figure


def _spread(row: Mapping[str, Any]) -> float:
    return float(row.get("sigma_mad_spread", np.nan))
