"""Follow a page ``docs/add_a_*.md`` literally: write its two files into a copy of the repository, run its commands.

A page shows a file as a line with its path in bold backticks and a fenced block, a command as a ``sh`` block, and what
the command prints as a ``text`` block behind it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("photoz_lit", "conf", "hydra_plugins")
BLOCK = re.compile(r"(?:^\*\*`(?P<path>[^`]+)`\*\*\n+)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """A command and the lines that its output must contain."""

    words: tuple[str, ...]
    seen: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """What a page shows: path -> content of each file, and the commands in order."""

    files: dict[str, str]
    commands: tuple[Command, ...]


def page(name: str) -> Path:
    """Return the path of ``docs/add_a_<name>.md``."""
    return ROOT / "docs" / f"add_a_{name}.md"


def read_recipe(path: Path) -> Recipe:
    """Read a page.

    Raises
    ------
    AssertionError : the page does not show exactly two files, or no command.
    """
    files: dict[str, str] = {}
    commands: list[Command] = []
    for block in BLOCK.finditer(path.read_text(encoding="utf-8")):
        text = block["text"]
        if block["path"]:
            files[block["path"]] = text
        elif block["kind"] == "sh":
            joined = text.replace("\\\n", " ").splitlines()
            commands += [Command(words, ()) for line in joined if (words := tuple(shlex.split(line, comments=True)))]
        elif block["kind"] == "text" and commands:
            commands[-1] = Command(commands[-1].words, tuple(filter(None, map(words_of, text.splitlines()))))
    assert len(files) == 2, f"{path.name} shows {len(files)} files, not two: {', '.join(files)}"
    assert commands, f"{path.name} shows no command"
    return Recipe(files, tuple(commands))


def follow(path: Path, folder: Path, tiny: Sequence[str] = ()) -> list[str]:
    """Do what a page says in a copy of the package below ``folder``; return the output of each command.

    ``tiny`` are overrides that make the commands short; every command of photoz_lit gets them.

    Raises
    ------
    AssertionError : a file exists already, a command fails, or its output lacks a line that the page shows.
    """
    recipe = read_recipe(path)
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in recipe.files.items():
        target = folder / name
        assert not target.exists(), f"{path.name}: {name} exists already"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return [_run(command, folder, tiny) for command in recipe.commands]


def words_of(line: str) -> str:
    """Return a line with single blanks, so that the width of a table does not matter."""
    return " ".join(line.split())


def _run(command: Command, folder: Path, tiny: Sequence[str]) -> str:
    words = [_filled(word, folder) for word in command.words]
    if words[0] == "python":
        words[0] = sys.executable
    if words[1:3] == ["-m", "photoz_lit"] and "--help" not in words:
        words += tiny
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)
    output = done.stdout + done.stderr
    assert done.returncode == 0, f"{shlex.join(words)}\n{output}"
    printed = [words_of(line) for line in output.splitlines()]
    missing = [line for line in command.seen if not any(line in one for one in printed)]
    assert not missing, f"{shlex.join(words)} does not print {missing}:\n{output}"
    return output


def _filled(word: str, folder: Path) -> str:
    """Put the only folder that fits in the place of ``<id>``, as in ``run=runs/mine/<id>``."""
    if "<id>" not in word:
        return word
    key, _, place = word.rpartition("=")
    (found,) = folder.glob(place.replace("<id>", "*"))
    return (f"{key}=" if key else "") + str(found.relative_to(folder))
