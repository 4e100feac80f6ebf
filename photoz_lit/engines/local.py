"""``engine=local``: this process, or several on this machine; each takes the next tile and ends where this one does."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from photoz_lit.config_errors import checked
from photoz_lit.engines.engine import Engine
from photoz_lit.engines.settings import EnginePlace, EngineSettings
from photoz_lit.engines.tiles import Failed, KeptWorker, Outcome, Stopped, Tiles
from photoz_lit.processes import end_with_parent
from photoz_lit.settings import Settings


class LocalOptions(Settings):
    """``engine=local`` has no further options."""


class LocalEngine(Engine):
    """One worker is this process; several are started, on the GPUs in turn where there are some."""

    def __init__(self, settings: EngineSettings, place: EnginePlace) -> None:
        super().__init__(settings, place)
        checked(LocalOptions, settings.options, "engine.options.")

    def outcomes(self, tiles: Tiles, numbers: Sequence[int]) -> Iterator[Outcome]:
        """Outcomes, see :class:`~photoz_lit.engines.engine.Engine`; tiles of a process that died are made alone."""
        workers = min(self.settings.workers, len(numbers))
        if workers <= 1:
            kept = KeptWorker(tiles)
            yield from (kept.attempt(number) for number in numbers)
            return
        round_ = _Round(tiles, numbers, workers, self.place.gpus)
        yield from round_.outcomes()
        left = round_.left()
        while left:
            alone = _Round(tiles, left, 1, self.place.gpus)
            yield from alone.outcomes()
            for number, code in alone.died.items():
                yield Failed(number, _died(code))
            if len(alone.left()) == len(left) and not alone.died:
                yield Stopped(f"the processes that make {tiles.name}s end before their first one; see their messages.")
                return
            left = [number for number in alone.left() if number not in alone.died]


class _Round:
    """Processes that share some tiles, until all are made or all processes have ended.

    Attributes
    ----------
    died : tile -> exit code of the process that died with it.
    """

    def __init__(self, tiles: Tiles, numbers: Sequence[int], workers: int, gpus: Sequence[str]) -> None:
        self.died: dict[int, int] = {}
        self._numbers = list(numbers)
        self._open = set(numbers)
        self._context = multiprocessing.get_context(
            "spawn"
        )  # forked, they would hold this process's lock after its end
        self._taken = self._context.Value("q", 0)
        self._processes: dict[Connection, SpawnProcess] = {}
        self._busy_with: dict[Connection, int] = {}
        self._starts = [(tiles, gpus[rank % len(gpus)] if gpus else None) for rank in range(workers)]

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes as they come."""
        try:
            for tiles, gpu in self._starts:
                here, there = self._context.Pipe(duplex=False)
                arguments = (tiles, self._numbers, self._taken, there, gpu)
                process = self._context.Process(target=_work, args=arguments, daemon=True)
                process.start()
                there.close()
                self._processes[here] = process
            while self._processes:
                for ready in wait(list(self._processes)):
                    assert isinstance(ready, Connection)
                    outcome = self._received(ready)
                    if outcome is not None:
                        yield outcome
        finally:
            for process in self._processes.values():
                process.terminate()
                process.join()

    def left(self) -> list[int]:
        """Tiles without an outcome, in order."""
        return [number for number in self._numbers if number in self._open]

    def _received(self, ready: Connection) -> Outcome | None:
        """Take what a process says: the tile that it begins, an outcome, or that it ends."""
        try:
            said: Any = ready.recv()
        except EOFError:
            process = self._processes.pop(ready)
            process.join()
            if ready in self._busy_with:
                self.died[self._busy_with.pop(ready)] = process.exitcode or 0
            return None
        if isinstance(said, int):
            self._busy_with[ready] = said
            return None
        self._busy_with.pop(ready, None)
        outcome: Outcome = said
        if not isinstance(outcome, Stopped):
            self._open.discard(outcome.number)
        return outcome


def _work(tiles: Tiles, numbers: Sequence[int], taken: Synchronized[int], results: Connection, gpu: str | None) -> None:
    """Make the next tile until none is left; a broken pipe, where the first process is gone, ends it too."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    signal.signal(signal.SIGTERM, lambda number, _frame: os._exit(128 + number))
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    kept = KeptWorker(tiles)
    try:
        while True:
            with taken.get_lock():
                turn, taken.value = taken.value, taken.value + 1
            if turn >= len(numbers):
                return
            results.send(numbers[turn])
            results.send(kept.attempt(numbers[turn]))
    except BrokenPipeError:
        return


def _died(code: int) -> str:
    return f"its process ended with exit code {code} twice (-9: the system ran out of memory)"
