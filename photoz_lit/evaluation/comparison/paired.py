"""The same galaxies in the predictions of several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.runs import Run
from photoz_lit.evaluation.metrics.summary import galaxy_values
from photoz_lit.evaluation.significance.bootstrap import METRICS, Residuals
from photoz_lit.metric import Metric, shown_in

DEFAULT_THRESHOLD = 0.15


def paired_residuals(
    baseline: Sequence[Run], method: Sequence[Run], source: str | None = None
) -> tuple[Residuals, Residuals] | None:
    """Return the residuals of two methods' runs on the labelled galaxies that all of them predicted.

    Parameters
    ----------
    baseline, method : runs of each, one per training seed.
    source : label source to keep, or None for all.

    Returns
    -------
    Residuals of both, in the same order of galaxies; None where predictions are missing or share no galaxy.

    Raises
    ------
    InputError : a run has a galaxy twice, or the runs' labels of a galaxy differ.
    """
    tables = [_table(run, source) for run in (*baseline, *method)]
    known = [table for table in tables if table is not None]
    if len(known) < len(tables):
        return None
    shared = known[0].index
    for table in known[1:]:
        shared = shared.intersection(table.index)
    if len(shared) < 2:
        return None
    aligned = [table.loc[shared] for table in known]
    for run, table in zip((*baseline, *method), aligned, strict=True):
        if not np.allclose(table["z"], aligned[0]["z"], atol=1e-6):
            raise InputError(
                f"{run.path or run.galaxies}: its labels differ from {baseline[0].path or baseline[0].galaxies}'s; "
                "compare runs on the same labels."
            )
    threshold = float(baseline[0].metrics.get("outlier_threshold") or DEFAULT_THRESHOLD)

    def residuals(parts: Sequence[pd.DataFrame]) -> Residuals:
        values = [galaxy_values(part, "z", threshold) for part in parts]
        further = {name: np.stack([_each(one, of) for of in values]) for name, one in _further().items()}
        delta, crps = (np.stack([of[name] for of in values]) for name in ("delta", "crps"))
        return Residuals(delta, crps, threshold, further)

    return residuals(aligned[: len(baseline)]), residuals(aligned[len(baseline) :])


def _further() -> dict[str, Metric]:
    """Metrics of a comparison, beside the usual ones, that are means over galaxies and can be resampled."""
    return {name: one for name, one in shown_in("comparison").items() if one.mean and name not in METRICS}


def _each(one: Metric, values: Mapping[str, Any]) -> NDArray[np.float64]:
    """A metric's value of each galaxy, (N,); NaN where the predictions lack what it is of."""
    there = set(one.inputs) <= set(values)
    return one.each(values).astype(np.float64) if there else np.full(len(values["delta"]), np.nan)


def _table(run: Run, source: str | None) -> pd.DataFrame | None:
    predictions = run.predictions()
    if predictions is None:
        return None
    keep = np.isfinite(predictions["z"]) & np.isfinite(predictions["z_phot"])
    if source is not None:
        keep &= predictions["z_source"] == source
    if "in_training" in predictions:
        keep &= ~predictions["in_training"]
    table = predictions.loc[keep].set_index("object_id")
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        place = run.galaxies if run.path is None else run.path / "predictions.parquet"
        raise InputError(f"{place} has galaxy {twice} twice; each must be predicted once.")
    return pd.DataFrame(table) if "crps" in table else table.assign(crps=np.nan)
