"""No file may grow beyond some bytes, as on a full disk: work ends with one sentence, and goes on later.

The limit of the system (RLIMIT_FSIZE) holds for every writer: Python, numpy, torch, Parquet, HDF5, matplotlib.
"""

import multiprocessing
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from photoz_lit.data.store import CutoutStore
from photoz_lit.faults import telling_faults
from photoz_lit.tasks.task import perform
from tests import figures
from tests.composed import composed
from tests.conftest import make_store

SMALL = ("field=hsc6b", "network=plain", "scale.max_epochs=1")
FOREST = ("field=hsc6b", "network=catalogue_forest", "network.trees=5")


@pytest.fixture(scope="module", autouse=True)
def with_figures() -> Iterator[None]:
    """A figure or a report may be the file for which there is no room."""
    with figures.made():
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("disk") / "store", n=80)


@pytest.fixture(scope="module")
def run(store: CutoutStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    perform(composed(*FOREST, f"data.store={store.path}", f"paths.runs={runs}"))
    return next(runs.glob("*/*/metrics.json")).parent


def limited(work: Callable[[], None], size: int) -> tuple[int, str]:
    """Do work in a process whose files cannot grow beyond ``size`` bytes; its exit code and what it said."""
    reader, writer = os.pipe()

    def child() -> None:
        sys.stderr = sys.stdout = os.fdopen(os.dup(writer), "w", buffering=1)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        with telling_faults():
            work()

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read()
    process.join()
    assert process.exitcode is not None
    return process.exitcode, text


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def fails_then_goes_on(work: Callable[[], None], size: int, folder: Path) -> None:
    code, said = limited(work, size)
    assert "Traceback" not in said, said
    assert code in (0, 2), said
    assert not list(folder.rglob("*.partial*"))
    if code == 0:
        return
    (sentence,) = [line for line in said.splitlines() if line.startswith("photoz_lit: ")]
    assert "cannot be" in sentence
    assert not list(folder.rglob("metrics.json")) or "html" in sentence
    work()
    assert list(folder.rglob("report.html")) or list(folder.rglob("manifest.json"))


SIZES = [0, 300, 1000, 2000, 3000, 5000, 8000, 12_000, 20_000, 30_000, 50_000, 80_000, 120_000, 200_000, 400_000]


@pytest.mark.parametrize("size", [pytest.param(size, marks=() if size == 3000 else pytest.mark.long) for size in SIZES])
def test_a_forest(store: CutoutStore, tmp_path: Path, size: int) -> None:
    config = composed(*FOREST, f"data.store={store.path}", f"paths.runs={tmp_path}")
    fails_then_goes_on(lambda: perform(config), size, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("size", SIZES)
def test_a_network(store: CutoutStore, tmp_path: Path, size: int) -> None:
    config = composed(*SMALL, f"data.store={store.path}", f"paths.runs={tmp_path}")
    fails_then_goes_on(lambda: perform(config), size, tmp_path)


@pytest.mark.parametrize(
    "size", [pytest.param(size, marks=() if size == 12_000 else pytest.mark.long) for size in SIZES]
)
@pytest.mark.parametrize("output", [True, False], ids=["shards", "run folder"])
def test_a_prediction(store: CutoutStore, run: Path, tmp_path: Path, size: int, output: bool) -> None:
    there = [f"task.output={tmp_path / 'out'}", "task.format=[parquet,qp,fits]"] if output else []
    if output:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
    places = [f"run={run}", f"data.store={store.path}", f"paths.runs={tmp_path}"]
    config = composed("field=hsc6b", "task=predict", *places, *there)
    before = files(store.path) | files(run)
    code, said = limited(lambda: perform(config), size)
    assert "Traceback" not in said, said
    assert code in (0, 2), said
    assert code == 0 or "cannot be" in said
    assert files(store.path) | files(run) == before
    perform(config)
    assert list(tmp_path.rglob("manifest.json" if output else "predictions.parquet"))
