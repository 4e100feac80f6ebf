"""Jobs of a study whose results are at hand, though no run folder is: made elsewhere, or by another study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photoz_lit.evaluation.kept_galaxies import copy_galaxies
from photoz_lit.files import inside
from photoz_lit.studies import Setting, StudyJob, galaxies_file, read_results
from photoz_lit.tasks.job_settings import PIXELS, SIMULATION, changes
from photoz_lit.tasks.kept_settings import read_kept_settings

Row = dict[str, Any]
THEN = "then"  # in what a row was made with: the task that followed the run and made the row


def own_rows(job: StudyJob, results: Path) -> list[Row]:
    """Rows of a job in its study's ``results.json`` whose test galaxies are kept beside it.

    Parameters
    ----------
    job : of the study.
    results : the file; it may be missing.
    """
    whole, parts = galaxies_file(job), galaxies_file(job, "")
    found = []
    for row in read_results(results)["rows"]:
        name = row.get("galaxies", "")
        of_job = name == whole if job.then is None else name.startswith(parts.removesuffix(".parquet"))
        if of_job and (results.parent / name).is_file():
            found.append(row)
    return found


def made_rows_with(rows: Sequence[Row], results: Path) -> Setting | None:
    """What the rows of a job were made with; None where they do not say."""
    kept = read_kept_settings(results.parent)
    found = [kept.get(row["galaxies"]) for row in rows]
    return found[0] if found and None not in found else None


@dataclass(frozen=True)
class KeptRow:
    """A row of some study that says what it was made with.

    Attributes
    ----------
    study : folder with ``results.json`` and ``galaxies``.
    row : of the results.
    swept : columns of the row that are settings of its study.
    made : what it was made with.
    """

    study: Path
    row: Row
    swept: tuple[str, ...]
    made: Setting


def kept_rows(studies: Path, but: str) -> Iterator[KeptRow]:
    """Rows that jobs of another study may be equal to: simulated data alone, since others are known by their hash only.

    Parameters
    ----------
    studies : folder that holds the studies' folders.
    but : name of the study that asks.
    """
    for results in sorted(studies.glob("*/results.json")):
        if results.parent.name == but:
            continue
        content, kept = read_results(results), read_kept_settings(results.parent)
        for row in content["rows"]:
            made = kept.get(row.get("galaxies", ""))
            if made is not None and THEN not in made and row.get("data") == "simulated":
                yield KeptRow(results.parent, row, tuple(content.get("swept", ())), made)


def twin(asked: Setting, kept: Sequence[KeptRow]) -> KeptRow | None:
    """Return the row that was made with all that a job asks for, key by key; None where there is none."""
    # of the simulation's version an older row says nothing, nor of the galaxies that the version stands for
    said = {key for key in asked if key not in (SIMULATION, PIXELS) and not key.startswith("simulation.galaxies.")}
    return next((one for one in kept if said <= one.made.keys() and not changes(one.made, asked)), None)


def take_over(job: StudyJob, found: KeptRow, results: Path) -> KeptRow:
    """Copy a row's test galaxies beside a study's results.

    Returns
    -------
    The row as this study keeps it, under the job's own method and settings.
    """
    name = galaxies_file(job)
    copy_galaxies(inside(found.study, found.row["galaxies"]), results.parent / name)
    measured = {key: value for key, value in found.row.items() if key not in found.swept}
    row = {**measured, "method": job.method, **job.settings, "galaxies": name}
    return KeptRow(results.parent, row, tuple(job.settings), found.made)
