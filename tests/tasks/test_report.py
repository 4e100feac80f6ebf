from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from photoz_lit.errors import InputError
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.results import print_metrics
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


def test_the_final_table_fits_eighty_columns_and_the_folder_one_line(tmp_path: Path) -> None:
    path = make_run(tmp_path / ("a" * 40) / ("b" * 60), "hsc9b_early_fusion_of_a_long_name", 0, n=4000)
    file = io.StringIO()
    print_metrics(Console(file=file, width=80), RunFolder(path))
    lines = file.getvalue().splitlines()
    *table, results = lines
    assert max(map(len, table)) <= 80
    assert "…" not in file.getvalue()
    assert results == f"Results: {path} (predictions.parquet, pdfs.hdf5)"
    for name in ("sigma_mad", "eta", "bias", "crps", "pit_ks", "cde_loss", "nll"):
        assert any(name in line.split() for line in table)
    number = f"{json.loads((path / 'metrics.json').read_text())['sigma_mad']:.4f}"
    assert any(line.split()[:3] == ["all", "4000", number] for line in table)
