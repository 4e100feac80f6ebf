"""An archive larger than the memory passes through."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from photoz_lit.data.store import open_store
from tests.ingest.archives import sdss_labels, write_sparse_sdss

REPOSITORY = Path(__file__).parents[2]


def test_archive_of_five_gigabytes_needs_little_memory(tmp_path: Path) -> None:
    n = 52_000
    write_sparse_sdss(tmp_path / "sdss.npz", n)
    assert (tmp_path / "sdss.npz").stat().st_size > 4.2e9
    command = [
        sys.executable, "-m", "photoz_lit", "task=ingest", "ingest=sdss_npz", f"ingest.path={tmp_path}/sdss.npz",
        f"store={tmp_path}/store", "ingest.stamp_size=8",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    highest = 0
    while process.poll() is None:
        highest = max(highest, private_memory(process.pid))
        time.sleep(0.02)
    assert process.returncode == 0, process.communicate()[0].decode()
    store = open_store(tmp_path / "store")
    assert len(store) == n
    np.testing.assert_allclose(store.catalogue["z"], sdss_labels(n)["z"].astype("f8"))
    assert 0 < highest < 2e9


def private_memory(pid: int) -> int:
    """RssAnon of a process [byte], 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)
