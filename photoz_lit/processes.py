"""Processes that end with this one."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO


@contextmanager
def ended_by_sigterm(before: Callable[[], object] = lambda: None) -> Iterator[None]:
    """A SIGTERM ends this process as Ctrl-C does; elsewhere than in the main thread nothing changes.

    Parameters
    ----------
    before : is called first.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        before()
        raise SystemExit(128 + number)

    usual = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)


class Processes:
    """Runs commands from several threads; once :meth:`end` is called, those that run are terminated and none starts."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.RLock()  # a signal's handler may come while this thread holds it
        self._ended = False

    def call(self, command: Sequence[str], output: IO[str], environment: dict[str, str]) -> int:
        """Run a command to its end, without input, and return its exit code; −15 where it may not start any more."""
        with self._lock:
            if self._ended:
                return -signal.SIGTERM
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
            )
            self._running.add(process)
        try:
            return process.wait()
        finally:
            with self._lock:
                self._running.discard(process)

    def end(self) -> None:
        """Terminate what runs, and start nothing more."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.terminate()

    @contextmanager
    def ending_with_this_one(self) -> Iterator[None]:
        """A SIGTERM to this process ends the others too; elsewhere than in the main thread nothing changes."""
        with ended_by_sigterm(self.end):
            yield
