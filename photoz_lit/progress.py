"""What a task does while one waits: a bar on a terminal; in a file, a line after two seconds and every ten."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from photoz_lit.errors import visible

FIRST, EVERY = 2.0, 10.0  # before the first line, and between lines [s]

BEGAN = "began"  # field of a task: what was done of it before


class RateColumn(ProgressColumn):
    """Things per second, once that is known."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """Return the rate."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.{0 if speed >= 10 else 1}f} {self.unit}/s")


class Steps(Progress):
    """rich's progress; where the output is no terminal, it prints lines instead of drawing.

    Parameters
    ----------
    columns : of the bar.
    console : where to; standard output by default.
    unit : what is counted, for the lines.
    shown : whether anything is drawn or printed at all.
    first, every : seconds before the first line, and between lines.
    """

    def __init__(
        self,
        *columns: ProgressColumn,
        console: Console | None = None,
        unit: str = "",
        shown: bool = True,
        first: float = FIRST,
        every: float = EVERY,
    ) -> None:
        console = console or Console()
        self.in_lines = shown and not console.is_terminal
        self.unit, self.first, self.every = unit, first, every
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        super().__init__(*columns, console=console, transient=True, disable=not shown or self.in_lines)

    def add_task(
        self,
        description: str,
        start: bool = True,
        total: float | None = 100.0,
        completed: int = 0,
        visible: bool = True,
        **fields: Any,
    ) -> TaskID:
        """Add something to count, of which ``completed`` are done already."""
        return super().add_task(description, start, total, completed, visible, **{**fields, BEGAN: completed})

    def start(self) -> None:
        """Draw the bar, or begin to wait for the first line."""
        super().start()
        if self.in_lines and self._thread is None:
            self._thread = threading.Thread(target=self._tell_from_time_to_time, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Remove the bar; print a last line of what was printed before."""
        super().stop()
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._thread = None

    def _tell_from_time_to_time(self) -> None:
        wait, told = self.first, False
        while not self._ended.wait(wait):
            wait, told = self.every, True
            self._print(_under_way)
        if told:
            self._print(_at_the_end)

    def _print(self, sentence: Callable[[Task, str], str]) -> None:
        for task in self.tasks:
            self.console.print(visible(sentence(task, self.unit)), markup=False, highlight=False, soft_wrap=True)


def counted(unit: str, console: Console | None = None, shown: bool = True) -> Steps:
    """Return the progress of things that are counted, such as galaxies: done, rate and time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        RateColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Steps(*columns, console=console, unit=unit, shown=shown)


@contextmanager
def doing(
    what: str, console: Console | None = None, shown: bool = True, in_files_alone: bool = False
) -> Iterator[Callable[[str], Any]]:
    """Say what happens while a block of unknown length runs; the function that it gives says what happens next.

    Parameters
    ----------
    what : happens first.
    console : where to; standard output by default.
    shown : whether anything is said at all.
    in_files_alone : whether a terminal is left to another bar.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = console or Console()
    with Steps(*columns, console=console, shown=shown and not (in_files_alone and console.is_terminal)) as steps:
        task: TaskID = steps.add_task(what, total=None)
        yield lambda text: steps.update(task, description=text)


def time_left(seconds: float) -> str:
    """Return a duration as text: ``40 s``, ``12 min``, ``3.4 h``."""
    if seconds < 90:
        return f"{round(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _under_way(task: Task, unit: str) -> str:
    """``simulate hsc9b: 300/600 galaxies, 8 s left``, or how long something uncounted has taken."""
    passed = task.elapsed or 0.0
    if task.total is None:
        return f"{task.description}: {time_left(passed)} so far"
    done = task.completed - task.fields.get(BEGAN, 0)
    left = f", about {time_left(passed * (task.total - task.completed) / done)} left" if done else ""
    return f"{task.description}: {task.completed:,.0f}/{task.total:,.0f} {unit}".rstrip() + left


def _at_the_end(task: Task, unit: str) -> str:
    """``simulate hsc9b: 600 galaxies in 16 s``."""
    passed = time_left(task.finished_time or task.elapsed or 0.0)
    if task.total is None:
        return f"{task.description}: {passed} in all"
    return " ".join(part for part in (f"{task.description}: {task.completed:,.0f}", unit, f"in {passed}") if part)
