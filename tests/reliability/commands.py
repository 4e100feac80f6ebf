"""Command lines with slips, and how the command line answers them, in this process and without the tasks' work.

``python -m tests.reliability.commands [number] [seed]`` prints how many ended how, and those that ended badly.
"""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
from hydra.core.global_hydra import GlobalHydra

from photoz_lit.__main__ import main

SECONDS = 60  # after which a command hangs
TASKS = (
    "adaptation", "bench", "compare", "emitters", "export", "ingest", "inspect", "labels", "mismatch", "modalities",
    "nz", "predict", "report", "simulate", "study", "train",
)  # fmt: skip
WORDS = (
    "field=hsc6b", "field=sdss", "network=plain", "network=catalogue_forest", "scale=demo", "seed=3",
    "data.bands=[g,r]", "module.recipe=fast", "tta=8", "modality.size=2", "modality.order=1", "fusion=late",
    "adapt=coral", "trainer=cpu", "trainer.devices=1", "trainer.max_epochs=2", "data.batch_size=16",
    "paths.runs=runs", "data.store=STORE", "run=RUN", "runs=[RUN]", "baseline=a", "store=new", "ingest=arrays",
    "ingest.path=a.npy", "study=depth", "jobs=2", "ensemble.members=2", "cv.folds=5", "+experiment=hsc6b_baseline",
    "simulation.n_galaxies=50", "task.output=out", "data.select=mag_i<24", "source=STORE", "targets=[STORE]",
    "labels.size=100", "logger=wandb", "task.format=[parquet]", "simulation.stamps=false",
    "data.label_weights={spec: 1}", "network.width=0.1", "field.pixel_scale=0.2", "-m",
)  # fmt: skip
VALUES = (
    "", "null", "nan", "inf", "-inf", "-1", "0", "1e400", "1e-400", "2**32", "1_000", "0x10", "true", "[]", "[[]]",
    "{}", "[1,2", "{a:", "a b", "a,b", "'", '"', "${seed}", "${nope}", "${oc.env:HOME}", "../..", "/", "~", "é", "😀",
    "[/x]", "[bold]", "\\", "$(id)", ";", "%s", "?", "*", "a=b", "==", "1,2,3", "range(3)", "choice(1,2)", "9" * 40,
    "x" * 300, "\x1b[2J", "\u202e", "None", "__import__('os')", "[null]", "-0.0", "!!python/object:os.system", "@",
    "#", "a:b",
)  # fmt: skip
ODD = (
    "=", "==", "+", "~", "-", "--", "-x", "--nope", "seed", "=1", "+=1", "~seed", "~field", "a.b.c=1", ".=1", "task=",
    "+task=x", "++seed=1", "field@x=hsc6b", "hydra.run.dir=a", "hydra/launcher=nope", "--cfg", "-cd", "-cn=x", "",
    " ", "trust=[os]", "task._target_=os.system", "network._target_=subprocess.Popen",
    "module._target_=builtins.eval",
)  # fmt: skip


def commands(number: int, seed: int, places: dict[str, str]) -> Iterator[list[str]]:
    """Command lines of a task and a few words, with one to three slips each."""
    random = np.random.default_rng(seed)

    def one(of: Sequence[str]) -> str:
        return of[int(random.integers(len(of)))]

    for _ in range(number):
        words = [f"task={one(TASKS)}", *(one(WORDS) for _ in range(int(random.integers(1, 5))))]
        for _ in range(int(random.integers(1, 4))):
            _slip(words, random, one)
        for name, path in places.items():
            words = [word.replace(name, path) for word in words]
        yield words


def _slip(words: list[str], random: np.random.Generator, one: Callable[[Sequence[str]], str]) -> None:
    """Change a word: its letters, its value, its key; or add, repeat or leave out one."""
    kind, place = int(random.integers(8)), int(random.integers(len(words)))
    word = words[place]
    key, _, value = word.partition("=")
    letter = int(random.integers(len(word))) if word else 0
    if kind == 0:
        words[place] = word[:letter] + word[letter + 1 :]
    elif kind == 1:
        words[place] = word[:letter] + one(["x", "=", ".", "[", "'", "é", "\\", " "]) + word[letter:]
    elif kind in (2, 3):
        words[place] = f"{key}={one(VALUES)}"
    elif kind == 4:
        words[place] = f"{one(WORDS).partition('=')[0]}={value}"
    elif kind == 5:
        words.insert(place, one(ODD))
    elif kind == 6:
        words.append(word)
    elif len(words) > 1:
        words.pop(place)


class Hangs(BaseException):
    """A command took too long."""


def answer(words: list[str]) -> tuple[str, str]:
    """How a command line ends, ``task``, ``sentence``, ``shown`` (help and the like) or a fault; and what it said."""

    def late(*_: object) -> None:
        raise Hangs

    GlobalHydra.instance().clear()
    out, err = io.StringIO(), io.StringIO()
    usual, argv, code = signal.signal(signal.SIGALRM, late), sys.argv[:], 0
    work = mock.Mock()
    signal.alarm(SECONDS)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch("photoz_lit.tasks.task.find_task", return_value=work),
            mock.patch("photoz_lit.sweep.run_jobs", work),
        ):
            main(words)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except Hangs:
        return "hang", ""
    except BaseException:
        return "traceback", traceback.format_exc()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, usual)
        sys.argv[:] = argv
    said = err.getvalue().strip().splitlines()
    if code == 0:
        return "task" if work.called else "shown", ""
    if code != 2 or len(said) != 1 or not said[0].startswith("photoz_lit: ") or not said[0].isprintable():
        return f"exit code {code}, {len(said)} lines", err.getvalue()
    return "sentence", said[0]


def count(number: int, seed: int, places: dict[str, str]) -> tuple[Counter[str], list[tuple[list[str], str, str]]]:
    """How command lines ended, and those that ended badly."""
    found: Counter[str] = Counter()
    bad = []
    for words in commands(number, seed, places):
        end, said = answer(words)
        found[end] += 1
        if end not in ("task", "sentence", "shown"):
            bad.append((words, end, said))
    return found, bad


if __name__ == "__main__":
    given = sys.argv[1:]
    total, first = int(given[0]) if given else 2000, int(given[1]) if len(given) > 1 else 0
    with TemporaryDirectory() as made:
        from tests.conftest import make_store

        store = make_store(Path(made) / "store", n=80)
        (Path(made) / "run").mkdir()
        (Path(made) / "run" / "metrics.json").write_text("{}")
        ends, faults = count(total, first, {"STORE": str(store.path), "RUN": str(Path(made) / "run")})
    for words, end, said in faults:
        print(f"{end}: {words}\n{said[-1500:]}", file=sys.stderr)
    print(f"| {total} | {first} | " + ", ".join(f"{n} {name}" for name, n in ends.most_common()) + " |")
