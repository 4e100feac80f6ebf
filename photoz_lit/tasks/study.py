"""``task=study study=<name>``: run a study's missing jobs, gather the results run by run, draw table and figure."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.errors import InputError
from photoz_lit.run_folder import git_commit, write_json
from photoz_lit.studies import Study, StudyJob, jobs_of, merged_rows, read_results, result_row
from photoz_lit.sweep import run_jobs


def run(config: Config) -> None:
    """Run what is missing of ``study`` and write ``experiments/<study>/results.json``."""
    if not config.study:
        raise InputError("task=study needs study=<name>; --help lists the studies.")
    study = config.study
    pointers = config.paths.runs / "studies" / study.name
    results = config.paths.experiments / study.name / "results.json"
    console = Console()
    jobs = jobs_of(study)
    missing = [job for job in jobs if finished_run(pointers, job) is None]
    console.print(f"[bold]{study.name}[/bold]: {study.question}")
    console.print(f"{len(jobs)} jobs, {len(jobs) - len(missing)} done; results go to {results}")
    gather(study, jobs, pointers, results)
    failures = []
    for job in missing:
        pointer = pointers / f"{job.name}.txt"
        arguments = [*job.overrides, *inherited(config), f"paths.pointer={pointer}"]
        try:
            run_jobs([arguments], pointers / "logs" / job.name)
            folder = Path(pointer.read_text().strip())
            if job.then is not None:
                run_jobs([[f"task={job.then}", f"run={folder}", *inherited(config)]], pointers / "logs" / job.name)
        except InputError as error:
            failures.append(f"{job.name}: {error}")
        gather(study, jobs, pointers, results)
    if failures:
        raise InputError(f"{len(failures)} of {len(jobs)} jobs failed, the others are done: {'; '.join(failures)}")


def inherited(config: Config) -> list[str]:
    """What a study's jobs take over from its own command line: where things lie, and on what they run."""
    trainer = config.trainer
    catalogue = config.simulation.catalogue
    return [
        *([] if catalogue is None else [f"simulation.catalogue={catalogue}"]),
        f"paths.runs={config.paths.runs}",
        f"data.cache={config.data.cache}",
        f"trainer={trainer.name}",
        f"trainer.threads={'null' if trainer.threads is None else trainer.threads}",
        "trainer.progress=false",
    ]


def finished_run(pointers: Path, job: StudyJob) -> Path | None:
    """Run folder of a job that is done, else None."""
    pointer = pointers / f"{job.name}.txt"
    if not pointer.is_file():
        return None
    folder = Path(pointer.read_text().strip())
    last = "metrics.json" if job.then is None else f"{job.then}.json"
    return folder if (folder / last).is_file() else None


def gather(study: Study, jobs: list[StudyJob], pointers: Path, results: Path) -> None:
    """Write the rows of all finished jobs, keeping those of earlier sittings whose runs are gone."""
    rows = []
    for job in jobs:
        folder = finished_run(pointers, job)
        if folder is not None:
            metrics = json.loads((folder / "metrics.json").read_text())
            row = result_row(job, metrics)
            if job.then is None:
                rows.append(row)
            else:
                rows += [{**row, **one} for one in json.loads((folder / f"{job.then}.json").read_text())]
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
        "rows": merged_rows(old["rows"], rows),
    }
    write_json(results, content)
