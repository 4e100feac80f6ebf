"""Run the jobs of a sweep or a study, each in a fresh process; one that fails takes no other along."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from photoz_lit.command_line.reach import CHECKED
from photoz_lit.errors import InputError
from photoz_lit.processes import Processes
from photoz_lit.progress import counted


@dataclass(frozen=True)
class Job:
    """One command, and what follows it.

    Attributes
    ----------
    name : shown in messages.
    overrides : of ``python -m photoz_lit``.
    log : file that gets what it prints.
    then : is asked, once the job is done, for the overrides of a task that runs in the same place after it.
    """

    name: str
    overrides: tuple[str, ...]
    log: Path
    then: Callable[[], Sequence[str]] | None = None


@dataclass(frozen=True)
class JobResult:
    """How a job ended: exit code 0 is done; ``last_line`` is what it said last."""

    job: Job
    exit_code: int
    last_line: str


def run_jobs(
    jobs: Sequence[Job], at_once: int | str = "auto", after_each: Callable[[JobResult], None] = lambda _result: None
) -> list[JobResult]:
    """Run ``python -m photoz_lit <overrides>`` for every job.

    A job whose run is finished already ends at once, as its run folder's name follows from its config. Each job sees
    only the GPUs of its place: one, or as many as its ``trainer.devices`` says. Jobs that share a CPU share its cores.

    Parameters
    ----------
    jobs : to run, those first in order that stand first.
    at_once : jobs at the same time; ``auto`` is one per GPU, or one on the CPU.
    after_each : is called with each job's result as it ends, from several threads where several jobs run at once.

    Returns
    -------
    One result per job, in order.

    Raises
    ------
    InputError : a job failed; the others were run nevertheless.
    """
    console = Console()
    places = places_of(jobs, at_once, visible_gpus())
    free: queue.Queue[dict[str, str]] = queue.Queue()
    for place in places:
        free.put(place)
    processes = Processes()
    with (
        counted("jobs", console) as progress,
        ThreadPoolExecutor(len(places)) as pool,
        processes.ending_with_this_one(),  # innermost: the pool waits for its threads, and these for the processes
    ):
        task = progress.add_task("jobs", total=len(jobs))

        def run_one(job: Job) -> JobResult:
            place = free.get()
            try:
                result = _run(processes, job, place)
            finally:
                free.put(place)
            tell(result, progress.console)
            progress.advance(task)
            after_each(result)
            return result

        results = list(pool.map(run_one, jobs))
    raise_failures(results)
    return results


def jobs_of_sweep(job_overrides: Sequence[Sequence[str]], log_folder: Path) -> list[Job]:
    """Jobs of a sweep, each with a separate log: two sweeps may run at once in one folder."""
    jobs = []
    for number, overrides in enumerate(job_overrides):
        name = " ".join(overrides)
        jobs.append(Job(name, tuple(overrides), log_folder / f"job_{number}-{zlib.crc32(name.encode()):08x}.log"))
    return jobs


def tell(result: JobResult, console: Console | None = None) -> None:
    """Print that a job is done, or that it failed."""
    mark = "[green]done[/green]" if result.exit_code == 0 else "[red]failed[/red]"
    (console or Console()).print(f"{mark}  {escape(result.job.name)}", highlight=False)


def raise_failures(results: Sequence[JobResult]) -> None:
    """Name the jobs that failed.

    Raises
    ------
    InputError : there are some.
    """
    failed = [r for r in results if r.exit_code != 0]
    if failed:
        named = "; ".join(f"{r.job.name} ({r.last_line or f'see {r.job.log}'})" for r in failed)
        raise InputError(f"{len(failed)} of {len(results)} jobs failed, the others are done: {named}")


def run_alone(job: Job) -> JobResult:
    """Run one job on the machine that a cluster gave it.

    Its processes are its own, as on one machine: Lightning must not take Slurm's one task for the number of them.
    """
    for name in ("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE"):
        os.environ.pop(name, None)
    return _run(Processes(), job, {})


def places_of(jobs: Sequence[Job], at_once: int | str, gpus: Sequence[str]) -> list[dict[str, str]]:
    """Environment variables of each place in which one job runs at a time.

    Parameters
    ----------
    jobs : to run; a place has as many GPUs as the most demanding one's ``trainer.devices``.
    at_once : number of places, or ``auto``.
    gpus : numbers of those that may be used.
    """
    each = max([_devices(job.overrides) for job in jobs], default=1)
    shares = [",".join(gpus[k : k + each]) for k in range(0, len(gpus) - each + 1, each)] or [",".join(gpus)]
    number = int(at_once) if at_once != "auto" else len(shares)
    if gpus:
        return [{"CUDA_VISIBLE_DEVICES": shares[k % len(shares)]} for k in range(number)]
    if number == 1 or "OMP_NUM_THREADS" in os.environ:
        return [{} for _ in range(number)]
    return [{"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // number))} for _ in range(number)]


def visible_gpus() -> list[str]:
    """Numbers of the GPUs that this process may use, found without starting CUDA in it."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [gpu for gpu in chosen.split(",") if gpu.strip()]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(number) for number, line in enumerate(listed.splitlines()) if line.startswith("GPU")]


def _devices(overrides: Sequence[str]) -> int:
    """How many devices a job asks for; ``trainer=ddp`` alone asks for two, as its file says."""
    devices = 2 if "trainer=ddp" in overrides else 1
    for override in overrides:
        key, _, value = override.partition("=")
        if key == "trainer.devices" and value.isdigit():
            devices = max(1, int(value))
    return devices


def _run(processes: Processes, job: Job, place: dict[str, str]) -> JobResult:
    """Run a job, then what follows it."""
    code, last_line = _call(processes, job.overrides, job.log, place)
    if code == 0 and job.then is not None:
        code, last_line = _call(processes, job.then(), job.log, place, mode="a")
    return JobResult(job, code, last_line)


def _call(
    processes: Processes, overrides: Sequence[str], log: Path, place: dict[str, str], mode: str = "w"
) -> tuple[int, str]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open(mode) as output:
        command = [sys.executable, "-m", "photoz_lit", *overrides]
        code = processes.call(command, output, {**os.environ, **place, CHECKED: "1"})
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return code, lines[-1] if lines else ""
