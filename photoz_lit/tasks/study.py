"""``task=study study=<name>``: run a study's missing jobs, ``task.jobs`` of them at once, and gather their results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.evaluation.kept_galaxies import copy_galaxies, keep_galaxies
from photoz_lit.files import inside, locked, write_json
from photoz_lit.provenance import git_commit
from photoz_lit.studies import (
    Setting,
    Study,
    StudyJob,
    galaxies_file,
    jobs_of,
    merged_rows,
    read_results,
    result_row,
    rows_of_followup,
    without_rows,
)
from photoz_lit.sweep import Job, run_jobs
from photoz_lit.tasks.job_settings import asked_for, changes, made_with
from photoz_lit.tasks.kept_settings import keep_settings
from photoz_lit.tasks.options import StudyOptions
from photoz_lit.tasks.passed_on import inherited, quoted
from photoz_lit.tasks.results_at_hand import THEN, KeptRow, kept_rows, made_rows_with, own_rows, take_over, twin

Asked = Callable[[], Setting]
Seeds = list[int] | None


def run(config: Config, options: StudyOptions) -> None:
    """Run what is missing of ``study`` and write ``experiments/<study>/results.json``.

    ``task.seeds=[0,1]`` runs the jobs of these seeds alone, so that a study can be split over sittings or machines;
    results gathered before stay.
    """
    if config.study is None:
        raise InputError("task=study needs study=<name>; --help lists the studies.")
    study = config.study
    pointers = config.paths.runs / "studies" / study.name
    results = config.paths.experiments / study.name / "results.json"
    console = Console()
    study_jobs = jobs_of(study)
    jobs = of_this_sitting(study_jobs, options.seeds)
    asked = {job.name: partial(asked_for, (*job.overrides, *inherited(config))) for job in study_jobs}
    forget_changed(study_jobs, asked, pointers, results, console)
    known = {job.name for job in jobs if finished_run(pointers, job) is None and _stands(job, results)}
    open_jobs = [job for job in jobs if finished_run(pointers, job) is None and job.name not in known]
    taken = take_over_twins(open_jobs, asked, results, console)
    gather(study, study_jobs, pointers, results, list(taken.values()))
    missing = [job for job in open_jobs if job.name not in taken]
    console.print(f"[bold]{shown(study.name)}[/bold]: {shown(study.question)}")
    of_all = f" of {len(study_jobs)}" if len(jobs) < len(study_jobs) else ""
    console.print(f"{len(jobs)}{of_all} jobs, {len(jobs) - len(missing)} done; results go to {shown(results)}")
    if known:
        console.print(f"{len(known)} of them stand there without runs; paths.experiments=<folder> makes them again.")
    if missing:
        commands = [_command(config, job, pointers) for job in missing]
        run_jobs(commands, options.jobs, lambda _result: gather(study, study_jobs, pointers, results))


def of_this_sitting(jobs: list[StudyJob], seeds: Seeds) -> list[StudyJob]:
    """Jobs of some seeds, or all of them.

    Raises
    ------
    InputError : a seed is none of the study's.
    """
    if seeds is None:
        return jobs
    known = sorted({job.seed for job in jobs})
    for seed in seeds:
        if seed not in known:
            raise InputError(f"task.seeds: the study has no seed {seed}; its seeds are {', '.join(map(str, known))}.")
    return [job for job in jobs if job.seed in seeds]


def take_over_twins(
    jobs: list[StudyJob], asked: Mapping[str, Asked], results: Path, console: Console
) -> dict[str, KeptRow]:
    """Rows, by job, of other studies beside this one that made the very same run; said which."""
    kept = list(kept_rows(results.parent.parent, but=results.parent.name))
    found = {}
    for job in jobs:
        alike = [one for one in kept if one.row["seed"] == job.seed] if job.then is None else []
        one = twin(asked[job.name](), alike) if alike else None
        if one is not None:
            found[job.name] = take_over(job, one, results)
            console.print(
                f"{shown(job.name)}: the same run as {shown(Path(one.row['galaxies']).stem)} of {shown(one.study.name)}"
            )
    return found


def _stands(job: StudyJob, results: Path) -> bool:
    """Whether a job's results are kept and say what they were made with."""
    return made_rows_with(own_rows(job, results), results) is not None


def _command(config: Config, job: StudyJob, pointers: Path) -> Job:
    """Command of a job, and of the task that follows it on its run folder."""
    pointer = pointers / f"{job.name}.txt"

    def then() -> list[str]:
        return [f"task={job.then}", quoted("run", pointer.read_text().strip()), *inherited(config)]

    overrides = (*job.overrides, *inherited(config), quoted("paths.pointer", pointer))
    if config.logger.name != "csv":
        overrides += (quoted("logger.job_type", job.name.removesuffix(f"_seed{job.seed}")),)
    return Job(job.name, overrides, pointers / "logs" / f"{job.name}.log", then if job.then else None)


def finished_run(pointers: Path, job: StudyJob) -> Path | None:
    """Run folder of a job that is done, else None."""
    pointer = pointers / f"{job.name}.txt"
    if not pointer.is_file():
        return None
    folder = Path(pointer.read_text().strip())
    last = "metrics.json" if job.then is None else f"{job.then}.json"
    return folder if (folder / last).is_file() else None


def forget_changed(
    jobs: list[StudyJob], asked: Mapping[str, Asked], pointers: Path, results: Path, console: Console
) -> None:
    """Take the jobs that were made with other settings out of the results, so that they are made again, and say so.

    Their run folders stay. Without this a study that was resumed after its settings changed would mix both.

    Parameters
    ----------
    jobs : of the study.
    asked : what each asks for, by its name.
    pointers : folder with a file for each finished job, which names its run.
    results : ``results.json``.
    console : is told of each such job.
    """
    stale: list[dict[str, Any]] = []
    pointing = []
    for job in jobs:
        run = finished_run(pointers, job)
        rows = own_rows(job, results) if run is None else []
        made = made_rows_with(rows, results) if run is None else made_with(run)
        different = changes(made, asked[job.name]()) if made is not None else []
        if different:
            stale += rows if run is None else rows_of(job, run)
            pointing.append(pointers / f"{job.name}.txt")
            console.print(
                f"[yellow]Note:[/yellow] {shown(job.name)} was made with other settings ({'; '.join(different[:3])})."
            )
    if not stale:
        return
    with locked(pointers / "results.lock"):
        if results.is_file():
            content = read_results(results)
            kept = without_rows(content["rows"], stale)
            for row in content["rows"]:
                if row not in kept and "galaxies" in row:  # a copy newer than the run that is taken next would stay
                    inside(results.parent, row["galaxies"]).unlink(missing_ok=True)
            write_json(results, {**content, "rows": kept})
        for pointer in pointing:  # last: what is stopped before is found again
            pointer.unlink(missing_ok=True)


def rows_of(job: StudyJob, run: Path) -> list[dict[str, Any]]:
    """Rows of a finished job; galaxies of those of a task that followed it lie in the run's folder."""
    row = result_row(job, json.loads((run / "metrics.json").read_text()))
    return [row] if job.then is None else rows_of_followup(row, json.loads((run / f"{job.then}.json").read_text()))


def gather(study: Study, jobs: list[StudyJob], pointers: Path, results: Path, taken: Sequence[KeptRow] = ()) -> None:
    """Write the rows and test galaxies of all finished jobs, keeping those of earlier sittings whose runs are gone.

    Threads and other sittings of the study that gather at the same time wait for each other.

    Parameters
    ----------
    study, jobs : what is gathered.
    pointers : folder with a file for each finished job, which names its run.
    results : ``results.json``.
    taken : rows that another study made.
    """
    with locked(pointers / "results.lock"):
        _gather(study, jobs, pointers, results, taken)


def _gather(study: Study, jobs: list[StudyJob], pointers: Path, results: Path, taken: Sequence[KeptRow]) -> None:
    rows = [one.row for one in taken]
    made = {one.row["galaxies"]: one.made for one in taken}
    for job in jobs:
        folder = finished_run(pointers, job)
        if folder is not None:
            found = rows_of(job, folder)
            settings = {**made_with(folder), **({THEN: job.then} if job.then else {})}
            if job.then is None:
                keep_galaxies(folder, results.parent / galaxies_file(job))
            else:
                found = [_with_galaxies(one, job, folder, results.parent) for one in found]
            rows += found
            made |= {one["galaxies"]: settings for one in found if "galaxies" in one}
    if not rows:
        return
    old = read_results(results)
    given = " simulation.catalogue=<file>" if any(row["data"] == "simulated_from_catalogue" for row in rows) else ""
    results.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "command": f"python -m photoz_lit task=study study={study.name}{given}",
        "git_commit": git_commit(),
        "scale": next((o.split("=")[1] for o in study.common if o.startswith("scale=")), "demo"),
        "question": study.question,
        "swept": sorted({name for row in study.rows for name in row.sweep}),
        **({"tuned_on": study.tuned_on} if study.tuned_on else {}),
        "rows": merged_rows(old["rows"], rows, jobs),
    }
    keep_settings(results.parent, made)  # first: a row whose settings are not there would be made again
    write_json(results, content)


def _with_galaxies(found: dict[str, Any], job: StudyJob, run: Path, kept_in: Path) -> dict[str, Any]:
    """Row of a follow-up, its test galaxies copied beside the results where it has some."""
    if "galaxies" not in found:
        return found
    source = inside(run, found["galaxies"])
    if not source.is_file():
        raise InputError(f"{source} is not there; remove {run / f'{job.then}.json'} and give the command again.")
    name = galaxies_file(job, source.stem)
    copy_galaxies(source, kept_in / name)
    return {**found, "galaxies": name}
