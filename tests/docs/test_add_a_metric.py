"""A new metric is the two files of docs/add_a_metric.md; it then stands everywhere and keeps the contract."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.docs.recipe import ROOT, follow, page


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    first, *_ = follow(page("metric"), folder)
    assert "interval_score" in first
    return folder


@pytest.mark.long
def test_it_stands_in_metrics_report_and_comparison(copy: Path) -> None:
    scores = []
    for file in sorted(copy.glob("runs/*/*/metrics.json")):
        score = json.loads(file.read_text())["interval_score"]
        galaxies = pd.read_parquet(file.parent / "predictions.parquet")
        low, high, z = (galaxies[name].to_numpy() for name in ("z_lo68", "z_hi68", "z"))
        by_hand = [h - b + (b - x if x < b else max(x - h, 0)) / 0.16 for b, h, x in zip(low, high, z, strict=True)]
        assert score == pytest.approx(np.mean(by_hand))
        report = (file.parent / "report.html").read_text()
        assert '<th scope="col">interval score</th>' in report
        assert f"<td>{score:.4f}</td>" in report
        scores.append(score)
    assert len(scores) == 2
    (folder,) = {file.parent for file in copy.glob("runs/**/comparison.csv")}
    table = pd.read_csv(folder / "comparison.csv")
    assert sorted(table["interval_score"]) == pytest.approx(sorted(scores))
    against = table[table["method"] == "photometry_forest"].iloc[0]
    assert np.isfinite(against["gain_interval_score"])
    assert 0 < against["p_galaxies_interval_score"] <= 1
    text = (folder / "comparison.md").read_text()
    assert "| interval score ×10⁻³ |" in text
    assert "p_galaxies(IS)" in text
    assert f"| {1000 * scores[0]:.2f} |" in text
    assert (folder / "comparison.png").is_file()


@pytest.mark.long
def test_the_new_metric_keeps_the_contract(copy: Path) -> None:
    shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-k", "interval_score or every_metric or resampled",
               "tests/contract/test_metrics.py"]  # fmt: skip
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:]
