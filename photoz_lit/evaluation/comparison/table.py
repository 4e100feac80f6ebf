"""The paper's table from finished runs: metrics of each method, its gain over the baseline, and both p-values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError, nearest
from photoz_lit.evaluation.comparison.paired import paired_residuals
from photoz_lit.evaluation.comparison.runs import Run
from photoz_lit.evaluation.comparison.trainings import DIED, RESTARTS, UNEQUAL, deaths_of, unequal_training
from photoz_lit.evaluation.significance.bootstrap import METRICS
from photoz_lit.evaluation.significance.p_values import (
    DRAWS,
    MINIMUM_SEEDS,
    Bootstrap,
    gain_in_badness,
    p_galaxies,
    p_method,
)
from photoz_lit.metric import metrics, shown_in
from photoz_lit.printed import setting

ALL = "all"
USUAL_BASELINES = ("baseline", "none", "spec_only", "all")  # where no study says it
PAIRS = "pairs"
TRAININGS = (DIED, RESTARTS, UNEQUAL)
FURTHER = ("nz_tv", "gflop_per_image", "train_images", "parameters")
FIELDS = ("sdss", "cfhtls", "hsc6b", "hsc9b")  # in the order of the published table; others follow by name
MINIMUM_OF_SOURCE = 30  # fewer labels of a source make no row

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Group:
    """Runs of one method on one field with the same settings: training seeds of one row of the table."""

    method: str
    field: str
    settings: Mapping[str, Any]
    runs: tuple[Run, ...]

    @property
    def label(self) -> str:
        """``multimodal (fusion late)``."""
        extra = ", ".join(f"{key} {setting(value)}" for key, value in self.settings.items())
        return f"{self.method} ({extra})" if extra else self.method


def group_runs(runs: Sequence[Run]) -> list[Group]:
    """Fold runs that differ in their seed alone, in the order in which their groups come first.

    A network that two studies share counts once.

    Raises
    ------
    InputError : two runs of one seed differ in their metrics.
    """
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        key = (run.field, run.method, str(sorted((k, str(v)) for k, v in run.settings.items())))
        groups.setdefault(key, []).append(run)
    return [Group(same[0].method, same[0].field, same[0].settings, _one_of_each_seed(same)) for same in groups.values()]


def _one_of_each_seed(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Runs by seed; of copies, which are no further seeds, one with galaxies where there is one."""
    chosen: dict[int, Run] = {}
    for run in runs:
        other = chosen.setdefault(run.seed, run)
        mine, others = ([one.metrics.get(name) for name in METRICS] for one in (run, other))
        if mine != others:
            raise InputError(
                f"{run.method} on {run.field} has two different results of seed {run.seed} (sigma_mad"
                f" {others[0]} and {mine[0]}); compare them one after the other."
            )
        if other.path is None and other.galaxies is None:
            chosen[run.seed] = run
    return tuple(chosen[seed] for seed in sorted(chosen))


def compare(
    runs: Sequence[Run],
    baseline: str | None = None,
    draws: int = DRAWS,
    tell: Tell = lambda _text: None,
) -> pd.DataFrame:
    """Build the table: one row per field, label source, method and settings.

    Parameters
    ----------
    runs : finished runs, or rows of a study (then without p-values, which need the galaxies).
    baseline : method that the others are compared with, or the path of one of its runs; by default ``baseline``,
        ``none``, ``spec_only`` or ``all`` (modalities), whichever there is. Where it was run with several settings,
        each method meets the one that shares most of its settings.
    draws : bootstrap resamples.
    tell : is called with a sentence before each bootstrap, for a progress bar.

    Returns
    -------
    Columns ``field``, ``source`` (``all``, or one label source), ``method``, the settings, ``data``, ``n`` (test
    galaxies), ``seeds``, ``died`` and ``restarts`` (networks, see
    :func:`~photoz_lit.evaluation.comparison.trainings.deaths_of`), ``unequal`` (in what trainings differ from the
    baseline's, or ""); ``sigma_mad``, ``eta``, ``bias``, ``crps`` (mean over seeds) with ``<metric>_spread`` (standard
    deviation over seeds); ``gain_<metric>`` [%], ``p_galaxies_<metric>`` and ``p_method_<metric>`` (NaN in the
    baseline's own row, and where there are too few seeds or no galaxies); ``pairs``, how many pairs of networks
    ``p_galaxies_<metric>`` is the mean of, with ``p_galaxies_<metric>_lowest`` and ``_highest``, its range over them;
    ``gain_<metric>_error`` [%], the standard error of the gain over pairs of networks of the same seed; further
    columns where runs have them. Where both have several seeds, gain and p-values are of the seeds that both have.

    Raises
    ------
    InputError : no run is of the baseline.
    """
    groups = group_runs(runs)
    name = baseline_method(groups, baseline)
    rows, bootstrap = [], Bootstrap()
    for group, source in _in_order(groups, name):
        row = _metrics_row(group, source)
        against = met_by(group, groups, name)
        if group.method != name and against is not None:
            tell(f"{group.field}, {source} labels: {group.label}")
            row.update(_against(group, against, source, draws, bootstrap))
            row[UNEQUAL] = unequal_training(group.runs, against.runs)
        rows.append(row)
    table = pd.DataFrame(rows)
    kinds = (
        "gain_{}",
        "gain_{}_error",
        "p_galaxies_{}",
        "p_galaxies_{}_lowest",
        "p_galaxies_{}_highest",
        "p_method_{}",
    )
    also = [PAIRS, *(kind.format(name) for kind in kinds for name in shown_in("comparison"))]
    return table.reindex(columns=[*table.columns, *(name for name in also if name not in table)])


def settings_of(table: pd.DataFrame) -> list[str]:
    """Columns of a comparison that are swept settings."""
    measures = {f"{kind}{name}" for kind in ("", "gain_", "p_galaxies_", "p_method_") for name in metrics()}
    known = {"field", "source", "method", "data", "n", "seeds", PAIRS, *TRAININGS, *FURTHER, *measures}
    return [str(c) for c in table.columns if str(c).removesuffix(_ending(str(c))) not in known]


def _ending(column: str) -> str:
    """What a measure's column has behind the measure's name, or nothing."""
    return next((end for end in ("_spread", "_error", "_lowest", "_highest") if column.endswith(end)), "")


def label_of(row: pd.Series[Any], settings: Sequence[str]) -> str:
    """``multimodal (fusion late)``; words stand apart, but the names of modalities (``only g_r``) stay."""
    known = [f"{name} {setting(row[name])}" for name in settings if pd.notna(row[name])]
    method = str(row["method"])
    method = method if " " in method else method.replace("_", " ")
    return f"{method} ({', '.join(known)})" if known else method


def baseline_method(groups: Sequence[Group], baseline: str | None) -> str:
    """Return the name of the method that the others are compared with.

    Raises
    ------
    InputError : there is none of that name, or none is given and no usual one is there.
    """
    methods = list(dict.fromkeys(group.method for group in groups))
    if baseline is None:
        usual = [name for name in USUAL_BASELINES if name in methods]
        if usual:
            return usual[0]
        raise InputError(f"none of the runs is a baseline; say which is with baseline=<method>: {', '.join(methods)}.")
    if baseline in methods:
        return baseline
    for group in groups:
        for run in group.runs:
            if run.path is not None and Path(baseline).resolve() in (run.path.resolve(), *run.path.resolve().parents):
                return group.method
    raise InputError(f"baseline={baseline} is neither one of the runs nor a method{nearest(baseline, methods)}")


def _in_order(groups: Sequence[Group], baseline: str) -> list[tuple[Group, str]]:
    """Rows of the table: field by field, all labels before single sources, the baseline before the others as given."""
    pairs = [(group, source) for group in groups for source in _sources(group)]
    return sorted(pairs, key=lambda pair: (*_place(pair[0].field), pair[1] != ALL, pair[1], pair[0].method != baseline))


def _place(field: str) -> tuple[int, str]:
    return (FIELDS.index(field) if field in FIELDS else len(FIELDS)), field


def met_by(group: Group, groups: Sequence[Group], baseline: str) -> Group | None:
    """Return the baseline on the same field that shares most settings, has fewest others, and most seeds."""
    baselines = [one for one in groups if one.method == baseline and one.field == group.field]
    if not baselines:
        return None

    def shared(candidate: Group) -> tuple[int, int, int]:
        same = sum(str(candidate.settings.get(k)) == str(v) for k, v in group.settings.items())
        return same, same - len(candidate.settings), len(candidate.runs)

    return max(baselines, key=shared)


def _sources(group: Group) -> list[str]:
    """``all``, and each label source where there are several."""
    by_source: Mapping[str, Any] = group.runs[0].metrics.get("by_source") or {}
    enough = [name for name, part in by_source.items() if part["n"] >= MINIMUM_OF_SOURCE]
    return [ALL, *enough] if len(by_source) > 1 else [ALL]


def _metrics_row(group: Group, source: str) -> dict[str, Any]:
    parts = [_part(run, source) for run in group.runs]
    row: dict[str, Any] = {"field": group.field, "source": source, "method": group.method, **group.settings}
    row["data"] = group.runs[0].metrics.get("data", "")
    row["n"] = int(np.median([part.get("n", part.get("n_test", 0)) for part in parts]))
    row["seeds"] = len(group.runs)
    row |= {**deaths_of(group.runs), UNEQUAL: ""}
    for name in shown_in("comparison"):
        values = np.array([part[name] for part in parts if part.get(name) is not None], np.float64)
        row[name] = float(values.mean()) if len(values) else np.nan
        row[f"{name}_spread"] = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    for name in FURTHER if source == ALL else ():
        known = [run.metrics[name] for run in group.runs if run.metrics.get(name) is not None]
        if known:
            row[name] = float(np.mean(known))
    return row


def _against(group: Group, baseline: Group, source: str, draws: int, bootstrap: Bootstrap) -> dict[str, float]:
    """Gain, its error and p-values of a group over the baseline, on the galaxies that all their runs share."""
    b_runs, m_runs = same_seeds(baseline.runs, group.runs)
    pair = paired_residuals(b_runs, m_runs, None if source == ALL else source)
    b_metrics, m_metrics = (_metrics_of_rows(side, source) for side in (b_runs, m_runs))
    if pair is not None:
        b_metrics, m_metrics = b_metrics | pair[0].metrics(), m_metrics | pair[1].metrics()
    row: dict[str, float] = {}
    for name, one in shown_in("comparison").items():
        b, m = one.badness(b_metrics[name]), one.badness(m_metrics[name])
        row[f"gain_{name}"] = float(gain_in_badness(b.mean(), m.mean()))
        if len(b_runs) > 1 and [run.seed for run in b_runs] == [run.seed for run in m_runs]:
            row[f"gain_{name}_error"] = float(gain_in_badness(b, m).std(ddof=1) / np.sqrt(len(b)))
    if pair is not None:
        of_pairs = p_galaxies(*pair, draws=draws, bootstrap=bootstrap)
        row[PAIRS] = of_pairs.pairs
        for ending, values in (("", of_pairs.p), ("_lowest", of_pairs.p_lowest), ("_highest", of_pairs.p_highest)):
            row.update({f"p_galaxies_{name}{ending}": p for name, p in values.items()})
        if min(len(b_runs), len(m_runs)) >= MINIMUM_SEEDS:
            row.update(
                {f"p_method_{name}": p for name, p in p_method(*pair, draws=draws, bootstrap=bootstrap).p.items()}
            )
    return row


def same_seeds(baseline: Sequence[Run], method: Sequence[Run]) -> tuple[Sequence[Run], Sequence[Run]]:
    """Return the runs of the seeds that both have, where there are two such; a forest of one seed meets all."""
    shared = {run.seed for run in baseline} & {run.seed for run in method}
    if len(shared) < 2:
        return baseline, method
    return [run for run in baseline if run.seed in shared], [run for run in method if run.seed in shared]


def _metrics_of_rows(runs: Sequence[Run], source: str) -> dict[str, NDArray[np.float64]]:
    """Metrics of each run without galaxies, (seeds,); NaN where it has none."""
    parts = [_part(run, source) for run in runs]
    return {name: np.array([part.get(name) for part in parts], np.float64) for name in shown_in("comparison")}


def _part(run: Run, source: str) -> Mapping[str, Any]:
    """Metrics of a run on all labels, or on those of one source; empty where it has none of them."""
    return run.metrics if source == ALL else ((run.metrics.get("by_source") or {}).get(source) or {})
