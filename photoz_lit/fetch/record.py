"""What a folder of fetched files holds: ``fetch.json`` says what was asked, ``manifest.jsonl`` a line per file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from photoz_lit.errors import InputError
from photoz_lit.fetch.settings import FetchSettings
from photoz_lit.files import write_json

#: Settings that change what is in a file.
_OF_FILES = ("name", "url", "file", "options", "size", "pixel_scale")


class FetchRecord:
    """The manifest of a folder: it grows by a line per file, and a line that was not finished is no line.

    Attributes
    ----------
    whole : names of the files that are there, of the size and checksum that they came with.
    absent : name -> why the service has none.
    """

    def __init__(self, folder: Path, settings: FetchSettings) -> None:
        self.folder = folder
        self._path = folder / "manifest.jsonl"
        _require_same(folder / "fetch.json", settings)
        self.whole: set[str] = set()
        self.absent: dict[str, str] = {}
        for entry in self._entries():
            name = str(entry.get("file"))
            if "absent" in entry:
                self.absent[name] = str(entry["absent"])
            elif _is_whole(folder / name, entry):
                self.whole.add(name)
                self.absent.pop(name, None)

    def _entries(self) -> list[dict[str, Any]]:
        """Return the last line on each file."""
        lines = self._path.read_bytes().split(b"\n") if self._path.exists() else []
        found: dict[str, dict[str, Any]] = {}
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # cut off where an earlier job was killed
            if isinstance(entry, dict) and isinstance(entry.get("file"), str):
                found[entry["file"]] = entry
        return list(found.values())

    def add(self, name: str, url: str) -> None:
        """Note a file that is in the folder."""
        path = self.folder / name
        self._write({"file": name, "bytes": path.stat().st_size, "sha256": sha256(path), "url": url})
        self.whole.add(name)
        self.absent.pop(name, None)

    def add_absent(self, name: str, url: str, reason: str) -> None:
        """Note a file that the service does not have."""
        self._write({"file": name, "absent": reason, "url": url})
        self.absent[name] = reason

    def _write(self, entry: dict[str, Any]) -> None:
        with self._path.open("ab") as file:
            begin = b"\n" if file.tell() else b""  # a line that was cut off ends here
            file.write(begin + json.dumps(entry, ensure_ascii=False).encode())


def sha256(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(path: Path, entry: dict[str, Any]) -> bool:
    return path.is_file() and path.stat().st_size == entry.get("bytes") and sha256(path) == entry.get("sha256")


def _require_same(path: Path, settings: FetchSettings) -> None:
    """Refuse a folder with files of other settings; note those of a new one."""
    asked = {name: value for name, value in settings.model_dump(mode="json").items() if name in _OF_FILES}
    if not settings.all_bands_in_one:
        known: dict[str, Any] = asked
    else:
        known = {**asked, "bands": list(settings.bands)}
    if not path.exists():
        write_json(path, known)
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged; choose another task.output.") from error
    differ = [name for name in known if before.get(name) != known[name]]
    if differ:
        name = differ[0]
        raise InputError(
            f"{path.parent} holds files with fetch.{name} {before.get(name)}, not {known[name]}; choose another"
            " task.output, or the same settings."
        )
