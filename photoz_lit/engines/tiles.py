"""What an engine makes: numbered tiles, each whole or not at all, by workers that keep what they loaded."""

from __future__ import annotations

import errno
import sys
import traceback
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from photoz_lit.errors import InputError

#: Errors of writing that end everything: no other tile could be written either.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class EndsAllError(InputError):
    """A fault that no tile would be without, so that none is made any more."""


class TileWorker(ABC):
    """Makes tiles in one process; networks and other heavy things are loaded once."""

    @abstractmethod
    def make(self, number: int) -> dict[str, Any]:
        """Make a tile whole and return its entry in the manifest, which JSON can hold."""


class Tiles(ABC):
    """Work that is cut into tiles. It is pickled once for each process, so it holds paths, not arrays."""

    #: What a tile is called in sentences.
    name: str = "tile"

    @abstractmethod
    def worker(self) -> TileWorker:
        """A worker in this process.

        Raises
        ------
        InputError : this process cannot make the tiles as the others do: its package or its networks differ.
        """


@dataclass(frozen=True)
class Made:
    """A tile that is whole, and its entry in the manifest."""

    number: int
    entry: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """A tile that cannot be made; the others are made all the same."""

    number: int
    reason: str


@dataclass(frozen=True)
class Stopped:
    """Nothing more can be made, as where the disk is full."""

    reason: str


Outcome = Made | Failed | Stopped


class KeptWorker:
    """The worker of a process; it comes with the first tile and is kept."""

    def __init__(self, tiles: Tiles) -> None:
        self.tiles = tiles
        self._worker: TileWorker | None = None

    def attempt(self, number: int) -> Outcome:
        """Make a tile; what goes wrong is an outcome, and its traceback is printed where it is no bad input."""
        if self._worker is None:
            try:
                self._worker = self.tiles.worker()
            except InputError as error:
                return Stopped(str(error))
        try:
            return Made(number, self._worker.make(number))
        except InputError as error:
            cause = error.__cause__
            ends = isinstance(error, EndsAllError) or (isinstance(cause, OSError) and cause.errno in NO_ROOM)
            return Stopped(str(error)) if ends else Failed(number, str(error))
        except Exception as error:  # one tile's fault must not keep the others from being made
            traceback.print_exc(file=sys.stderr)
            return Failed(number, f"{type(error).__name__}: {error}")
