"""How far a fetch is: a bar on a terminal, a line every 10 s in a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

INTERVAL = 10.0  # s between two lines


@contextmanager
def file_progress(console: Console, total: int, done: int) -> Iterator[Callable[[int], None]]:
    """Give a function to call after each file, with the number of files that are missing so far.

    Parameters
    ----------
    console : of the terminal, or of the file that takes its place.
    total : files in all.
    done : files that are there already.
    """
    if console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[lost]}"),
        )
        with Progress(*columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=console) as bar:
            task = bar.add_task("fetching", total=total, completed=done, lost="")
            yield lambda missing: bar.update(task, advance=1, lost=f"{missing:,} missing" if missing else "")
        return
    yield _Lines(console, total, done).advance


class _Lines:
    """Lines for a log."""

    def __init__(self, console: Console, total: int, done: int) -> None:
        self._console, self._total, self._done, self._first = console, total, done, done
        self._start = self._last = time.monotonic()

    def advance(self, missing: int) -> None:
        """Count a file; print a line where the last one is some time ago."""
        self._done += 1
        now = time.monotonic()
        if now - self._last < INTERVAL:
            return
        self._last = now
        each = (now - self._start) / (self._done - self._first)
        left = each * (self._total - self._done)
        time_left = f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min" if left < 5400 else f"{left / 3600:.1f} h"
        self._console.print(
            f"fetching: {self._done:,} of {self._total:,} files, {missing:,} missing, {time_left} left", highlight=False
        )
