"""An archive larger than the memory passes through."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.store import CutoutStore, open_store
from tests.ingest.archives import sdss_labels, write_sparse_sdss

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.long
def test_archive_of_five_gigabytes_needs_little_memory(tmp_path: Path) -> None:
    n = 52_000
    write_sparse_sdss(tmp_path / "sdss.npz", n)
    assert (tmp_path / "sdss.npz").stat().st_size > 4.2e9
    store = ingested_in_little_memory(tmp_path, "ingest=sdss_npz", f"ingest.path={tmp_path}/sdss.npz")
    np.testing.assert_allclose(store.catalogue["z"], sdss_labels(n)["z"].astype("f8"))


@pytest.mark.long
def test_arrays_of_five_gigabytes_need_little_memory(tmp_path: Path) -> None:
    z = np.random.default_rng(0).uniform(0, 2, 26_000)
    pd.DataFrame({"object_id": np.arange(len(z)), "z": z}).to_csv(tmp_path / "cat.csv", index=False)
    with (tmp_path / "images.npy").open("wb") as file:
        shape = (len(z), 64, 64, 5)
        np.lib.format.write_array_header_1_0(file, {"descr": ">f8", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + 8 * int(np.prod(shape)))
    assert (tmp_path / "images.npy").stat().st_size > 4.2e9
    facts = ["ingest.bands=[u,g,r,i,z]", "ingest.pixel_scale=0.4", "ingest.zero_points={u: 0, g: 0, r: 0, i: 0, z: 0}"]
    files = [f"ingest.path={tmp_path}/images.npy", f"ingest.catalogue={tmp_path}/cat.csv"]
    store = ingested_in_little_memory(tmp_path, "ingest=arrays", *files, *facts)
    np.testing.assert_allclose(store.catalogue["z"], z)


def ingested_in_little_memory(folder: Path, *overrides: str) -> CutoutStore:
    """Ingest centres of 8 pixels by the command line and watch the memory."""
    command = [sys.executable, "-m", "photoz_lit", "task=ingest", f"store={folder}/store", "ingest.stamp_size=8"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    highest = 0
    with subprocess.Popen(
        [*command, *overrides], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        while process.poll() is None:
            highest = max(highest, private_memory(process.pid))
            time.sleep(0.02)
        assert process.returncode == 0, process.communicate()[0].decode()
    assert 0 < highest < 2e9
    return open_store(folder / "store")


def private_memory(pid: int) -> int:
    """RssAnon of a process [byte], 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)
