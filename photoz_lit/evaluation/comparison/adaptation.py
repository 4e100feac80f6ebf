"""What each way of adapting takes back of what a network loses on another field.

Of a method m on one field: the share of the gap that it closes is (σ_none − σ_m) / (σ_none − σ_bound) in σ_MAD, where
the bound is the study's (an oracle) or, where a study takes the shift apart, the network without adaptation where
nothing is shifted. The share exists only where the gap is at least three standard errors (see
:mod:`photoz_lit.evaluation.comparison.adaptation_draws`). The reduction of |bias| is 1 − |bias_m| / |bias_none| and
that of the total variation of N(z) 1 − TV_m / TV_none; the source's worsening is σ_source,m / σ_source,none − 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.adaptation_draws import Drawn, paired_draws
from photoz_lit.evaluation.comparison.runs import Run
from photoz_lit.evaluation.comparison.table import Group, group_runs
from photoz_lit.evaluation.comparison.trainings import deaths_of
from photoz_lit.evaluation.significance.p_values import DRAWS
from photoz_lit.metric import shown_in
from photoz_lit.studies.compared import Compared, Duel

MEASURABLE = 3.0  # standard errors
FURTHER = (
    *("nz_tv", "nz_mean_shift", "source_sigma_mad", "source_eta", "source_bias"),
    *("frozen_accuracy", "probe_auc_before", "probe_auc_after"),
)
Place = tuple[str, str]


@dataclass(frozen=True)
class AdaptationTables:
    """The tables of a study of adaptation.

    Attributes
    ----------
    methods : one row per field, settings and method, see :func:`adaptation_tables`.
    by_mag : the same per magnitude bin: ``mag``, ``n``, ``sigma_mad``, ``eta``, ``bias`` and ``<metric>_err``.
    duels : of each of the study's duels whose methods were both run, one row per field and one over all:
        ``difference_<metric>`` = method / reference − 1 of σ_MAD and |bias|, with ``_err``.
    compared : the study's reference, bound, methods and duels.
    swept : names of the columns that are settings.
    nz : (field, settings) -> method -> summed N(z) in coarse bins, see
        :func:`photoz_lit.evaluation.metrics.summary.coarse_nz`.
    """

    methods: pd.DataFrame
    by_mag: pd.DataFrame
    duels: tuple[tuple[Duel, pd.DataFrame], ...]
    compared: Compared
    swept: tuple[str, ...]
    nz: dict[Place, dict[str, dict[str, Any]]]


def adaptation_tables(runs: Sequence[Run], compared: Compared, draws: int = DRAWS) -> AdaptationTables:
    """Compare ways of adapting, field by field.

    Parameters
    ----------
    runs : rows of a study's ``results.json``; those with galaxies get standard errors of differences.
    compared : reference (without adaptation), bound, order of methods and duels of the study.
    draws : bootstrap resamples.

    Returns
    -------
    ``methods`` has ``field``, the settings, ``method``, ``data``, ``n``, ``seeds``, ``died``, ``restarts``; the mean
    over seeds and its standard error ``<name>_err`` of each metric of adaptations and of :data:`FURTHER`;
    ``change_sigma_mad`` = σ_m − σ_none; ``gap_sigma_mad`` = σ_none − σ_bound with ``gap_measurable``;
    ``closed_sigma_mad``; ``bias_reduction``, ``nz_tv_reduction`` and ``source_worsening``; with ``_err`` where a
    bootstrap gives one. What does not exist is NaN.

    Raises
    ------
    InputError : no run is of the reference.
    """
    groups = group_runs(runs)
    if not any(group.method == compared.reference for group in groups):
        raise InputError(
            f"none of the runs is without adaptation (method '{compared.reference}'); run the study's rows of it."
        )
    swept = tuple(dict.fromkeys(name for group in groups for name in group.settings))
    places = sorted(
        dict.fromkeys(_place(g) for g in groups), key=lambda place: (place[0] != compared.main_field, place)
    )
    rows, bins, nz = [], [], {}
    found: list[list[dict[str, Any]]] = [[] for _ in compared.duels]
    for place in places:
        here = sorted((g for g in groups if _place(g) == place), key=lambda g: compared.rank(g.method))
        unshifted = _unshifted(groups, here[0], compared)
        drawn = paired_draws(_for_bootstrap(here, unshifted), draws)
        rows += _rows(here, unshifted, drawn, compared)
        bins += [row for group in here for row in _bins(group)]
        for duel, of_fields in zip(compared.duels, found, strict=True):
            of_fields += _duel(duel, here[0], drawn)
        nz[place] = {group.method: summed for group in here if (summed := _summed_nz(group)) is not None}
    duels = tuple(
        (duel, pooled(of_fields, compared.tuned_on))
        for duel, of_fields in zip(compared.duels, found, strict=True)
        if of_fields
    )
    return AdaptationTables(pd.DataFrame(rows), pd.DataFrame(bins), duels, compared, swept, nz)


def pooled(duels: Sequence[Mapping[str, Any]], tuned_on: Sequence[str] = ()) -> pd.DataFrame:
    """Rows of the fields, and below them their even mean: no two fields share galaxies or networks.

    Where settings were tuned on some of the fields, the mean of the others stands below.
    """
    table = pd.DataFrame(list(duels))
    if table.empty or table["field"].nunique() < 2:
        return table
    means = [_even_mean("all", table)]
    others = table[~table["field"].isin(tuned_on)]
    if 0 < len(others) < len(table):
        means.append(_even_mean(f"all but {', '.join(tuned_on)}", others))
    return pd.concat([table, pd.DataFrame(means)], ignore_index=True)


def _even_mean(name: str, table: pd.DataFrame) -> dict[str, Any]:
    row: dict[str, Any] = {"field": name}
    for column in ("difference_sigma_mad", "difference_bias"):
        row[column] = table[column].mean()
        row[f"{column}_err"] = float(np.hypot.reduce(table[f"{column}_err"])) / len(table)
    return row


def _rows(
    here: Sequence[Group],
    unshifted: Group | None,
    drawn: Mapping[str, Mapping[str, Drawn]] | None,
    compared: Compared,
) -> list[dict[str, Any]]:
    """Rows of one field with one setting."""
    methods = {group.method for group in here}
    bound = "unshifted" if unshifted is not None else str(compared.bound)
    none = str(compared.reference)
    rows = []
    for group in here:
        first = group.runs[0].metrics
        row: dict[str, Any] = {"field": group.field, **group.settings, "method": group.method}
        row |= {"data": first.get("data", ""), "n": int(first.get("n_test", 0)), "seeds": len(group.runs)}
        row |= deaths_of(group.runs)
        for name in (*shown_in("adaptation"), *FURTHER):
            row[name], row[f"{name}_err"] = _mean(group, name)
        if none in methods:
            row |= _against_none(group, here, none)
            row |= _from_draws(group.method, none, bound, drawn)
        rows.append(row)
    return rows


def _against_none(group: Group, here: Sequence[Group], reference: str) -> dict[str, float]:
    """Reductions of |bias| and N(z) TV and the source's worsening, from means over the seeds."""
    none = next(g for g in here if g.method == reference)
    if group.method == reference:
        return {}
    reduction = {
        f"{short}_reduction": 1 - _mean(group, name, absolute=True)[0] / _mean(none, name, absolute=True)[0]
        for short, name in (("bias", "bias"), ("nz_tv", "nz_tv"))
    }
    worse = _mean(group, "source_sigma_mad")[0] / _mean(none, "source_sigma_mad")[0] - 1
    return {**reduction, "source_worsening": worse}


def _from_draws(method: str, none: str, bound: str, drawn: Mapping[str, Mapping[str, Drawn]] | None) -> dict[str, Any]:
    """Change against none, gap and share of it closed, with standard errors."""
    if drawn is None or none not in drawn or method not in drawn:
        return {}
    sigma = {name: metrics["sigma_mad"] for name, metrics in drawn.items()}
    found: dict[str, Any] = {}
    if method != none:
        change = sigma[method] - sigma[none]
        found |= {"change_sigma_mad": change.value, "change_sigma_mad_err": change.error}
    if bound not in sigma:
        return found
    gap = sigma[none] - sigma[bound]
    measurable = gap.value > 0 and gap.value >= MEASURABLE * gap.error
    found |= {"gap_sigma_mad": gap.value, "gap_sigma_mad_err": gap.error, "gap_measurable": measurable}
    if measurable and method not in (none, bound):
        share = (sigma[none] - sigma[method]) / gap
        found |= {"closed_sigma_mad": share.value, "closed_sigma_mad_err": share.error}
    return found


def _duel(duel: Duel, group: Group, drawn: Mapping[str, Mapping[str, Drawn]] | None) -> list[dict[str, Any]]:
    """Row of a duel in one field; none where one of the two was not run."""
    if drawn is None or not {duel.method, duel.reference} <= set(drawn):
        return []
    row: dict[str, Any] = {"field": group.field, **group.settings}
    for name in ("sigma_mad", "bias"):
        ratio = drawn[duel.method][name] / drawn[duel.reference][name]
        row |= {f"difference_{name}": ratio.value - 1, f"difference_{name}_err": ratio.error}
    return [row]


def _bins(group: Group) -> list[dict[str, Any]]:
    """Rows per magnitude bin that all seeds have: mean over seeds and its standard error."""
    parts = [run.metrics.get("by_mag") or {} for run in group.runs]
    shared = [label for label in parts[0] if all(label in part for part in parts)]
    rows = []
    for label in shared:
        row: dict[str, Any] = {"field": group.field, **group.settings, "mag": label, "method": group.method}
        row["n"] = int(np.median([part[label]["n"] for part in parts]))
        for name in shown_in("adaptation"):
            known = [part[label][name] for part in parts if name in part[label]]
            row[name], row[f"{name}_err"] = mean_and_error(known)
        rows.append(row)
    return rows


def _summed_nz(group: Group) -> dict[str, Any] | None:
    """N(z) summed over the seeds' networks; None where a run kept none."""
    kept = [run.metrics["nz"] for run in group.runs if run.metrics.get("nz")]
    if not kept:
        return None
    summed = {name: np.sum([nz[name] for nz in kept], axis=0) / len(kept) for name in ("stacked", "truth")}
    return {"z_min": kept[0]["z_min"], "z_max": kept[0]["z_max"], **summed}


def _mean(group: Group, name: str, absolute: bool = False) -> tuple[float, float]:
    values = [run.metrics[name] for run in group.runs if run.metrics.get(name) is not None]
    return mean_and_error(np.abs(values).tolist() if absolute else values)


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean of values of several seeds and its standard error s / √S; NaN where there are too few."""
    array = np.asarray(values, np.float64)
    if not len(array):
        return np.nan, np.nan
    error = float(array.std(ddof=1) / np.sqrt(len(array))) if len(array) > 1 else np.nan
    return float(array.mean()), error


def _for_bootstrap(here: Sequence[Group], unshifted: Group | None) -> dict[str, Sequence[Run]]:
    """Methods whose galaxies are compared: none and the bound, and all others with runs."""
    methods: dict[str, Sequence[Run]] = {group.method: group.runs for group in here}
    return methods if unshifted is None else {**methods, "unshifted": unshifted.runs}


def _unshifted(groups: Sequence[Group], like: Group, compared: Compared) -> Group | None:
    """Group without shift and adaptation, where the study has one and this is another."""
    wanted = {**like.settings, **compared.unshifted}
    if wanted == dict(like.settings):
        return None
    place = (like.field, compared.reference, wanted)
    return next((g for g in groups if (g.field, g.method, dict(g.settings)) == place), None)


def _place(group: Group) -> Place:
    return group.field, ", ".join(f"{name} {value}" for name, value in group.settings.items())
