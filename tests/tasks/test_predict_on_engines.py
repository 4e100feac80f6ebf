"""``task=predict`` on a Dask cluster and as jobs: the bytes of one process, whatever is lost on the way."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.shard_files import shard_file
from photoz_lit.tasks import prediction_identity
from photoz_lit.tasks.prediction_cache import networks_digest
from tests.tasks.shards import bytes_of, in_shards, run_and_store

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
made = run_and_store
SHARDS = ("task.shard=30", "task.format=[parquet,qp]")


@pytest.mark.long
@pytest.mark.parametrize("engine", ["dask", "slurm"])
def test_the_same_bytes_as_one_process(made: tuple[Path, Path], tmp_path: Path, engine: str) -> None:
    pytest.importorskip("distributed" if engine == "dask" else "submitit")
    jobs = ("engine.options.cluster=local", "engine.options.poll=0.2") if engine == "slurm" else ()
    on_engine = in_shards(made, tmp_path / engine, *SHARDS, f"engine={engine}", "engine.workers=2", *jobs).folder
    alone = in_shards(made, tmp_path / "local", *SHARDS).folder
    assert bytes_of(on_engine) == bytes_of(alone)
    assert sorted(path.name for path in on_engine.iterdir() if path.name != ".log") == sorted(
        path.name for path in alone.iterdir()
    )


def test_a_worker_with_other_networks_is_refused(
    made: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []

    def changing(source: Any) -> str:
        calls.append(1)
        return networks_digest(source) if len(calls) == 1 else "another"

    monkeypatch.setattr(prediction_identity, "networks_digest", changing)
    with pytest.raises(InputError, match=r"a worker on .* has other networks \(another\) than the command that began"):
        in_shards(made, tmp_path / "shards", "task.shard=40")
    monkeypatch.undo()
    in_shards(made, tmp_path / "shards", "task.shard=40")


SCHEDULER = """
import sys, time
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0")
    print(cluster.scheduler_address, flush=True)
    time.sleep(600)
"""


@pytest.mark.long
def test_a_scheduler_that_is_lost_ends_it_clearly_and_the_command_goes_on(
    made: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    pytest.importorskip("distributed")
    script = tmp_path / "scheduler.py"
    script.write_text(SCHEDULER)
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    address, output = process.stdout.readline().strip(), tmp_path / "shards"

    def counted() -> list[str]:
        return list(json.loads((output / "manifest.json").read_text())["shards"])

    def end_after_the_first_shard() -> None:
        while not (output / "manifest.json").exists() or not counted():
            time.sleep(0.01)
        process.kill()

    threading.Thread(target=end_after_the_first_shard, daemon=True).start()
    with pytest.raises(InputError, match=rf"the Dask scheduler {address} is lost .*the same command goes on"):
        in_shards(made, output, "task.shard=9", "engine=dask", f"engine.scheduler={address}")
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in (output / shard_file("parquet", int(one)) for one in counted())}
    assert 0 < len(kept) < 10
    in_shards(made, output, "task.shard=9")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list((output / "shards").iterdir())) == 10
    with pytest.raises(InputError, match=r"the Dask scheduler tcp://127\.0\.0\.1:9 cannot be reached"):
        in_shards(made, tmp_path / "none", "engine=dask", "engine.scheduler=tcp://127.0.0.1:9")
