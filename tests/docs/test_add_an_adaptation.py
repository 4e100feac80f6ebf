"""A new way of adapting is the two files of docs/add_an_adaptation.md, and keeps the contract of all others."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.recipe import ROOT, follow

TINY = ("scale.width=0.05", "simulation.n_galaxies=300", "trainer.max_epochs=1", "adapt.epochs=1", "trainer=cpu")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    said, _ = follow(ROOT / "docs" / "add_an_adaptation.md", folder, TINY)
    assert "source field" in said
    return folder


@pytest.mark.long
def test_the_part_takes_part_in_the_loss(copy: Path) -> None:
    (curve,) = copy.glob("runs/xmm_ud_adapt/*/checkpoints/*/metrics.csv")
    assert "mmd" in curve.read_text().splitlines()[0].split(",")


@pytest.mark.long
def test_the_new_method_keeps_the_contract(copy: Path) -> None:
    shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pytest", "-n0", "-k", "mmd", "tests/contract/test_alignments.py"]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(copy)}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:]
