"""Results of a study's jobs: gathered from runs, taken over from other studies, dropped when settings change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console

from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.table import read_predictions
from photoz_lit.files import inside, locked
from photoz_lit.provenance import git_commit
from photoz_lit.studies.compared import Compared
from photoz_lit.studies.definition import Study, StudyJob, jobs_of, starts_of
from photoz_lit.studies.galaxies import JobGalaxies, labelled, read_galaxies
from photoz_lit.studies.results import StudyResults
from photoz_lit.studies.rows import Row, merged_rows, result_row, rows_of_followup, without_rows
from photoz_lit.tasks.changed_settings import PIXELS, SIMULATION, Asked, changes, made_with

THEN = "then"  # in what a row was made with: the task that followed the run and made the row
AskedBy = Callable[[StudyJob], Asked]


@dataclass(frozen=True)
class StudyFolders:
    """A study and its places.

    Attributes
    ----------
    study : its definition.
    pointers : ``<runs>/studies/<study>``, with a file for each finished job that names its run folder.
    results : ``<experiments>/<study>``.
    """

    study: Study
    pointers: Path
    results: Path

    @cached_property
    def jobs(self) -> list[StudyJob]:
        """All jobs of the study, in its order."""
        return jobs_of(self.study)

    @cached_property
    def starts(self) -> dict[str, StudyJob]:
        """Trainings whose weights jobs begin with, by name."""
        return starts_of(self.study)

    def start_of(self, job: StudyJob) -> Path | None:
        """Run folder of the training whose weights a job begins with; None where there is none, or not yet."""
        return None if job.start is None else self.finished_run(self.starts[job.start])

    def pointer(self, job: StudyJob) -> Path:
        """File that names a job's run folder."""
        return self.pointers / f"{job.name}.txt"

    def finished_run(self, job: StudyJob) -> Path | None:
        """Run folder of a job that is done, else None."""
        pointer = self.pointer(job)
        if not pointer.is_file():
            return None
        folder = Path(pointer.read_text().strip())
        last = "metrics.json" if job.then is None else f"{job.then}.json"
        return folder if (folder / last).is_file() else None

    def locked(self) -> AbstractContextManager[None]:
        """Keep other threads and sessions from writing the results meanwhile."""
        return locked(self.results / ".lock")


@dataclass(frozen=True)
class Twin:
    """A row of another study that was made with all that a job asks for."""

    results: StudyResults
    row: Row

    def as_row_of(self, job: StudyJob) -> Row:
        """The row under the job's own method and settings."""
        measured = {key: value for key, value in self.row.items() if key not in self.results.about.get("swept", ())}
        return {**measured, "method": job.method, **job.settings, "galaxies": job.name}


def gather(folders: StudyFolders, twins: Mapping[str, Twin] | None = None) -> None:
    """Write the rows and test galaxies of all finished jobs; rows of earlier sessions whose runs are gone stay.

    Parameters
    ----------
    folders : of the study.
    twins : name of a job -> row of another study that stands for it.
    """
    with folders.locked():
        results = StudyResults.read(folders.results)
        rows: list[Row] = []
        for job in folders.jobs:
            twin = (twins or {}).get(job.name)
            if twin is None:
                continue
            row = twin.as_row_of(job)
            galaxies = JobGalaxies(twin.results.folder, twin.row["galaxies"]).read()
            results.add(row, twin.results.made_with[twin.row["galaxies"]], galaxies)
            rows.append(row)
        for job in folders.jobs:
            run = folders.finished_run(job)
            rows += [] if run is None else _add_run(results, job, run)
        if rows:
            results.about = _about(folders.study, rows)
            results.rows = merged_rows(results.rows, rows, folders.jobs)
            results.write()


def rows_of(job: StudyJob, run: Path) -> list[Row]:
    """Rows of a finished job.

    Raises
    ------
    InputError : a task that followed the run names galaxies outside the run's folder.
    """
    row = result_row(job, json.loads((run / "metrics.json").read_text()))
    return [row] if job.then is None else rows_of_followup(row, json.loads((run / f"{job.then}.json").read_text()))


def _add_run(results: StudyResults, job: StudyJob, run: Path) -> list[Row]:
    """Add a run's rows, and read the galaxies of those that do not stand there yet."""
    settings = {**made_with(run), **({THEN: job.then} if job.then else {})}
    rows = []
    for row in rows_of(job, run):
        file = run / "predictions.parquet"
        if job.then is not None and "galaxies" in row:
            file = inside(run, row["galaxies"])
            if not file.is_file():
                raise InputError(f"{file} is not there; remove {run / f'{job.then}.json'} and give the command again.")
            row = {**row, "galaxies": f"{job.name}_{file.stem}"}
        rows.append(row)
        if "galaxies" in row and file.is_file() and not results.holds(row):
            results.add(row, settings, labelled(read_predictions(run)) if job.then is None else read_galaxies(file))
    return rows


def _about(study: Study, rows: Sequence[Row]) -> dict[str, Any]:
    given = " simulation.catalogue=<file>" if any(row["data"] == "simulated_from_catalogue" for row in rows) else ""
    return {
        "command": f"python -m photoz_lit task=study study={study.name}{given}",
        "git_commit": git_commit(),
        "scale": next((o.split("=")[1] for o in study.common if o.startswith("scale=")), "demo"),
        "question": study.question,
        "swept": sorted({name for row in study.rows for name in row.sweep}),
        **study.model_dump(include=set(Compared.model_fields), exclude_defaults=True),
    }


def forget_changed(folders: StudyFolders, asked: AskedBy, console: Console) -> None:
    """Take the jobs that were made with other settings out of the results, so that they are made again, and say so.

    Their run folders stay. Without this a study that goes on after its settings changed would mix both.

    Parameters
    ----------
    folders : of the study.
    asked : what a job asks for now.
    console : prints each such job with the keys that differ.
    """
    results = StudyResults.read(folders.results)
    stale: list[Row] = []
    pointers = []
    changed_starts = _changed_starts(folders, asked, console)
    for job in folders.jobs:
        run = folders.finished_run(job)
        rows = results.rows_of(job) if run is None else []
        made = results.settings_of(rows) if run is None else [made_with(run)]
        different = list(dict.fromkeys(one for settings in made for one in changes(settings, asked(job))))
        different += [f"another start {job.start}"] if made and job.start in changed_starts else []
        if different:
            stale += rows if run is None else rows_of(job, run)
            pointers.append(folders.pointer(job))
            console.print(
                f"[yellow]Note:[/yellow] {shown(job.name)} was made with other settings ({'; '.join(different[:3])})."
            )
    if not stale:
        return
    with folders.locked():
        results = StudyResults.read(folders.results)  # another session may have added to them
        if results.rows:
            results.rows = without_rows(results.rows, stale)
            results.write()
        for pointer in pointers:  # last: a job that is stopped before is found again
            pointer.unlink(missing_ok=True)


def _changed_starts(folders: StudyFolders, asked: AskedBy, console: Console) -> set[str]:
    """Forget the starts that were made with other settings; return their names."""
    found = set()
    for name, start in folders.starts.items():
        run = folders.finished_run(start)
        different = [] if run is None else changes(made_with(run), asked(start))
        if different:
            found.add(name)
            folders.pointer(start).unlink()
            console.print(f"[yellow]Note:[/yellow] {shown(start.name)} was made with other settings ({different[0]}).")
    return found


def find_twins(jobs: Sequence[StudyJob], asked: AskedBy, folders: StudyFolders) -> dict[str, Twin]:
    """Name of a job -> row of a study beside this one that was made by the very same run."""
    known = list(_simulated_rows(folders.results))
    found = {}
    for job in jobs:
        alone = job.then is None and job.start is None
        alike = [twin for twin in known if twin.row["seed"] == job.seed] if alone else []
        same = next((twin for twin in alike if _same_run(twin, asked(job))), None)
        if same is not None:
            found[job.name] = same
    return found


def _simulated_rows(results: Path) -> Iterator[Twin]:
    """Rows of other studies that say what made them, of simulated data: others are known by their hash alone."""
    for file in sorted(results.parent.glob("*/results.json")):
        if file.parent == results:
            continue
        other = StudyResults.read(file.parent)
        for row in other.rows:
            made = other.made_with.get(row.get("galaxies", ""))
            if made is not None and THEN not in made and row.get("data") == "simulated":
                yield Twin(other, row)


def _same_run(twin: Twin, asked: Asked) -> bool:
    """Whether a row was made with all that a job asks for, key by key."""
    made = twin.results.made_with[twin.row["galaxies"]]
    known = {*made, *asked.defaults, SIMULATION, PIXELS}  # older rows do not name the simulation's version
    return asked.settings.keys() <= known and not changes(made, asked)
