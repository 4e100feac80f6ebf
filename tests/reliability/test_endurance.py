"""The same thing many times leaves no handle, no process and no memory behind."""

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from photoz_lit.data.sample import load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import open_store
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import load_field
from tests.composed import composed
from tests.conftest import make_store
from tests.reliability.test_signals import alive, descendants

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
MEGABYTE = 1 << 20


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def memory() -> float:
    """Resident private memory [MB]."""
    pages = Path("/proc/self/statm").read_text().split()
    return (int(pages[1]) - int(pages[2])) * 4096 / MEGABYTE


@pytest.mark.long
@pytest.mark.parametrize("times", [300, 10_000])
def test_a_store_is_opened_many_times(times: int, tmp_path: Path) -> None:
    make_store(tmp_path / "store", n=60)

    def open_it(number: int) -> None:
        for _ in range(number):
            open_store(tmp_path / "store").read(np.arange(3))

    open_it(50)
    gc.collect()
    before = handles(), memory()
    open_it(times)
    gc.collect()
    assert handles() <= before[0]
    assert memory() - before[1] < 15
    print(f"| a store opened {times} times | {handles() - before[0]} handles, {memory() - before[1]:.1f} MB more |")


@pytest.mark.long
def test_two_hundred_epochs_at_flat_memory(tmp_path: Path) -> None:
    import pytorch_lightning as pl

    from photoz_lit.modules import trainer as building

    sample = load_sample([make_store(tmp_path / "store", n=80)], load_field("hsc6b"), 32)
    used: list[float] = []

    class Watch(pl.Callback):
        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            used.append(memory())

    kept = building.StopsAtOnce
    try:
        building.StopsAtOnce = Watch  # type: ignore[misc, assignment]
        config = composed("field=hsc6b", "network=plain", "trainer.max_epochs=200")
        CNNEstimator(config).fit(sample, split_sample(sample), 0, tmp_path / "member")
    finally:
        building.StopsAtOnce = kept  # type: ignore[misc]
    assert len(used) >= 100
    assert np.mean(used[-20:]) - np.mean(used[20:40]) < 20
    print(f"| {len(used)} epochs | {np.mean(used[-20:]) - np.mean(used[20:40]):.1f} MB more at their end |")


@pytest.mark.long
def test_a_sweep_of_fifty_jobs_with_five_failures(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=80)
    good = ",".join(map(str, range(45)))
    # numbers that pass the first check of a sweep and fail in their jobs
    bad = ",".join(str(2**32 + k) for k in range(5))
    words = ["field=hsc6b", "scale=demo", "network=catalogue_forest", "network.trees=3", f"data.store={store.path}"]
    places = [f"paths.runs={tmp_path / 'runs'}", f"hydra.sweep.dir={tmp_path / 'sweep'}"]
    command = [sys.executable, "-m", "photoz_lit", "-m", *words, *places, f"seed={good},{bad}"]
    before = descendants(1)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=7200, check=False)
    assert ended.returncode == 2
    assert len(list(tmp_path.glob("runs/*/*/metrics.json"))) == 45
    assert "5 of 50 jobs failed" in ended.stderr
    assert all(f"seed={2**32 + k}" in ended.stderr for k in range(5))
    assert "Traceback" not in ended.stdout + ended.stderr
    assert not {pid for pid in alive(descendants(1)) - before if str(tmp_path) in _command(pid)}


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
