"""The networks of a run: their seeds, what their fits took, and those that died."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from photoz_lit.evaluation.report.page import Section
from photoz_lit.printed import number

#: Key of ``fit.json`` -> head of its column.
COLUMNS = {
    "seed": "seed",
    "n_train": "galaxies",
    "epochs": "epochs",
    "seconds": "seconds",
    "restarts": "restarts",
    "val_loss": "validation loss",
    "val_loss_one_pdf": "loss of one PDF for all",
}
DIGITS = {"seconds": 1}  # of numbers with decimals; 3 in the other columns


def trainings_section(metrics: Mapping[str, Any], fits: Mapping[str, Mapping[str, Any]]) -> list[Section]:
    """Return the section with a row per network; none where the run recorded no fit.

    Parameters
    ----------
    metrics : content of ``metrics.json``.
    fits : ``fold_0_member_0`` -> content of its ``fit.json``.
    """
    known = [key for key in COLUMNS if any(key in fit for fit in fits.values())]
    rows = [
        [name.replace("_", " "), *(_text(fit.get(key), DIGITS.get(key, 3)) for key in known)]
        for name, fit in fits.items()
    ]
    if not rows:
        return []
    table = {"header": ["fit", *(COLUMNS[key] for key in known)], "rows": rows}
    return [Section("Trainings", deaths_and_restarts([metrics]), [table])]


def deaths_and_restarts(metrics: Sequence[Mapping[str, Any]]) -> str:
    """Return how many networks of some runs died; "" where none recorded it.

    A network died where it predicts one PDF for all galaxies; others with fresh weights take its place, at most two.
    """
    known = [one for one in metrics if one.get("restarts") is not None]
    if not known:
        return ""
    restarts = sum(int(one["restarts"]) for one in known)
    left = sum(int(one.get("dead_networks") or 0) for one in known)
    if not restarts + left:
        return "No network died, and none was replaced."
    return (
        f"{restarts + left} networks died (they predicted one PDF for all galaxies); {restarts} were replaced by"
        f" networks with fresh weights, {left} are in the results."
    )


def _text(value: Any, digits: int) -> str:
    if isinstance(value, float):
        return number(value, digits)
    return "–" if value is None else str(value)
