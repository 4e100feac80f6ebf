"""Where the output is a file, a line says what happens after two seconds and every ten; on a terminal a bar does."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console
from rich.progress import TextColumn

from photoz_lit.progress import EVERY, FIRST, Steps, counted, doing, time_left


def lines(file: io.StringIO) -> list[str]:
    return file.getvalue().splitlines()


def wait_for_lines(file: io.StringIO, n: int) -> None:
    end = time.monotonic() + 20
    while len(lines(file)) < n and time.monotonic() < end:
        time.sleep(0.005)


def test_a_file_gets_a_line_from_time_to_time_and_a_last_one() -> None:
    file = io.StringIO()
    steps = Steps(TextColumn("x"), console=Console(file=file, width=40), unit="galaxies", first=0.02, every=0.02)
    with steps:
        task = steps.add_task("simulate [hsc9b], a name longer than the line of the terminal", total=6000)
        steps.advance(task, 3000)
        wait_for_lines(file, 2)
        steps.advance(task, 3000)
    first, *_, last = lines(file)
    assert first.startswith("simulate [hsc9b], a name longer than the line of the terminal: 3,000/6,000 galaxies")
    assert last.startswith("simulate [hsc9b], a name longer than the line of the terminal: 6,000 galaxies in ")
    assert "\x1b" not in file.getvalue()


def test_the_time_left_is_that_of_what_was_done_here() -> None:
    file = io.StringIO()
    steps = Steps(TextColumn("x"), console=Console(file=file), unit="shards", first=0.02, every=0.02)
    with steps:
        task = steps.add_task("predicting", total=100, completed=80)
        steps.tasks[0].start_time = steps.get_time() - 100  # a hundred seconds for ten shards, ten are left
        steps.advance(task, 10)
        wait_for_lines(file, 1)
    assert lines(file)[0] == "predicting: 90/100 shards, about 2 min left"


def test_the_usual_waits_are_two_and_ten_seconds_and_what_is_quick_says_nothing() -> None:
    assert (FIRST, EVERY) == (2.0, 10.0)
    file = io.StringIO()
    with counted("galaxies", Console(file=file)) as steps:
        steps.advance(steps.add_task("quick", total=1))
    with doing("quick, too", Console(file=file)):
        pass
    assert file.getvalue() == ""


def test_what_is_not_counted_says_what_happens_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photoz_lit.progress.Steps.__init__.__kwdefaults__", {
        **(Steps.__init__.__kwdefaults__ or {}), "first": 0.02, "every": 0.02})  # fmt: skip
    file = io.StringIO()
    with doing("reading runs", Console(file=file)) as say:
        wait_for_lines(file, 1)
        say("bootstrap")
        wait_for_lines(file, len(lines(file)) + 2)
    assert lines(file)[0] == "reading runs: 0 s so far"
    assert lines(file)[-1] == "bootstrap: 0 s in all"


def test_nothing_is_said_where_that_is_asked_and_a_terminal_has_no_lines() -> None:
    file = io.StringIO()
    with counted("galaxies", Console(file=file), shown=False) as steps:
        assert not steps.in_lines
    assert file.getvalue() == ""
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80)
    with counted("galaxies", terminal) as steps:
        steps.advance(steps.add_task("simulate", total=10), 5)
        steps.refresh()
        drawn = terminal.file.getvalue()  # type: ignore[attr-defined]
        assert not steps.in_lines
    assert "5/10" in drawn
    with doing("x", terminal, in_files_alone=True) as _:
        pass


def test_durations() -> None:
    assert [time_left(one) for one in (40, 700, 12_000)] == ["40 s", "12 min", "3.3 h"]
