"""A study as data: methods × fields × settings × seeds, each a job."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from pydantic import field_validator, model_validator

from photoz_lit.errors import nearest
from photoz_lit.files import FileName
from photoz_lit.settings import Settings
from photoz_lit.studies.compared import Compared

Setting = dict[str, Any]


#: Entries of every row of the results, whose names a swept setting cannot have.
OF_EVERY_ROW = ("method", "field", "seed", "data", "galaxies", "by_source")


class StudyRow(Settings):
    """Jobs that differ in their swept settings and seeds.

    Attributes
    ----------
    method : name in the results (``baseline``, ``multimodal``, ``catalogue_forest`` …).
    overrides : of the command line, the same for all jobs of the row.
    sweep : column in the results -> list of ``{value, overrides}``; all combinations are run.
    seeds : null takes the study's.
    start : entry of the study's ``starts`` with whose weights the row's networks begin.
    then : task that is run on each finished run; its rows, in ``<task>.json`` of the run folder, replace the run's one.
    """

    method: str
    overrides: list[str]
    sweep: dict[str, list[StudyValue]] = {}
    seeds: list[int] | None = None
    start: str | None = None
    then: Literal["modalities", "emitters"] | None = None

    @field_validator("sweep")
    @classmethod
    def _keeps_the_rows_own_entries(cls, sweep: dict[str, list[StudyValue]]) -> dict[str, list[StudyValue]]:
        for name in sweep:
            if name in OF_EVERY_ROW:
                raise ValueError(
                    f"'{name}' is an entry of every row of the results; give the swept setting another name"
                )
        return sweep


class StudyValue(Settings):
    """One value of a swept setting, and the overrides that choose it."""

    value: str | int | float
    overrides: list[str]


class Study(Compared):
    """Content of ``conf/study/<name>.yaml``, with how its methods are compared.

    Attributes
    ----------
    name, description : as for ``--help``.
    question : what it is to find out.
    seeds : training seeds of every row that gives none.
    common : overrides of every job.
    by_seed : further overrides of the jobs of a seed, where a seed is more than the network's: another sky, say.
    starts : name -> overrides of a training whose weights rows begin with; it is no row of the results.
    rows : see :class:`StudyRow`.
    """

    name: FileName
    description: str
    question: str
    seeds: list[int]
    common: list[str] = []
    by_seed: dict[int, list[str]] = {}
    starts: dict[FileName, list[str]] = {}
    rows: list[StudyRow]

    @model_validator(mode="after")
    def _knows_its_methods(self) -> Study:
        known = {row.method for row in self.rows}
        named = [name for duel in self.duels for name in (duel.method, duel.reference)]
        for name in [*self.methods, *named, *filter(None, [self.bound])]:
            if name not in known:
                raise ValueError(f"the study has no row of method '{name}'{nearest(name, known)}")
        for start in filter(None, (row.start for row in self.rows)):
            if start not in self.starts:
                raise ValueError(f"the study has no start '{start}'{nearest(start, self.starts)}")
        return self

    @model_validator(mode="after")
    def _has_overrides_of_its_seeds_alone(self) -> Study:
        known = {seed for row in self.rows for seed in (self.seeds if row.seeds is None else row.seeds)}
        for seed in self.by_seed:
            if seed not in known:
                raise ValueError(f"by_seed names seed {seed}, of which the study has no job")
        return self


StudyRow.model_rebuild()


@dataclass(frozen=True)
class StudyJob:
    """One training of a study."""

    method: str
    seed: int
    settings: Setting
    overrides: tuple[str, ...]
    then: str | None = None
    start: str | None = None

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
                overrides = (*study.common, *row.overrides, *swept, *study.by_seed.get(seed, ()), f"seed={seed}")
                jobs.append(StudyJob(row.method, seed, settings, overrides, row.then, row.start))
    order = {seed: number for number, seed in enumerate(study.seeds)}
    return sorted(jobs, key=lambda job: order.get(job.seed, len(order)))


def starts_of(study: Study) -> dict[str, StudyJob]:
    """Return the trainings whose weights rows begin with, by name; the seed is the config's if they give none."""
    return {
        name: StudyJob(f"start_{name}", 0, {}, (*study.common, *overrides)) for name, overrides in study.starts.items()
    }


def table_row(method: str, settings: Mapping[str, Any]) -> str:
    """Method and settings as text: what is one row of a study's table on one field."""
    return json.dumps([method, settings], sort_keys=True)


def places_in_study(jobs: Sequence[StudyJob]) -> dict[str, int]:
    """Where each row of the table (see :func:`table_row`) stands in the study, from 0."""
    rows = dict.fromkeys(table_row(job.method, job.settings) for job in jobs)
    return {row: number for number, row in enumerate(rows)}
