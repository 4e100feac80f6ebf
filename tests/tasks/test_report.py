from __future__ import annotations

from pathlib import Path

import pytest

from photoz_lit.errors import InputError
from photoz_lit.tasks.task import perform
from tests.composed import composed
from tests.evaluation.mixtures import make_run


def test_a_report_of_each_run_and_one_of_all(tmp_path: Path) -> None:
    for seed in range(2):
        make_run(tmp_path / "a" / str(seed), "hsc6b_baseline", seed, n=40)
    perform(composed("task=report", f"runs={tmp_path}"))
    assert (tmp_path / "a" / "0" / "report.html").is_file()
    assert (tmp_path / "a" / "1" / "report.html").is_file()
    assert "Runs side by side" in (tmp_path / "a" / "report.html").read_text()


def test_one_run(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a" / "0", "hsc6b_baseline", 0, n=40)
    perform(composed("task=report", f"run={folder}"))
    assert [p.name for p in tmp_path.rglob("report.html")] == ["report.html"]


def test_no_runs() -> None:
    with pytest.raises(InputError, match="no runs are given"):
        perform(composed("task=report"))
