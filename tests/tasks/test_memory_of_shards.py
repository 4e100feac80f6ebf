"""Predictions in shards take as much memory for many galaxies as for few."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tasks.shards import run_and_store

made = run_and_store


MEMORY = """
import os, sys
from pathlib import Path
from photoz_lit.tasks import prediction_shard
from experiments.speed.stream_memory import private_memory, write_sparse_store
from tests.tasks.shards import in_shards

seen, most = [], [0.0]
predicted, written, made = (
    prediction_shard.ShardMaker._predicted, prediction_shard.write_shard, prediction_shard.ShardMaker.make
)

def measured(function):
    def call(*arguments):
        result = function(*arguments)
        most[0] = max(most[0], private_memory(os.getpid()))
        return result
    return call

def watched(self, number):
    most[0] = 0.0
    entry = made(self, number)
    seen.append(most[0])
    return entry

# where it is largest: a block is predicted and its pixels are still mapped, a shard's PDFs stand together
prediction_shard.ShardMaker._predicted = measured(predicted)
prediction_shard.write_shard = measured(written)
prediction_shard.ShardMaker.make = watched
write_sparse_store(Path(sys.argv[2]), 80000)
in_shards((Path(sys.argv[1]), Path(sys.argv[2])), Path(sys.argv[3]), "pdf=bins", "tta=1")
print("MEMORY", *seen)
"""


@pytest.fixture
def private(made: tuple[Path, Path], tmp_path: Path) -> list[float]:
    """Largest private memory after the blocks of each of four shards of 20 000 galaxies with all bins [GB]."""
    if not Path("/proc/self/smaps").exists():
        pytest.skip("needs /proc/<process>/smaps")
    run = tmp_path / "run"
    shutil.copytree(made[0], run)
    record = json.loads((run / "provenance.json").read_text())
    record["config"]["data"]["batch_size"] = 512  # the test's own training has 16, which takes minutes here
    (run / "provenance.json").write_text(json.dumps(record))
    command = [sys.executable, "-c", MEMORY, str(run), str(tmp_path / "sparse"), str(tmp_path / "shards")]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]).stdout
    return [float(one) for one in said.split("MEMORY")[1].split()]


@pytest.mark.long
def test_memory_is_flat(private: list[float]) -> None:
    """Pixels are 12 KB and PDFs 1.6 KB a galaxy: 40 000 more would take 560 MB. The first warms up."""
    assert len(private) == 4
    print("private memory of the shards [GB]:", *(f"{one:.4f}" for one in private))
    assert max(private[1:]) - private[1] < 0.05
    assert max(private) < 1.5
