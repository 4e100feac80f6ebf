"""Rows of a study's ``results.json``: what each keeps of a run, and how they are merged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from photoz_lit.metric import metrics, shown_in
from photoz_lit.studies.definition import StudyJob, places_in_study, table_row

Row = dict[str, Any]
KEPT_WITH_THEM = ("data", "simulation_version", "by_source", "outlier_threshold", "galaxies")
# of adaptation runs: name in a row -> where it stands in metrics.json
ADAPTATION = {
    "nz_tv": ("nz_tv",),
    "nz_mean_shift": ("nz_mean_shift",),
    "source_sigma_mad": ("source", "sigma_mad"),
    "source_eta": ("source", "eta"),
    "source_bias": ("source", "bias"),
    "frozen_accuracy": ("adaptation", "frozen_accuracy"),
    "probe_auc_before": ("adaptation", "probe_auc_before"),
    "probe_auc_after": ("adaptation", "probe_auc_after"),
    "val_loss_before": ("adaptation", "val_loss_before"),
    "val_loss_after": ("adaptation", "val_loss_after"),
    "largest_colour_shift": ("adaptation", "largest_colour_shift"),
    "effective_galaxies": ("adaptation", "effective_galaxies"),
    "verdict": ("verdict", "answer"),
}
BY_MAG, NZ = "by_mag", "nz"
# of task=emitters, beside the usual metrics
EMITTERS = ("contamination", "z_phot_counts")
COSTS = (
    *("recipe", "tta", "n_train", "train_images", "gflop_per_image", "parameters", "train_seconds"),
    *("restarts", "dead_networks"),
)


def result_row(job: StudyJob, measured: dict[str, Any]) -> dict[str, Any]:
    """Row of ``results.json`` from a run's ``metrics.json``."""
    row = {"method": job.method, "field": measured["field"], "seed": job.seed, "data": measured["data"], **job.settings}
    row.update(
        {
            name: measured[name]
            for name in ("n_test", *shown_in("study"), *COSTS, "outlier_threshold", "simulation_version")
            if name in measured
        }
    )
    if job.then is None:
        row["galaxies"] = job.name
    row["by_source"] = by_source(measured)
    if "adaptation" in measured:
        row.update(adaptation_columns(measured))
    return row


def adaptation_columns(measured: dict[str, Any]) -> dict[str, Any]:
    """What a row of an adaptation run has beside the metrics of the target's test galaxies.

    Returns
    -------
    The numbers of :data:`ADAPTATION` where the run has them, ``by_mag`` (magnitude bin -> ``n`` and the metrics
    of adaptations), and ``nz``, the stacked PDFs and the true redshifts in coarse bins.
    """
    columns: dict[str, Any] = {}
    for name, place in ADAPTATION.items():
        value: Any = measured
        for part in place:
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            columns[name] = value
    bins = measured.get("by_mag", {})
    kept = ("n", *shown_in("adaptation"))
    columns[BY_MAG] = {label: {k: part[k] for k in kept if k in part} for label, part in bins.items()}
    if NZ in measured:
        columns[NZ] = measured[NZ]
    return columns


def by_source(measured: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Main metrics of each label source: source -> name -> value."""
    parts = measured.get("by_source", {})
    kept = ("n", *shown_in("comparison"))
    return {source: {k: part[k] for k in kept if k in part} for source, part in parts.items()}


def rows_of_followup(row: dict[str, Any], found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the task that followed a run: settings and cost of the run, metrics of each row."""
    of_the_run = {"n_test", *metrics(), "by_source", *ADAPTATION, BY_MAG, NZ}
    about = {name: value for name, value in row.items() if name not in of_the_run}
    return [{**about, **one} for one in found]


def merged_rows(
    old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], jobs: Sequence[StudyJob] = ()
) -> list[dict[str, Any]]:
    """Merge rows of an earlier session with those of this one; a job that ran again replaces its row.

    They come in the order of the study, then by field and seed; those of one run as its follow-up wrote them.

    Parameters
    ----------
    old, new : rows of ``results.json``.
    jobs : of the study.
    """
    rows = {_job_of(row): row for row in new}
    for row in old:
        rows.setdefault(_job_of(row), row)
    names = {name for job in jobs for name in job.settings}
    place = places_in_study(jobs)

    def key(row: dict[str, Any]) -> tuple[int, str, int]:
        settings = {name: row[name] for name in names if name in row}
        number = place.get(table_row(str(row["method"]), settings), len(place))
        return number, str(row["field"]), int(row.get("seed", 0))

    return sorted(rows.values(), key=key)


def without_rows(rows: Sequence[dict[str, Any]], of_jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows but for those of the same jobs as some others."""
    left_out = {_job_of(row) for row in of_jobs}
    return [row for row in rows if _job_of(row) not in left_out]


def _job_of(row: dict[str, Any]) -> str:
    """What tells a row from others: all that was not measured."""
    of_emitters = (*EMITTERS, *(f"{name}_true" for name in metrics()))
    measured = {"n_test", *metrics(), *COSTS, *KEPT_WITH_THEM, *ADAPTATION, BY_MAG, NZ, *of_emitters}
    return json.dumps({k: v for k, v in row.items() if k not in measured}, sort_keys=True)
