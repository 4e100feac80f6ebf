"""Training on two ranks of one thread beside one process of two threads, on the same galaxies and batches.

``python experiments/speed/ranks.py <store> <folder>``; each is trained for one epoch and for three, and the difference,
two epochs with their validations, leaves out the start. Turns alternate, and the best of three is kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

TURNS = 3
WAYS = {
    "one process, two threads": ["trainer.devices=1", "trainer.threads=2", "data.batch_size=64"],
    "two ranks, one thread each": ["trainer.devices=2", "trainer.threads=1", "data.batch_size=32"],
}


def seconds(store: str, folder: Path, way: list[str], epochs: int, turn: int) -> float:
    """Wall time of a training [s]."""
    words = ["+experiment=hsc6b_baseline", f"data.store={store}", f"paths.runs={folder / f'runs_{turn}'}", "rerun=true"]
    words += [f"scale.max_epochs={epochs}", "tta=1", "trainer.accelerator=cpu", "trainer.progress=false", *way]
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "photoz_lit", *words], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def main(store: str, folder: str) -> dict[str, float]:
    """Wall time of two epochs in each way [s], and the speed of two ranks beside one process."""
    found = dict.fromkeys(WAYS, float("inf"))
    for turn in range(TURNS):
        for name, way in WAYS.items():
            short, long = (seconds(store, Path(folder), way, epochs, turn) for epochs in (1, 3))
            found[name] = min(found[name], long - short)
    one, two = found.values()
    return {**found, "speed of two ranks": one / two}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:]), indent=1))
