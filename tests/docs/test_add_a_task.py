"""A new task is the two files of docs/add_a_task.md, and keeps the contract of all others."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.recipe import ROOT, follow, page, read_recipe


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    _, counted, helped = follow(page("task"), folder)
    assert sum(int(number) for number in re.findall(r": (\d+) galaxies$", counted, re.MULTILINE)) == 60
    assert "of a bin [mag]" in helped
    assert "also store=" in helped
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    whole = [sys.executable, "-m", *command]
    return subprocess.run(whole, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["store=/nowhere"], "/nowhere is no store"),
        ([], "task=count needs store=<store>."),
        (["store=x", "task.bnd=r"], "unknown key 'task.bnd'; did you mean 'task.band'?"),
        (["store=x", "task.width=0"], "'task.width=0' is wrong: Input should be greater than 0."),
        (["store=x", "seed=3"], "task=count does not use seed: it reads store, task.band, task.width."),
    ],
)
def test_a_slip_is_one_sentence(overrides: list[str], sentence: str, copy: Path) -> None:
    done = run(copy, "photoz_lit", "task=count", *overrides)
    assert done.returncode == 2
    assert done.stderr.startswith(f"photoz_lit: {sentence}")


@pytest.mark.long
def test_the_new_task_keeps_the_contract(copy: Path) -> None:
    shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    done = run(copy, "pytest", "-q", "-n0", "-k", "count", "tests/contract/test_tasks.py")
    assert done.returncode == 0, done.stdout


def test_the_same_task_runs_from_a_package_of_the_users_own(tmp_path: Path) -> None:
    code, settings = read_recipe(page("task")).files.values()
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").touch()
    (tmp_path / "my_package" / "count.py").write_text(code)
    (tmp_path / "my_conf" / "task").mkdir(parents=True)
    (tmp_path / "my_conf" / "task" / "count.yaml").write_text(settings.replace("photoz_lit.tasks", "my_package"))
    mine = ("--config-dir", "my_conf", "trust=[my_package.count]", "task=count")
    done = run(tmp_path, "photoz_lit", *mine, "store=/nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("photoz_lit: /nowhere is no store")
