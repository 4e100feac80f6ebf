"""The recipe in docs/add_an_adaptation.md, followed to the letter in a copy."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add_an_adaptation.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's code with the page's two files in it."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("photoz_lit", "conf", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    files = re.findall(r"^\*\*`([^`]+)`\*\*\n+```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert [path for path, _ in files] == ["photoz_lit/alignment/mmd.py", "conf/adapt/mmd.yaml"]
    for path, content in files:
        assert not (folder / path).exists()
        (folder / path).write_text(content, encoding="utf-8")
    return folder


def run(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    whole = [sys.executable, *command]
    done = subprocess.run(whole, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_the_command_adapts_and_help_lists_the_method(copy: Path) -> None:
    (command,) = re.findall(r"^```sh\npython (.*?)\n```", PAGE, re.MULTILINE | re.DOTALL)
    said = run(shlex.split(command), copy)
    assert "source field" in said
    curve = next(copy.glob("runs/xmm_ud_adapt/*/checkpoints/*/metrics.csv")).read_text()
    assert "mmd" in curve.splitlines()[0].split(",")
    assert "maximum mean discrepancy" in " ".join(run(["-m", "photoz_lit", "--help"], copy).split())


@pytest.mark.long
def test_the_new_method_keeps_the_contract(copy: Path) -> None:
    said = run(["-m", "pytest", "-q", "-n0", "-k", "mmd", "tests/contract/test_alignments.py"], copy)
    assert "passed" in said or "[100%]" in said
