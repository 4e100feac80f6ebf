"""Seconds until ``--help`` has printed and until a training has made its first step, and whether an import reads torch.

``python experiments/speed/start_up.py <folder>`` makes a store of 10 000 and one of 500 000 labelled galaxies there, of
noise, six bands and 32×32 pixels of half precision (6 GB, written once), and begins a training on each three times: in
the first nothing is cached, and the least of the other two is what a user waits for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.speed.stream_memory import FIELD, write_sparse_store
from photoz_lit.fields import load_field

BLOCK = 10_000  # stamps of noise, repeated to the store's end
SIZES = (10_000, 500_000)


def write_store(path: Path, n: int) -> None:
    """Write a store of noise with redshifts."""
    write_sparse_store(path, n)
    random = np.random.default_rng(1)
    images = np.load(path / "images.npy", mmap_mode="r+")
    noise = random.standard_normal((BLOCK, *images.shape[1:])).astype(np.float16)
    for start in range(0, n, BLOCK):
        images[start : start + BLOCK] = noise[: n - start]
    images.flush()
    catalogue = pd.read_parquet(path / "catalogue.parquet")
    catalogue["z"] = random.uniform(0.1, 2.0, n)
    catalogue["z_source"] = "spec"
    for band in load_field(FIELD).band_names:
        catalogue[f"mag_err_{band}"] = 0.05
    catalogue.to_parquet(path / "catalogue.parquet", index=False)


def first_step(words: list[str]) -> None:
    """Train until the optimiser has made a step, print the time on the clock, and stop at once."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from photoz_lit.__main__ import main

    def stop(*_: Any) -> None:
        print(f"first step {time.time()}", flush=True)
        os._exit(0)

    register_optimizer_step_post_hook(stop)
    main(words)


def seconds_to_first_step(store: Path, runs: Path) -> float:
    """Wall time from the command to its first step [s]."""
    words = [f"+experiment={FIELD}_baseline", f"data.store={store}", f"paths.runs={runs}", "trainer.progress=false"]
    start = time.time()
    command = [sys.executable, __file__, "first_step", *words]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(said.rsplit("first step ", 1)[1]) - start


def timed(command: list[str]) -> float:
    """Wall time of a command [s], the least of three."""
    found = []
    for _ in range(3):
        start = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found.append(time.monotonic() - start)
    return min(found)


def main(folder: str) -> dict[str, Any]:
    """Measure all of it."""
    place, python = Path(folder), [sys.executable]
    asks = "import sys, photoz_lit; print('torch' in sys.modules)"
    said = subprocess.run([*python, "-c", asks], check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = {"help": timed([*python, "-m", "photoz_lit", "--help"]), "import_reads_torch": said.strip()}
    for n in SIZES:
        store = place / f"labelled_{n}"
        if not store.exists():
            write_store(store, n)
        found[f"first_step_{n}"] = [seconds_to_first_step(store, place / f"runs_{n}_{turn}") for turn in range(3)]
    return found


if __name__ == "__main__":
    if sys.argv[1] == "first_step":
        first_step(sys.argv[2:])
    else:
        print(json.dumps(main(sys.argv[1]), indent=1))
