"""Tiles that are small files: some fail, some end the process that makes them, once or always."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photoz_lit.engines.tiles import Tiles, TileWorker
from photoz_lit.errors import InputError


@dataclass(frozen=True)
class NumberedFiles(Tiles):
    """Writes its number into a file for each tile.

    Attributes
    ----------
    folder : of the files.
    poisoned : tiles that raise.
    deadly_once, deadly : tiles that kill their process, the first time or each time.
    full_at : tile at which the disk is full.
    foreign : whether the processes are refused.
    """

    folder: Path
    poisoned: tuple[int, ...] = ()
    deadly_once: tuple[int, ...] = ()
    deadly: tuple[int, ...] = ()
    full_at: int | None = None
    foreign: bool = False

    def worker(self) -> NumberedFilesWorker:
        if self.foreign:
            raise InputError("a worker has another version.")
        (self.folder / "workers").mkdir(exist_ok=True, parents=True)
        (self.folder / "workers" / str(os.getpid())).touch()
        return NumberedFilesWorker(self)


class NumberedFilesWorker(TileWorker):
    def __init__(self, tiles: NumberedFiles) -> None:
        self.tiles = tiles

    def make(self, number: int) -> dict[str, Any]:
        tiles = self.tiles
        if number == tiles.full_at:
            try:
                raise OSError(28, "No space left on device")
            except OSError as error:
                raise InputError("the disk is full.") from error
        if number in tiles.poisoned:
            raise InputError("its pixels differ from their checksum.")
        mark = tiles.folder / f"died_{number}"
        if number in tiles.deadly or (number in tiles.deadly_once and not mark.exists()):
            mark.touch()
            (tiles.folder / f"{number}.partial").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        (tiles.folder / f"{number}.txt").write_text(f"tile {number}")
        return {"bytes": len(f"tile {number}")}
