"""Fetch the files of a plan into a folder; what is there already is not asked for again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.fetch.answer import AbsentError, AnswerError
from photoz_lit.fetch.client import Client, StopError
from photoz_lit.fetch.plan import Plan, WantedFile
from photoz_lit.fetch.progress import file_progress
from photoz_lit.fetch.record import FetchRecord
from photoz_lit.fetch.settings import FetchSettings
from photoz_lit.files import locked, whole_file, write_table

NOT_ASKED = "not asked for"


@dataclass(frozen=True)
class Fetched:
    """What a fetch came to.

    Attributes
    ----------
    missing : one row per galaxy and file that is not there: row, object_id, band, file, reason.
    new : files that came now.
    there : files that were there before.
    failed : files that the service may still have.
    stopped : why the rest was not asked for, "" where all was.
    """

    missing: pd.DataFrame
    new: int
    there: int
    failed: int
    stopped: str


def fetch_files(plan: Plan, settings: FetchSettings, folder: Path, again: bool, console: Console) -> Fetched:
    """Fetch the files of a plan.

    Parameters
    ----------
    plan : the files.
    settings : the service.
    folder : of the files, new or of an earlier fetch of the same settings.
    again : ask once more for what the service said it has not.
    console : where the progress is shown.

    Raises
    ------
    InputError : the folder holds something else, or a file cannot be written.
    """
    client = Client(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror or error}).") from error
    with locked(folder / ".lock", lambda: console.print(f"Waiting for another fetch into {shown(folder)}.")):
        _remove_partial(folder)
        record = FetchRecord(folder, settings)
        there = len(record.whole & {one.name for one in plan.files})
        todo = [one for one in plan.files if one.name not in record.whole and (again or one.name not in record.absent)]
        with file_progress(console, len(plan.files), len(plan.files) - len(todo)) as advance:
            failed, stopped = _fetch_all(todo, client, record, settings.failures_in_a_row, advance)
        client.close()
        missing = _missing(plan, record, failed)
        _write_missing(folder / "missing.csv", missing)
    new = len(record.whole & {one.name for one in todo})
    return Fetched(missing, new, there, len(failed), stopped)


def _fetch_all(
    todo: list[WantedFile], client: Client, record: FetchRecord, most: int, advance: Callable[[int], None]
) -> tuple[dict[str, str], str]:
    """Fetch files; return name -> why it failed, and why the rest was not asked for."""
    failed: dict[str, str] = {}
    in_a_row, absent = 0, 0
    for position, one in enumerate(todo):
        try:
            with whole_file(record.folder / one.name) as partial:
                client.fetch(one.url, partial)
            record.add(one.name, one.url)
            in_a_row = 0
        except AbsentError as error:
            record.add_absent(one.name, one.url, str(error))
            in_a_row, absent = 0, absent + 1
        except AnswerError as error:
            failed[one.name] = str(error)
            in_a_row += 1
        except StopError as error:
            return failed | {other.name: NOT_ASKED for other in todo[position:]}, str(error)
        advance(len(failed) + absent)
        if in_a_row == most and position + 1 < len(todo):
            reason = f"{most} files in a row failed, the last one with '{failed[one.name]}'"
            return failed | {other.name: NOT_ASKED for other in todo[position + 1 :]}, reason
    return failed, ""


def _missing(plan: Plan, record: FetchRecord, failed: dict[str, str]) -> pd.DataFrame:
    """Return the rows and files that are missing, in the order of the table."""
    rows = [(row, "", "", reason) for row, reason in plan.unplaced.items()]
    for one in plan.files:
        if one.name not in record.whole:
            reason = failed.get(one.name) or record.absent[one.name]
            rows += [(row, one.band, one.name, reason) for row in one.rows]
    frame = pd.DataFrame(sorted(rows), columns=["row", "band", "file", "reason"])
    ids = plan.table["object_id"].to_numpy()
    frame.insert(1, "object_id", [ids[row] for row in frame["row"]])
    return frame


def _write_missing(path: Path, missing: pd.DataFrame) -> None:
    if len(missing):
        write_table(path, missing)
    else:
        path.unlink(missing_ok=True)


def _remove_partial(folder: Path) -> None:
    """Remove what a killed fetch left half written."""
    for path in folder.glob("*.partial*"):
        path.unlink()
