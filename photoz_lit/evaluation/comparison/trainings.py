"""How the networks of a comparison were trained: those that died, and trainings that are not alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from photoz_lit.evaluation.comparison.runs import Run
from photoz_lit.printed import significant

DIED, RESTARTS, UNEQUAL = "died", "restarts", "unequal"
ALIKE = 0.01  # relative difference of numbers that counts as none
WORDS = {"recipe": "published", "tta": 1}  # of networks whose rows are older than the key
NUMBERS = {"n_train": "galaxies", "epochs": "epochs", "train_images": "images"}


def deaths_of(runs: Sequence[Run]) -> dict[str, float]:
    """Count dead networks of a method, which leave a comparison that is conditioned on success.

    Returns
    -------
    ``died`` : networks that predicted one PDF for all galaxies, those that gave way to another and those that stayed.
    ``restarts`` : networks with fresh weights that took a dead one's place. Both NaN where no run recorded them.
    """
    known = [run.metrics for run in runs if run.metrics.get("restarts") is not None]
    if not known:
        return {DIED: np.nan, RESTARTS: np.nan}
    restarts = sum(int(metrics["restarts"]) for metrics in known)
    return {DIED: restarts + sum(int(metrics.get("dead_networks") or 0) for metrics in known), RESTARTS: restarts}


def unequal_training(method: Sequence[Run], baseline: Sequence[Run]) -> str:
    """Say in what a method's trainings differ from the baseline's by more than 1 %; "" where in nothing.

    Training galaxies, epochs, images seen, recipe and images per prediction are compared, each where both recorded it:
    ``epochs 2 (baseline 1); images 8,000 (baseline 4,000)``.
    """
    mine, other = _training(method), _training(baseline)
    found = []
    for key in (*NUMBERS, *WORDS):
        if key not in mine or key not in other:
            continue
        a, b = mine[key], other[key]
        same = abs(a - b) <= ALIKE * max(a, b) if key in NUMBERS else a == b
        if not same:
            found.append(f"{NUMBERS.get(key, key)} {_text(a)} (baseline {_text(b)})")
    return "; ".join(found)


def _training(runs: Sequence[Run]) -> dict[str, Any]:
    """Mean of each number over the runs, and the words; only what all of them recorded."""
    every = [_of_one(run.metrics) for run in runs]
    shared = set.intersection(*(set(one) for one in every))
    numbers = {key: float(np.mean([one[key] for one in every])) for key in NUMBERS if key in shared}
    words = {key: ", ".join(sorted({str(one[key]) for one in every})) for key in WORDS if key in shared}
    return {**numbers, **words}


def _of_one(metrics: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: metrics[key] for key in ("n_train", "train_images") if metrics.get(key)}
    if "train_images" not in known:
        return known  # no network: it has neither epochs nor a recipe
    if "n_train" in known:
        known["epochs"] = known["train_images"] / known["n_train"]
    return {**known, **{key: metrics.get(key) or usual for key, usual in WORDS.items()}}


def _text(value: object) -> str:
    return significant(value, 3) if isinstance(value, float) else str(value)
