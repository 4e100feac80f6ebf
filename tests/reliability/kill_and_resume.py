"""Kill eleven kinds of work at random moments, give the same command again, and compare with undisturbed work.

``python tests/reliability/kill_and_resume.py [kills] [seed] [folder] [kind …]`` prints a row per kind: kills, and
results that differ. Work runs in processes forked from this one, which has loaded the libraries; a sweep starts jobs
itself. Moments are drawn in processor time, so that a busy machine changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from photoz_lit.__main__ import main
from photoz_lit.modules.checkpoint_files import read_checkpoint

TIMES = {"seconds", "train_seconds", "written", "date", "time", "git_commit"}
TINY = [
    "scale=demo",
    "network=plain",
    "network.width=0.04",
    "trainer.max_epochs=3",
    "data.batch_size=16",
    "trainer.threads=1",
]
STUDY = """
name: tiny
description: forests of two sizes
question: Is the larger forest better?
seeds: [0, 1]
reference: small
common: [scale=demo, field=hsc6b, network=catalogue_forest, "data.store=STORE"]
rows:
  - {method: small, overrides: [network.trees=5]}
  - {method: large, overrides: [network.trees=7]}
"""
BY_WALL = ("sweep", "study")  # whose work is done by processes that they start
TINY += ["trainer.accelerator=cpu", "trainer.progress=false", "field=hsc6b"]
SIMULATION = ["simulation.neighbours=0", "simulation.processes=1", "simulation.stamp_size=32", "field=hsc6b"]


def kinds(base: Path) -> dict[str, Callable[[Path], list[str]]]:
    """Arguments of the commands, for a folder of results."""
    store, run, other = (f"{base / name}" for name in ("store", "run", "other"))
    train = [*TINY, f"data.store={store}"]
    return {
        "train": lambda at: [*train, f"paths.runs={at}"],
        "train, Muon and averaged weights": lambda at: [*train, "module.recipe=fast", f"paths.runs={at}"],
        "cross-validation": lambda at: [*train, "cv.folds=5", "trainer.max_epochs=1", f"paths.runs={at}"],
        "ensemble": lambda at: [*train, "ensemble.members=2", f"paths.runs={at}"],
        "adaptation": lambda at: [
            *TINY, "adapt=guided", f"data.source={store}", f"data.target=[{other}]", f"paths.runs={at}"
        ],
        "simulation": lambda at: ["task=simulate", *SIMULATION, "simulation.n_galaxies=1200", f"store={at / 's'}"],
        "ingest": lambda at: [
            "task=ingest", "ingest=arrays", f"ingest.path={base / 'images.npy'}",
            f"ingest.catalogue={base / 'cat.csv'}",
            "ingest.bands=[g,r,z]", "ingest.pixel_scale=0.262", "ingest.zero_points={g: 22.5, r: 22.6, z: 22.7}",
            f"store={at / 's'}",
        ],
        "predict in shards": lambda at: [
            "task=predict", f"run={run}", f"data.store={store}", f"task.output={at / 'p'}", "task.shard=16",
            "trainer.accelerator=cpu", "trainer.threads=1", "trainer.progress=false",
        ],
        "predict": lambda at: ["task=predict", f"run={run}", f"data.store={store}", f"paths.runs={at}",
                               "trainer.accelerator=cpu", "trainer.threads=1", "trainer.progress=false"],
        "sweep": lambda at: [
            "-m", "field=hsc6b", "network=catalogue_forest", "network.trees=5", f"data.store={store}", "scale=demo",
            f"paths.runs={at}", f"hydra.sweep.dir={at / 'sweep'}", "seed=0,1",
        ],
        "study": lambda at: [
            f"--config-dir={base / 'conf'}", "task=study", "study=tiny", f"paths.runs={at}",
            f"paths.experiments={at / 'experiments'}", "task.jobs=1",
        ],
    }  # fmt: skip


def prepare(base: Path) -> None:
    """Stores, arrays and a run that the commands read."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.conftest import make_store
    from tests.ingest.archives import write_arrays

    make_store(base / "store", n=120)
    make_store(base / "other", n=120, seed=5)
    (base / "conf" / "study").mkdir(parents=True)
    (base / "conf" / "study" / "tiny.yaml").write_text(STUDY.replace("STORE", str(base / "store")))
    write_arrays(base, 2100, 24)
    started([*TINY, f"data.store={base / 'store'}", f"paths.runs={base / 'runs'}"])[0].join()
    shutil.copytree(next(base.glob("runs/*/*/metrics.json")).parent, base / "run")


def _work(arguments: list[str]) -> None:
    os.setpgid(0, 0)  # what it starts is killed with it, as by a machine that goes down
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    if "LOUD" not in os.environ:
        os.dup2(sink, 2)
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    main(arguments)


def started(arguments: list[str]) -> tuple[multiprocessing.Process, float]:
    """A process that does the work, and when it began."""
    process = multiprocessing.get_context("fork").Process(target=_work, args=(arguments,))
    process.start()
    return process, time.monotonic()


def spent(pid: int) -> float:
    """Processor seconds of a process and of those it waited for, or NaN where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def undisturbed(arguments: list[str]) -> tuple[float, float]:
    """Do the work; return its processor and wall seconds."""
    process, begun = started(arguments)
    last = 0.0
    while process.exitcode is None:
        found = spent(process.pid or 0)
        last = found if found == found else last
        time.sleep(0.02)
    assert process.exitcode == 0, (arguments, process.exitcode)
    return max(last, 0.05), time.monotonic() - begun


def killed(arguments: list[str], moment: float, by_wall: bool) -> bool:
    """Do the work and kill it after so many seconds; whether it was still running."""
    process, begun = started(arguments)
    while process.exitcode is None:
        now = time.monotonic() - begun if by_wall else spent(process.pid or 0)
        if now >= moment:
            os.killpg(process.pid or 0, signal.SIGKILL)
            process.join()
            return process.exitcode == -signal.SIGKILL
        time.sleep(0.005)
    return False


def digest(folder: Path) -> dict[str, str]:
    """What counts of the results, by the file's name: weights, numbers without times, bytes of tables and pixels."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder)).replace(str(folder), "")
        if path.name in ("best.ckpt", "last.ckpt"):
            state = read_checkpoint(path)["state_dict"]
            content = b"".join(k.encode() + v.contiguous().numpy().tobytes() for k, v in sorted(state.items()))
        elif path.name in ("metrics.json", "fit.json", "store.json", "manifest.json", "results.json"):
            content = json.dumps(_without_times(json.loads(path.read_text())), sort_keys=True).encode()
        elif path.suffix in (".parquet", ".npy") or path.name == "metrics.csv":
            content = path.read_bytes()
        else:
            continue
        found[name] = hashlib.sha256(content).hexdigest()[:12]
    return found


def _without_times(content: object) -> object:
    if isinstance(content, dict):
        return {k: _without_times(v) for k, v in content.items() if k not in TIMES and not k.endswith("_seconds")}
    return content


def run(kills: int, seed: int, base: Path, wanted_kinds: list[str]) -> list[tuple[str, int, int]]:
    """Rows: kind, kills, results that differ from the undisturbed ones; no kinds are all."""
    torch.set_num_threads(1)
    base.mkdir(parents=True)
    prepare(base)
    random = np.random.default_rng(seed)
    rows = []
    for number, (kind, arguments) in enumerate(kinds(base).items()):
        if wanted_kinds and kind not in wanted_kinds:
            continue
        whole = base / f"{number}_whole"
        processor, wall = undisturbed(arguments(whole))
        wanted, by_wall = digest(whole), kind in BY_WALL
        assert wanted, kind
        length, done, wrong, attempts = wall if by_wall else processor, 0, 0, 0
        goal = kills // len(kinds(base)) if not by_wall else min(3, kills // len(kinds(base)))
        while done < goal and attempts < 3 * goal:
            at = base / f"{number}_{attempts}"
            attempts += 1
            hits = sum(killed(arguments(at), random.uniform(0.02, 0.98) * length, by_wall) for _ in range(2))
            done += hits
            undisturbed(arguments(at))
            same = digest(at) == wanted
            wrong += not same
            if same:
                shutil.rmtree(at)
            else:
                print({k: v for k, v in digest(at).items() if wanted.get(k) != v}, set(wanted) - set(digest(at)))
        rows.append((kind, done, wrong))
        print(f"| {kind} | {done} | {wrong} |", flush=True)
    print(f"| all | {sum(row[1] for row in rows)} | {sum(row[2] for row in rows)} |", flush=True)
    return rows


if __name__ == "__main__":
    given = sys.argv[1:]
    run(
        int(given[0]) if given else 60,
        int(given[1]) if len(given) > 1 else 0,
        Path(given[2] if len(given) > 2 else "kills"),
        given[3:],
    )
