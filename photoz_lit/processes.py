"""Processes that end with this one."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import IO

#: Environment variable with the number of the process that starts others.
PARENT = "PHOTOZ_LIT_PARENT"
#: Seconds that a process has to end after SIGTERM.
GRACE = 10.0


def end_with_parent(parent: int | None = None, number: int = signal.SIGKILL) -> None:
    """Have the system send this process a signal when the one that started it ends, however it ends (Linux alone).

    Parameters
    ----------
    parent : number of the process that should have started this one; where it is gone already, this one ends too.
        None knows of none.
    number : the signal.
    """
    with suppress(OSError, AttributeError):  # elsewhere than on Linux
        ctypes.CDLL(None).prctl(1, int(number))  # PR_SET_PDEATHSIG
    if parent is not None and os.getppid() != parent:
        os._exit(128 + number)


def end_with_caller() -> None:
    """End with the process of photoz_lit that started this one, where one did; those started from here do the same.

    A job of a sweep is asked to stop (SIGTERM); a rank of a distributed training, which may hang in a collective
    without its first rank, is ended.
    """
    if os.environ.get(PARENT) == str(os.getppid()):
        end_with_parent(number=signal.SIGKILL if os.environ.get("LOCAL_RANK", "0") != "0" else signal.SIGTERM)
    os.environ[PARENT] = str(os.getpid())


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
        """Terminate what runs, and start nothing more; what does not end within :data:`GRACE` is killed."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.terminate()
        late = threading.Timer(GRACE, self._kill)
        late.daemon = True
        late.start()

    def _kill(self) -> None:
        with self._lock:
            for process in self._running:
                process.kill()

    @contextmanager
    def ending_with_this_one(self) -> Iterator[None]:
        """An error, Ctrl-C or a SIGTERM in this process ends the others too (SIGTERM in the main thread alone)."""
        with ended_by_sigterm(self.end):
            try:
                yield
            except BaseException:
                self.end()
                raise
