"""A study as data: methods × fields × settings × seeds, each a job; results gathered run by run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from photoz_lit.errors import InputError
from photoz_lit.files import FileName, inside
from photoz_lit.settings import Settings

METRICS = ("n_test", "sigma_mad", "eta", "bias", "crps", "pit_ks", "cde_loss", "nll", "median_bias", "sigma_iqr")
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
}
BY_MAG, NZ = "by_mag", "nz"
# of task=emitters, beside the usual metrics
EMITTERS = ("contamination", "sigma_mad_true", "eta_true", "bias_true", "z_phot_counts")
COSTS = (
    *("recipe", "tta", "n_train", "train_images", "gflop_per_image", "parameters", "train_seconds"),
    *("restarts", "dead_networks"),
)
Setting = dict[str, Any]


class StudyRow(Settings):
    """Jobs that differ in their swept settings and seeds.

    Attributes
    ----------
    method : name in the results (``baseline``, ``multimodal``, ``catalogue_forest`` …).
    overrides : of the command line, the same for all jobs of the row.
    sweep : column in the results -> list of ``{value, overrides}``; all combinations are run.
    seeds : null takes the study's.
    then : task that is run on each finished run; its rows, in ``<task>.json`` of the run folder, replace the run's one.
    """

    method: str
    overrides: list[str]
    sweep: dict[str, list[StudyValue]] = {}
    seeds: list[int] | None = None
    then: Literal["modalities", "emitters"] | None = None


class StudyValue(Settings):
    """One value of a swept setting, and the overrides that choose it."""

    value: str | int | float
    overrides: list[str]


class Study(Settings):
    """Content of ``conf/study/<name>.yaml``.

    Attributes
    ----------
    name, description : as for ``--help``.
    question : what it is to find out.
    seeds : training seeds of every row that gives none.
    common : overrides of every job.
    tuned_on : fields whose results chose the settings; what is pooled over fields is given without them too.
    rows : see :class:`StudyRow`.
    """

    name: FileName
    description: str
    question: str
    seeds: list[int]
    common: list[str] = []
    tuned_on: list[str] = []
    rows: list[StudyRow]


StudyRow.model_rebuild()


@dataclass(frozen=True)
class StudyJob:
    """One training of a study."""

    method: str
    seed: int
    settings: Setting
    overrides: tuple[str, ...]
    then: str | None = None

    @property
    def name(self) -> str:
        """Name of the job: its experiment (fields differ by it alone), method, settings and seed."""
        experiment = [o.removeprefix("+experiment=") for o in self.overrides if o.startswith("+experiment=")]
        parts = [
            *experiment,
            self.method,
            *(f"{key}-{value}" for key, value in self.settings.items()),
            f"seed{self.seed}",
        ]
        return "_".join(str(part).replace("/", "-") for part in parts)


def jobs_of(study: Study) -> list[StudyJob]:
    """All jobs, seed by seed, so that an unfinished study has every method at the first seeds."""
    jobs = []
    for row in study.rows:
        for values in product(*row.sweep.values()):
            settings = {key: chosen.value for key, chosen in zip(row.sweep, values, strict=True)}
            swept = [override for chosen in values for override in chosen.overrides]
            for seed in row.seeds if row.seeds is not None else study.seeds:
                overrides = (*study.common, *row.overrides, *swept, f"seed={seed}")
                jobs.append(StudyJob(row.method, seed, settings, overrides, row.then))
    order = {seed: number for number, seed in enumerate(study.seeds)}
    return sorted(jobs, key=lambda job: order.get(job.seed, len(order)))


def galaxies_file(job: StudyJob, part: str | None = None) -> str:
    """File with a job's test galaxies, below the folder of ``results.json``: with it a row keeps its p-values.

    Parameters
    ----------
    job : of the study.
    part : of the job, where a task that follows it makes several rows.
    """
    return f"galaxies/{job.name}{'' if part is None else f'_{part}'}.parquet"


def result_row(job: StudyJob, metrics: dict[str, Any]) -> dict[str, Any]:
    """Row of ``results.json`` from a run's ``metrics.json``."""
    row = {"method": job.method, "field": metrics["field"], "seed": job.seed, "data": metrics["data"], **job.settings}
    row.update(
        {
            name: metrics[name]
            for name in (*METRICS, *COSTS, "outlier_threshold", "simulation_version")
            if name in metrics
        }
    )
    if job.then is None:
        row["galaxies"] = galaxies_file(job)
    row["by_source"] = by_source(metrics)
    if "adaptation" in metrics:
        row.update(adaptation_columns(metrics))
    return row


def adaptation_columns(metrics: dict[str, Any]) -> dict[str, Any]:
    """What a row of an adaptation run has beside the metrics of the target's test galaxies.

    Returns
    -------
    The numbers of :data:`ADAPTATION` where the run has them, ``by_mag`` (magnitude bin -> ``n``, ``sigma_mad``,
    ``eta``, ``bias``), and ``nz``, the stacked PDFs and the true redshifts in coarse bins.
    """
    columns: dict[str, Any] = {}
    for name, place in ADAPTATION.items():
        value: Any = metrics
        for part in place:
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            columns[name] = value
    bins = metrics.get("by_mag", {})
    columns[BY_MAG] = {label: {k: part[k] for k in ("n", "sigma_mad", "eta", "bias")} for label, part in bins.items()}
    if NZ in metrics:
        columns[NZ] = metrics[NZ]
    return columns


def by_source(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Main metrics of each label source: source -> name -> value."""
    parts = metrics.get("by_source", {})
    return {source: {k: part[k] for k in ("n", "sigma_mad", "eta", "bias", "crps")} for source, part in parts.items()}


def rows_of_followup(row: dict[str, Any], found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the task that followed a run: what the run is and costs stays, its metrics give way to each row's own."""
    of_the_run = {*METRICS, "by_source", *ADAPTATION, BY_MAG, NZ}
    about = {name: value for name, value in row.items() if name not in of_the_run}
    return [{**about, **one} for one in found]


def merged_rows(
    old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], jobs: Sequence[StudyJob] = ()
) -> list[dict[str, Any]]:
    """Rows of an earlier sitting and of this one; a job that ran again replaces its row.

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


def table_row(method: str, settings: Mapping[str, Any]) -> str:
    """Method and settings as text: what is one row of a study's table on one field."""
    return json.dumps([method, settings], sort_keys=True)


def places_in_study(jobs: Sequence[StudyJob]) -> dict[str, int]:
    """Where each row of the table (see :func:`table_row`) stands in the study, from 0."""
    rows = dict.fromkeys(table_row(job.method, job.settings) for job in jobs)
    return {row: number for number, row in enumerate(rows)}


def without_rows(rows: Sequence[dict[str, Any]], of_jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows but for those of the same jobs as some others."""
    left_out = {_job_of(row) for row in of_jobs}
    return [row for row in rows if _job_of(row) not in left_out]


def _job_of(row: dict[str, Any]) -> str:
    """What tells a row from others: all that was not measured."""
    measured = {*METRICS, *COSTS, *KEPT_WITH_THEM, *ADAPTATION, BY_MAG, NZ, *EMITTERS}
    return json.dumps({k: v for k, v in row.items() if k not in measured}, sort_keys=True)


def read_results(path: Path) -> dict[str, Any]:
    """Read a study's ``results.json``, or an empty one where there is none.

    Raises
    ------
    InputError : the file is no results file, or a row names a file that is not below its folder.
    """
    if not path.is_file():
        return {"rows": []}
    try:
        content = json.loads(path.read_text())
        kept = [row["galaxies"] for row in content["rows"] if "galaxies" in row]
        for name in kept:
            inside(path.parent, name)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no results file of a study ({error}); move it away.") from error
    return content  # type: ignore[no-any-return]
