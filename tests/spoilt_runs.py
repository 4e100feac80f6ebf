"""A store and a finished run that tests spoil, and a command that reads them."""

import shutil
from pathlib import Path

import pytest

from photoz_lit.data.store import CutoutStore
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store

SMALL = ("field=hsc6b", "network=plain", "scale.max_epochs=1", "module=multimodal", "modality=neighbours")


@pytest.fixture(scope="module", name="store")
def hostile_store(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("hostile") / "store", n=80)


@pytest.fixture(scope="module", name="trained")
def trained_run(store: CutoutStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    return train(composed(*SMALL, f"data.store={store.path}", f"paths.runs={runs}")).path


@pytest.fixture(name="run")
def changeable_run(trained: Path, tmp_path: Path) -> Path:
    """A run folder that may be changed."""
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def best(run: Path) -> Path:
    return run / "checkpoints" / "fold_0_member_0" / "best.ckpt"


def asked(task: str, run: Path, store: CutoutStore, tmp_path: Path) -> list[str]:
    other = make_store(tmp_path / "other", n=80, seed=5).path if task == "mismatch" else ""
    where = [f"source={store.path}", f"targets=[{other}]"] if other else [f"data.store={store.path}"]
    return [f"task={task}", f"run={run}", f"paths.runs={tmp_path / 'runs'}", *where]
