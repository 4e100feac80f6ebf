"""Choose among the several tables of one file, without guessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from photoz_lit.errors import InputError, nearest


@dataclass(frozen=True)
class TableChoice:
    """What the user says about which table of a file is meant.

    Attributes
    ----------
    table : its name or number, None where the user says nothing.
    key : the config key that chooses, for the sentence, e.g. ``ingest.table``.
    """

    table: str | int | None = None
    key: str = "table"


@dataclass(frozen=True)
class TableEntry:
    """A table of a file: its number there, its name (may be empty) and its rows."""

    number: int
    name: str
    rows: int

    def __str__(self) -> str:
        return f"{self.number} ({self.name + ', ' if self.name else ''}{self.rows} rows)"


def chosen_entry(path: Path, entries: Sequence[TableEntry], choice: TableChoice) -> TableEntry:
    """Return the table that is meant: the one that is named, else the only one that can be.

    Empty tables are none, and a table of one row beside one of many is a note.

    Raises
    ------
    InputError : there is none, the one named is not there, or several can be meant; the sentence lists them.
    """
    if choice.table is not None:
        return _named(path, entries, choice)
    filled = [entry for entry in entries if entry.rows]
    if entries and not filled:
        raise InputError(f"catalogue {path} has no rows.")
    many = [entry for entry in filled if entry.rows > 1]
    if len(filled) == 1 or len(many) == 1:
        return (filled if len(filled) == 1 else many)[0]
    raise several(path, entries, choice)


def several(path: Path, entries: Sequence[TableEntry], choice: TableChoice, why: str = "") -> InputError:
    """Return the sentence that lists the tables of a file and the key that chooses."""
    listed = ", ".join(map(str, entries))
    largest = max(entries, key=lambda entry: entry.rows)
    return InputError(
        f"catalogue {path} holds several tables: {listed}{why}; choose one by name or number, e.g."
        f" {choice.key}={largest.number}"
    )


def _named(path: Path, entries: Sequence[TableEntry], choice: TableChoice) -> TableEntry:
    asked = str(choice.table)
    found = [entry for entry in entries if entry.name.lower().strip("/") == asked.lower().strip("/")]
    found = found or [entry for entry in entries if str(entry.number) == asked]
    if len(found) > 1:
        raise several(path, entries, choice, f", of which {len(found)} are called '{asked}'")
    if not found:
        known = [entry.name or str(entry.number) for entry in entries]
        raise InputError(f"catalogue {path} has no table '{asked}' ({choice.key}){nearest(asked, known)}")
    return found[0]
