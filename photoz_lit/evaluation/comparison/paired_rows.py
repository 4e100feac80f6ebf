"""How many galaxies each comparison of two methods read, used and left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from photoz_lit.evaluation.comparison.runs import Run
from photoz_lit.evaluation.comparison.table import baseline_method, group_runs, met_by, same_seeds
from photoz_lit.rows import RowCount


def paired_rows(runs: Sequence[Run], baseline: str | None = None) -> dict[str, RowCount]:
    """Return the count of each method's comparison with its baseline: "field, method, settings" -> rows.

    Read is every galaxy that any of the compared runs predicted. Used are those that p-values are of: labelled, not
    trained on, and predicted by every run. Methods of which a run is a row of results without galaxies are left out.

    Parameters
    ----------
    runs : as for :func:`photoz_lit.evaluation.comparison.table.compare`.
    baseline : the same.
    """
    groups = group_runs(runs)
    name = baseline_method(groups, baseline)
    counts = {}
    for group in groups:
        against = met_by(group, groups, name)
        if group.method == name or against is None:
            continue
        b_runs, m_runs = same_seeds(against.runs, group.runs)
        count = _count([*b_runs, *m_runs])
        if count is not None:
            counts[f"{group.field}, {group.label}"] = count
    return counts


def _count(runs: Sequence[Run]) -> RowCount | None:
    predicted: list[set[str]] = []
    usable: list[set[str]] = []
    trained: set[str] = set()
    for run in runs:
        table = run.predictions()
        if table is None:
            return None
        ids = table["object_id"].astype(str).to_numpy()
        predicted.append({*map(str, ids)})
        known = np.isfinite(table["z"].to_numpy()) & np.isfinite(table["z_phot"].to_numpy())
        usable.append({*map(str, ids[known])})
        if "in_training" in table:
            trained |= {*map(str, ids[table["in_training"].to_numpy(bool)])}
    everything = predicted[0].union(*predicted)
    everywhere = predicted[0].intersection(*predicted)
    labelled = everywhere.intersection(*usable)
    return (
        RowCount.of(len(everything))
        .without("not predicted by every run", len(everything - everywhere))
        .without("without a redshift or an estimate", len(everywhere - labelled))
        .without("trained on", len(labelled & trained))
        .checked(len(labelled - trained))
    )
