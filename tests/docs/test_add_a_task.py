"""The recipe in docs/add_a_task.md, followed to the letter in a copy."""

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
PAGE = (ROOT / "docs" / "add_a_task.md").read_text(encoding="utf-8")
FILES = re.findall(r"^\*\*`([^`]+)`\*\*\n+```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's code with the page's two files in it."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("photoz_lit", "conf", "tests", "hydra_plugins", "research"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    assert [path for path, _ in FILES] == ["photoz_lit/tasks/count.py", "conf/task/count.yaml"]
    for path, content in FILES:
        assert not (folder / path).exists()
        (folder / path).write_text(content, encoding="utf-8")
    return folder


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    whole = [sys.executable, *command]
    return subprocess.run(whole, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)


def test_the_commands_of_the_page_run(copy: Path) -> None:
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    said = []
    for command in block.strip().splitlines():
        done = run(shlex.split(command.removeprefix("python ")), copy)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    counts = [int(number) for number in re.findall(r": (\d+) galaxies$", said[1], re.MULTILINE)]
    assert sum(counts) == 60
    assert "of a bin [mag]" in said[2]
    assert "also store=" in said[2]


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
    done = run(["-m", "photoz_lit", "task=count", *overrides], copy)
    assert done.returncode == 2
    assert done.stderr.startswith(f"photoz_lit: {sentence}")


def test_the_new_task_keeps_the_contract(copy: Path) -> None:
    done = run(["-m", "pytest", "-q", "-n0", "-k", "count", "tests/contract/test_tasks.py"], copy)
    assert done.returncode == 0, done.stdout


def test_the_same_task_runs_from_a_package_of_the_users_own(tmp_path: Path) -> None:
    (_, code), (_, settings) = FILES
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").touch()
    (tmp_path / "my_package" / "count.py").write_text(code)
    (tmp_path / "my_conf" / "task").mkdir(parents=True)
    mine = settings.replace("photoz_lit.tasks.count", "my_package.count")
    (tmp_path / "my_conf" / "task" / "count.yaml").write_text(mine)
    overrides = ["trust=[my_package.count]", "task=count", "store=/nowhere"]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    whole = [sys.executable, "-m", "photoz_lit", "--config-dir", "my_conf", *overrides]
    done = subprocess.run(whole, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("photoz_lit: /nowhere is no store")
