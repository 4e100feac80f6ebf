"""``task=study study=<name>``: run a study's missing jobs, ``task.jobs`` of them at once, and gather their results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from photoz_lit.command_line.explain import explain
from photoz_lit.command_line.overrides import for_hydra
from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.studies.definition import Study, StudyJob, jobs_of, starts_of
from photoz_lit.studies.results import StudyResults
from photoz_lit.sweep import Job, run_jobs
from photoz_lit.tasks.changed_settings import Asked, asked_for, composed
from photoz_lit.tasks.options import StudyOptions
from photoz_lit.tasks.overrides_of_jobs import overrides_of_jobs, quoted
from photoz_lit.tasks.study_results import StudyFolders, find_twins, forget_changed, gather

INIT = "module.init"


def run(config: Config, options: StudyOptions) -> None:
    """Run what is missing of ``study`` and write ``experiments/<study>/results.json``.

    ``task.seeds=[0,1]`` runs the jobs of these seeds alone, so that a study can be split over sessions or machines;
    results gathered before stay.
    """
    if config.study is None:
        raise InputError("task=study needs study=<name>; --help lists the studies.")
    from_here = overrides_of_jobs(config)
    require_known_keys(config.study, from_here)
    study, console = config.study, Console()
    folders = StudyFolders(study, config.paths.runs / "studies" / study.name, config.paths.experiments / study.name)
    jobs = jobs_of_seeds(folders.jobs, options.seeds)

    @cache
    def asked(job_overrides: tuple[str, ...]) -> Asked:
        return asked_for((*job_overrides, *from_here))

    def asked_of(job: StudyJob) -> Asked:
        now = asked((*job.overrides, *_weights(job, folders)))
        # while the start is not there, nobody knows what its run is called
        known = {key: value for key, value in now.settings.items() if key != INIT or folders.start_of(job) is not None}
        return now if job.start is None else replace(now, settings=known)

    forget_changed(folders, asked_of, console)
    results = StudyResults.read(folders.results)
    unfinished = [job for job in jobs if folders.finished_run(job) is None]
    standing = [job for job in unfinished if results.settings_of(results.rows_of(job))]
    missing = [job for job in unfinished if job not in standing]
    twins = find_twins(missing, asked_of, folders)
    for name, twin in twins.items():
        of_study = shown(twin.results.folder.name)
        console.print(f"{shown(name)}: the same run as {shown(twin.row['galaxies'])} of {of_study}")
    gather(folders, twins)
    missing = [job for job in missing if job.name not in twins]
    console.print(f"[bold]{shown(study.name)}[/bold]: {shown(study.question)}")
    of_all = f" of {len(folders.jobs)}" if len(jobs) < len(folders.jobs) else ""
    done = f"{len(jobs)}{of_all} jobs, {len(jobs) - len(missing)} done"
    console.print(f"{done}; results go to {shown(folders.results / 'results.json')}")
    if standing:
        console.print(f"{len(standing)} of them stand there without runs; paths.experiments=<folder> makes them again.")
    if missing:
        _run(config, options, missing, folders, from_here)


def _run(
    config: Config, options: StudyOptions, missing: list[StudyJob], folders: StudyFolders, from_here: Sequence[str]
) -> None:
    """Run the starts that are missing, then the jobs; one whose start failed takes no other job along."""
    names = dict.fromkeys(job.start for job in missing if job.start is not None and folders.start_of(job) is None)
    failed: InputError | None = None
    if names:
        Console().print(f"First what others begin with the weights of: {shown(', '.join(names))}")
        try:
            run_jobs([_command(config, folders.starts[name], folders, from_here) for name in names], options.jobs)
        except InputError as error:
            failed = error
    ready = [job for job in missing if job.start is None or folders.start_of(job) is not None]
    commands = [_command(config, job, folders, from_here) for job in ready]
    if commands:
        run_jobs(commands, options.jobs, lambda _result: gather(folders))
    if failed is not None:
        raise failed


def _weights(job: StudyJob, folders: StudyFolders) -> tuple[str, ...]:
    """Override that begins a job with the weights of its start, where that is there."""
    run = folders.start_of(job)
    return () if run is None else (quoted(INIT, run),)


def require_known_keys(study: Study, inherited: Sequence[str]) -> None:
    """Refuse a key or choice that the config does not know, before any job starts.

    Raises
    ------
    InputError : names the override. A bad value of a known key is left to the jobs that it concerns.
    """
    of_rows = [jobs_of(study.model_copy(update={"rows": [row]}))[0] for row in study.rows]
    for job in (*starts_of(study).values(), *of_rows):
        overrides = (*job.overrides, *inherited)
        try:
            with suppress(InputError):
                composed(overrides)
        except (HydraException, OmegaConfBaseException) as error:
            raise InputError(f"study={study.name}: {explain(error, for_hydra(overrides), None, overrides)}") from error


def jobs_of_seeds(jobs: list[StudyJob], seeds: list[int] | None) -> list[StudyJob]:
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


def _command(config: Config, job: StudyJob, folders: StudyFolders, from_here: Sequence[str]) -> Job:
    """Command of a job, and of the task that follows it on its run folder; ``from_here`` is what both take over."""
    pointer = folders.pointer(job)

    def then() -> list[str]:
        return [f"task={job.then}", quoted("run", pointer.read_text().strip()), *from_here]

    overrides = (*job.overrides, *_weights(job, folders), *from_here, quoted("paths.pointer", pointer))
    if config.logger.name != "csv":
        overrides += (quoted("logger.job_type", job.name.removesuffix(f"_seed{job.seed}")),)
    return Job(job.name, overrides, folders.pointers / "logs" / f"{job.name}.log", then if job.then else None)
