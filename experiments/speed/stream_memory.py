"""Private memory and speed of ``task=predict task.output=…`` on a store of any length, with the smallest network.

``python experiments/speed/stream_memory.py <run of six bands, 32 px> <folder> <galaxies>``; the store's pixels are half
precision and zero, a sparse file that takes no room.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.data.catalogue import complete_catalogue
from photoz_lit.data.store import StoreHeader
from photoz_lit.fields import load_field

FIELD, SIZE = "hsc6b", 32


def write_sparse_store(path: Path, n: int) -> None:
    """Write a store of ``n`` empty stamps of half precision, with a whole catalogue."""
    field = load_field(FIELD)
    bands = field.band_names
    header = StoreHeader(
        data="simulated",
        field=FIELD,
        bands=bands,
        pixel_scale=field.pixel_scale,
        flux_unit="arbitrary",
        zero_points={band: field.bands[band].zero_point for band in bands},
        n_galaxies=n,
        height=SIZE,
        width=SIZE,
        dtype="float16",
    )
    path.mkdir(parents=True)
    np.lib.format.open_memmap(path / "images.npy", "w+", np.float16, header.shape).flush()
    random = np.random.default_rng(0)
    table = {"object_id": np.arange(n).astype(str), "ra": random.uniform(0, 90, n), "dec": random.uniform(0, 60, n)}
    table |= {f"mag_{band}": random.uniform(20, 26, n) for band in bands}
    complete_catalogue(pd.DataFrame(table), bands).to_parquet(path / "catalogue.parquet", index=False)
    (path / "store.json").write_text(header.model_dump_json())


def private_memory(process: int) -> float:
    """Private memory of a process and of those that it started [GB], but for the pages of libraries.

    It sums ``Private_*`` of ``smaps``. Pages of a library count there while no other process has it mapped, so what
    other programs do would change the sum: of torch alone by 0.1 GB.
    """
    try:
        lines = Path(f"/proc/{process}/smaps").read_text().splitlines()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return 0.0
    total, library = 0, False
    for line in lines:
        name, *values = line.split()
        if not name.endswith(":"):  # the head of a mapping: addresses, rights, offset, device, inode, path
            library = ".so" in line
        elif name.startswith("Private_") and not library:
            total += int(values[0])
    return total * 1024 / 1e9 + sum(private_memory(int(child)) for child in children)


def main(run: str, folder: str, n: int, *further: str) -> None:
    """Predict the store in a process of its own, and print its largest private memory."""
    store, output = Path(folder) / f"store_{n}", Path(folder) / f"shards_{n}"
    if not store.exists():
        write_sparse_store(store, n)
    options = [
        f"run={run}",
        f"data.store={store}",
        f"task.output={output}",
        "tta=1",
        "trainer.progress=false",
        *further,
    ]
    start, most = time.monotonic(), 0.0
    process = subprocess.Popen([sys.executable, "-m", "photoz_lit", "task=predict", *options])
    while process.poll() is None:
        most = max(most, private_memory(process.pid))
        time.sleep(0.2)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, cpu = time.monotonic() - start, used.ru_utime + used.ru_stime
    size = sum(path.stat().st_size for path in output.glob("shards/*"))
    print(
        f"{n:,} galaxies: {most:.3f} GB private, {cpu:.0f} s of core ({seconds:.0f} s), {size / 1e6:.0f} MB of shards"
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
