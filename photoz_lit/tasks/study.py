"""``task=study study=<name>``: run a study's missing jobs, ``task.jobs`` of them at once, and gather their results."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from photoz_lit.command_line.explain import explain
from photoz_lit.command_line.overrides import for_hydra
from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.studies.definition import Study, StudyJob, jobs_of
from photoz_lit.studies.results import StudyResults
from photoz_lit.sweep import Job, run_jobs
from photoz_lit.tasks.changed_settings import Asked, asked_for, composed
from photoz_lit.tasks.options import StudyOptions
from photoz_lit.tasks.overrides_of_jobs import overrides_of_jobs, quoted
from photoz_lit.tasks.study_results import StudyFolders, find_twins, forget_changed, gather


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

    forget_changed(folders, lambda job: asked(job.overrides), console)
    results = StudyResults.read(folders.results)
    unfinished = [job for job in jobs if folders.finished_run(job) is None]
    standing = [job for job in unfinished if results.settings_of(results.rows_of(job))]
    missing = [job for job in unfinished if job not in standing]
    twins = find_twins(missing, lambda job: asked(job.overrides), folders)
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
        commands = [_command(config, job, folders, from_here) for job in missing]
        run_jobs(commands, options.jobs, lambda _result: gather(folders))


def require_known_keys(study: Study, inherited: Sequence[str]) -> None:
    """Refuse a key or choice that the config does not know, before any job starts.

    Raises
    ------
    InputError : names the override. A bad value of a known key is left to the jobs that it concerns.
    """
    for row in study.rows:
        overrides = (*jobs_of(study.model_copy(update={"rows": [row]}))[0].overrides, *inherited)
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

    overrides = (*job.overrides, *from_here, quoted("paths.pointer", pointer))
    if config.logger.name != "csv":
        overrides += (quoted("logger.job_type", job.name.removesuffix(f"_seed{job.seed}")),)
    return Job(job.name, overrides, folders.pointers / "logs" / f"{job.name}.log", then if job.then else None)
