"""``manifest.json`` of predictions in shards: what they are made of, and which shards are whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from photoz_lit.errors import InputError
from photoz_lit.files import inside, write_json

NAME = "manifest.json"
JOURNAL = ".manifest.jsonl"  # shards that were added since the manifest was written, a line each
VERSION = 1
#: What predictions are made of -> what to call it in a sentence.
MADE_OF = {
    "photoz_lit": "the package's version",
    "libraries": "the versions of the libraries",
    "networks": "the networks",
    "stores": "the galaxies",
    "settings": "the settings",
    "processor": "the kind of processor",
}


@dataclass
class Manifest:
    """Content of the manifest, see :meth:`write`.

    Attributes
    ----------
    folder : of the predictions.
    made_of : what shapes every byte of the shards.
    about : what else a reader wants to know: columns, grid, rows.
    shards : number -> ``rows`` [first, last + 1], ``without_pdf`` and ``files``: name -> ``bytes`` and ``sha256``.
    hats : the same of the HATS catalogue of all shards, None where it is not whole.
    """

    folder: Path
    made_of: dict[str, Any]
    about: dict[str, Any]
    shards: dict[int, dict[str, Any]] = field(default_factory=dict)
    hats: dict[str, Any] | None = None
    _added: int = 0

    def require_ours(self) -> None:
        """Refuse a folder that holds something else, before anything is written there.

        Raises
        ------
        InputError : it is not empty and has no manifest.
        """
        path = self.folder / NAME
        if not path.exists() and self.folder.exists() and any(one.name[0] != "." for one in self.folder.iterdir()):
            raise InputError(f"{self.folder} has no {NAME} and is not empty; give a new folder as task.output.")

    def take_up(self) -> list[int]:
        """Keep the shards of an earlier sitting whose files are there with the bytes that were written.

        Returns
        -------
        The numbers of those that are not, and are made anew.

        Raises
        ------
        InputError : the manifest is damaged, or its predictions are made of something else.
        """
        path = self.folder / NAME
        if not path.exists():
            return []
        try:
            content = json.loads(path.read_text())
            found, shards = content["made_of"], {int(one): entry for one, entry in content["shards"].items()}
            self._require_same(path, found)
            shards |= self._journal()
            self.shards = {number: entry for number, entry in shards.items() if self._whole(entry)}
            hats = content.get("hats")
            self.hats = hats if hats is not None and self._whole(hats) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} cannot be read ({error}); move the folder away or restore the file.") from error
        return sorted(set(shards) - set(self.shards))

    def add(self, number: int, entry: Mapping[str, Any]) -> None:
        """Count a shard whose files are written.

        It is a line of the journal at once, and stands in the manifest when a sixteenth of the shards there is new:
        all writing together is then some twenty times the manifest, however many shards there are.

        Raises
        ------
        InputError : the disk is full.
        """
        self.shards[number] = dict(entry)
        self._added += 1
        if self._added > len(self.shards) // 16:
            self.write()
            return
        path = self.folder / JOURNAL
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([number, self.shards[number]]) + "\n")
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error}); make room, and the same command goes on.") from error

    def write(self) -> None:
        """Write ``manifest.json``, whole or not at all.

        Raises
        ------
        InputError : the disk is full.
        """
        shards = {str(number): self.shards[number] for number in sorted(self.shards)}
        catalogue = {} if self.hats is None else {"hats": self.hats}
        head = {"version": VERSION, "made_of": self.made_of, **self.about}
        write_json(self.folder / NAME, {**head, "shards": shards, **catalogue})
        (self.folder / JOURNAL).unlink(missing_ok=True)
        self._added = 0

    def _journal(self) -> dict[int, dict[str, Any]]:
        """Shards in the journal; a stop may have left half a line at its end."""
        path, found = self.folder / JOURNAL, {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
                with suppress(ValueError):  # half a line that a later sitting wrote on
                    number, entry = json.loads(line)
                    found[int(number)] = entry
        return found

    def _require_same(self, path: Path, found: Mapping[str, Any]) -> None:
        """Refuse to add to shards that are made of something else."""
        for name, what in MADE_OF.items():
            if found[name] != self.made_of[name]:
                raise InputError(
                    f"{path}: {what} changed: {_text(found[name], self.made_of[name])} in the shards there,"
                    f" {_text(self.made_of[name], found[name])} in this command; give another folder as task.output."
                )

    def _whole(self, entry: Mapping[str, Any]) -> bool:
        return all(state == file_state(inside(self.folder, name)) for name, state in entry["files"].items())


def file_state(path: Path) -> dict[str, Any] | None:
    """Length and SHA-256 of a file, None where it is not there."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _text(value: Any, other: Any) -> str:
    """A value for a sentence; of a mapping only what differs from the other."""
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items() if other.get(key) != one) or "others"
    return str(value)
