"""A study's results on disk: ``results.json`` with its rows and what made them, the test galaxies beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from photoz_lit.errors import InputError
from photoz_lit.files import inside, plain, write_text
from photoz_lit.studies.definition import Setting, StudyJob
from photoz_lit.studies.galaxies import NAME, JobGalaxies, jobs_kept, write_jobs
from photoz_lit.studies.rows import Row

MADE_WITH = "made_with"
OLDER_SETTINGS, OLDER_GALAXIES = "made_with.json", "galaxies"


@dataclass
class StudyResults:
    """Rows of a study, what they were made with, and their test galaxies.

    Attributes
    ----------
    folder : with ``results.json`` and ``test_galaxies.parquet``.
    about : content of ``results.json`` beside the rows: command, commit, question …
    rows : a row's ``galaxies`` names its test galaxies, and what it was made with.
    made_with : that name -> what shaped the run, by dotted key.
    fresh : that name -> test galaxies which are not on disk yet.
    """

    folder: Path
    about: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    made_with: dict[str, Setting] = field(default_factory=dict)
    fresh: dict[str, pd.DataFrame] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> StudyResults:
        """Read a study's folder; empty results where it has none.

        Raises
        ------
        InputError : a file in it cannot be read.
        """
        content = read_results(folder / "results.json")
        rows, made = content.pop("rows"), _settings_of_jobs(content.pop(MADE_WITH, []))
        return cls(folder, content, rows, {**_older_settings(folder / OLDER_SETTINGS), **made})

    def rows_of(self, job: StudyJob) -> list[Row]:
        """Rows of a job whose test galaxies are kept."""
        mine = [row for row in self.rows if is_of(job, str(row.get("galaxies", "")))]
        return [row for row in mine if JobGalaxies(self.folder, row["galaxies"]).there]

    def settings_of(self, rows: Sequence[Row]) -> list[Setting]:
        """What rows were made with; empty where one of them does not say."""
        known = [self.made_with[row["galaxies"]] for row in rows if row["galaxies"] in self.made_with]
        return known if len(known) == len(rows) else []

    def holds(self, row: Row) -> bool:
        """Whether the row stands there as it is, with its galaxies."""
        return row in self.rows and JobGalaxies(self.folder, row["galaxies"]).there

    def add(self, row: Row, made_with: Setting, galaxies: pd.DataFrame) -> None:
        """Take the settings and test galaxies of a row; the row itself is merged in by its place in the study."""
        self.made_with[row["galaxies"]] = made_with
        self.fresh[row["galaxies"]] = galaxies

    def write(self) -> None:
        """Write both files, each whole or not at all, and drop the galaxies that no row names.

        Galaxies first: a row that stands in ``results.json`` has its galaxies, however the process ends. The layout
        of older studies, a file per job and ``made_with.json``, becomes this one.
        """
        named = [row["galaxies"] for row in self.rows if row.get("galaxies")]
        kept = jobs_kept(self.folder)
        older = [name for name in named if name not in kept and name not in self.fresh]
        if self.fresh or older or kept - {*named}:
            self._write_galaxies(named)
        made = {name: self.made_with[name] for name in named if name in self.made_with}
        settings = {MADE_WITH: _by_value(made)} if made else {}
        _write_a_row_a_line(self.folder / "results.json", {**self.about, "rows": self.rows, **settings})
        (self.folder / OLDER_SETTINGS).unlink(missing_ok=True)
        _remove_older_files(self.folder / OLDER_GALAXIES)

    def _write_galaxies(self, named: Sequence[str]) -> None:
        tables = {}
        for name in named:
            stored = JobGalaxies(self.folder, name)
            if name in self.fresh:
                tables[name] = self.fresh[name]
            elif stored.there:
                tables[name] = stored.read()
        if tables:
            write_jobs(self.folder, tables)
        else:
            (self.folder / NAME).unlink(missing_ok=True)
        self.fresh = {}


def _write_a_row_a_line(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON whose lists of objects have an object per line, so that a new row is a new line of the file."""
    lines = []
    for key, value in plain(dict(content)).items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n  " + ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in value) + "\n ]"
        lines.append(f" {json.dumps(key)}: {text}")
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")


def read_results(path: Path) -> dict[str, Any]:
    """Read a study's ``results.json``, or an empty one where there is none.

    Raises
    ------
    InputError : the file is no results file, or a row names a file that is not below its folder.
    """
    if not path.is_file():
        return {"rows": []}
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        rows = [_as_now(row, path.parent) for row in content["rows"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no results file of a study ({error}); move it away.") from error
    return {**content, "rows": rows}


def is_of(job: StudyJob, galaxies: str) -> bool:
    """Whether galaxies of this name are the job's, or a part's of the task that followed it."""
    return galaxies == job.name if job.then is None else galaxies.startswith(f"{job.name}_")


def _as_now(row: Row, folder: Path) -> Row:
    """A row whose ``galaxies`` name a job, where an older study named a file below its folder."""
    name = row.get("galaxies")
    if name is None or "/" not in name:
        return row
    return {**row, "galaxies": inside(folder, name).name.removesuffix(".parquet")}


def _remove_older_files(folder: Path) -> None:
    """Remove an older study's file per job, and their folder if nothing else is in it."""
    for file in sorted(folder.glob("*.parquet")):
        inside(folder.parent, f"{folder.name}/{file.name}").unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _older_settings(path: Path) -> dict[str, Setting]:
    """What made the jobs of an older study: ``common`` settings, and each file's ``own``."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
        return {
            Path(file).name.removesuffix(".parquet"): {**content["common"], **own}
            for file, own in content["own"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}); remove it, and the study makes its jobs again.") from error


def _by_value(made: Mapping[str, Setting]) -> list[dict[str, Any]]:
    """Settings as ``{jobs, settings}``, each value once, with all the jobs that have it."""
    jobs: dict[tuple[str, str], list[str]] = {}
    for job, settings in made.items():
        for key, value in settings.items():
            jobs.setdefault((key, json.dumps(value, sort_keys=True)), []).append(job)
    parts: dict[tuple[str, ...], Setting] = {}
    for (key, value), names in jobs.items():
        parts.setdefault(tuple(names), {})[key] = json.loads(value)
    return [{"jobs": list(names), "settings": settings} for names, settings in parts.items()]


def _settings_of_jobs(parts: Sequence[Mapping[str, Any]]) -> dict[str, Setting]:
    """Return job -> settings, from :func:`_by_value`."""
    made: dict[str, Setting] = {}
    for part in parts:
        for job in part["jobs"]:
            made.setdefault(job, {}).update(part["settings"])
    return made
