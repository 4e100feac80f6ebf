"""Run the jobs of a sweep or a study, each in a fresh process; one that fails takes no other along."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from photoz_lit.errors import InputError


@dataclass(frozen=True)
class JobResult:
    """How a job ended: exit code 0 is done; ``last_line`` is what it said last."""

    overrides: tuple[str, ...]
    exit_code: int
    log: Path
    last_line: str


def run_jobs(jobs: Sequence[Sequence[str]], log_folder: Path, at_once: int | str = "auto") -> list[JobResult]:
    """Run ``python -m photoz_lit <overrides>`` for every job.

    A job whose run is finished already ends at once, as its run folder's name follows from its config.

    Parameters
    ----------
    jobs : overrides of each job.
    log_folder : gets a log file per job.
    at_once : jobs at the same time; ``auto`` is one per GPU, or one on the CPU.

    Returns
    -------
    One result per job, in order.

    Raises
    ------
    InputError : a job failed; the others were run nevertheless.
    """
    console = Console()
    log_folder.mkdir(parents=True, exist_ok=True)
    gpus = visible_gpus()
    n_at_once = int(at_once) if at_once != "auto" else max(1, len(gpus))
    places: queue.Queue[str | None] = queue.Queue()
    for place in range(n_at_once):
        places.put(gpus[place % len(gpus)] if gpus else None)
    columns = (
        TextColumn("jobs"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress, ThreadPoolExecutor(n_at_once) as pool:
        task = progress.add_task("", total=len(jobs))

        def run_one(number: int) -> JobResult:
            result = _run(jobs[number], log_folder / f"job_{number}.log", places)
            mark = "[green]done[/green]" if result.exit_code == 0 else "[red]failed[/red]"
            progress.console.print(f"{mark}  {' '.join(result.overrides)}", highlight=False)
            progress.advance(task)
            return result

        results = list(pool.map(run_one, range(len(jobs))))
    failed = [r for r in results if r.exit_code != 0]
    if failed:
        named = "; ".join(f"{' '.join(r.overrides)} ({r.last_line or f'see {r.log}'})" for r in failed)
        raise InputError(f"{len(failed)} of {len(results)} jobs failed, the others are done: {named}")
    return results


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


def _run(overrides: Sequence[str], log: Path, places: queue.Queue[str | None]) -> JobResult:
    gpu = places.get()
    try:
        environment = {**os.environ, **({"CUDA_VISIBLE_DEVICES": gpu} if gpu is not None else {})}
        with log.open("w") as output:
            command = [sys.executable, "-m", "photoz_lit", *overrides]
            code = subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment, check=False
            ).returncode
    finally:
        places.put(gpu)
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return JobResult(tuple(overrides), code, log, lines[-1] if lines else "")
