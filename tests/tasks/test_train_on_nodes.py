"""Two nodes of one process each on the loopback device, started as torchrun does, and a requeued job of Slurm."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
import torch

from photoz_lit.config import TrainerSettings
from photoz_lit.errors import InputError
from photoz_lit.tasks.nodes import require_started_on_nodes
from tests.composed import TINY, composed
from tests.conftest import make_store

ROOT = Path(__file__).parents[2]
ON_NODES = ("trainer=ddp", "trainer.devices=1", "trainer.num_nodes=2", "trainer.accelerator=cpu")
FOREIGN = ("SLURM_", "WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_", "TORCHELASTIC", "WANDB_API_KEY")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def bare() -> dict[str, str]:
    """The environment without what a cluster would say in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def on_two_nodes(command: Sequence[str]) -> None:
    """Run a command as torchrun starts it on two nodes, and wait for both."""
    port = str(free_port())
    processes = []
    for rank in ("0", "1"):
        says = {
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "RANK": rank, "GROUP_RANK": rank,
            "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "TORCHELASTIC_RUN_ID": "test",
        }  # fmt: skip
        processes.append(subprocess.Popen(command, env={**bare(), **says}, stderr=subprocess.PIPE, text=True))
    for process in processes:
        _, errors = process.communicate(timeout=500)
        assert process.returncode == 0, errors[-3000:]


STEPS = """
import sys
import torch
from photoz_lit.data.split import split_sample
from photoz_lit.data.sampling import is_main_process
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.tasks.data_source import sample_of
from tests.composed import composed
from pathlib import Path

config = composed(*sys.argv[2:])
trainer = config.trainer.model_copy(update={"precision": "64-true"})  # which no command may ask for
config = config.model_copy(update={"trainer": trainer})
sample = sample_of(config)
estimator = estimator_of(config)
torch.set_default_dtype(torch.float64)
torch.Tensor.float = torch.Tensor.double  # heads and losses compute in float32 whatever the precision
estimator.fit(sample, split_sample(sample), 0, Path(sys.argv[1]))
assert estimator.trainer.global_step == 10, estimator.trainer.global_step
if is_main_process():
    torch.save(estimator.trainer.model.state_dict(), Path(sys.argv[1]) / "weights.pt")
"""


@pytest.mark.long
def test_ten_steps_of_one_global_batch_in_double_precision_agree(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=161).path
    (tmp_path / "steps.py").write_text(STEPS)
    settings = [
        "field=hsc6b", "network=plain", "module.recipe=published", f"data.store={store}", "data.augment=false",
        "trainer.max_steps=10", "scale.stamp_size=16", "scale.max_epochs=3",
    ]  # fmt: skip
    command = [sys.executable, str(tmp_path / "steps.py")]
    alone = [*command, str(tmp_path / "one"), *settings, "data.batch_size=16"]
    subprocess.run(alone, check=True, env=bare())
    on_two_nodes([*command, str(tmp_path / "two"), *settings, "data.batch_size=8", *ON_NODES])
    one, two = (torch.load(tmp_path / name / "weights.pt") for name in ("one", "two"))
    two = {name.removeprefix("module."): value for name, value in two.items()}
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=0, atol=1e-8, msg=name)
    assert any(value.dtype == torch.float64 for value in one.values())


@pytest.mark.long
def test_two_nodes_make_one_run_folder_and_one_checkpoint_gives_the_same_metrics(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=161).path
    common = [f"data.store={store}", "trainer.precision=32-true", "trainer.progress=false", "trainer.threads=1"]
    command = [sys.executable, "-m", "photoz_lit"]
    small = [*TINY, "field=hsc6b", "network=plain", "scale.max_epochs=1", f"paths.runs={tmp_path / 'runs'}"]
    on_two_nodes([*command, *small, *common, *ON_NODES])
    (folder,) = (tmp_path / "runs" / "hsc6b").iterdir()
    assert json.loads((folder / "provenance.json").read_text())["ranks"] == 2
    tables, metrics = [], []
    for name, strategy in (("two", ON_NODES), ("one", ("trainer.accelerator=cpu",))):
        runs = tmp_path / name
        applied = [*command, "task=predict", f"run={folder}", f"paths.runs={runs}", *common, *strategy]
        if name == "two":
            on_two_nodes(applied)
        else:
            subprocess.run(applied, check=True, env=bare())
        (found,) = (runs / "predict").iterdir()
        tables.append(pd.read_parquet(found / "predictions.parquet"))
        metrics.append(json.loads((found / "metrics.json").read_text()))
    pd.testing.assert_frame_equal(tables[0], tables[1], rtol=1e-6, atol=1e-6)
    for name in ("sigma_mad", "eta", "bias", "crps", "nll"):
        assert abs(metrics[0][name] - metrics[1][name]) < 1e-6, name


@pytest.mark.long
def test_a_requeued_job_of_slurm_goes_on_in_its_run_folder(tmp_path: Path) -> None:
    """Slurm ends a job with SIGTERM and starts the same script again, with SLURM_RESTART_COUNT."""
    store = make_store(tmp_path / "store", n=61).path
    job = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0",
           "SLURM_JOB_NAME": "photoz_lit", "SLURM_NODELIST": "127.0.0.1"}  # fmt: skip
    command = [
        sys.executable, "-m", "photoz_lit", *TINY, "field=hsc6b", "network=plain", "scale.max_epochs=400",
        "module.recipe=published", f"data.store={store}", f"paths.runs={tmp_path / 'runs'}",
    ]  # fmt: skip
    first = subprocess.Popen(command, env={**bare(), **job}, cwd=tmp_path)
    curves = tmp_path / "runs" / "hsc6b"
    while first.poll() is None and not list(curves.glob("*/checkpoints/*/last.ckpt")):
        time.sleep(0.1)
    time.sleep(0.5)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=120) == 143
    (folder,) = (path for path in curves.iterdir() if path.is_dir())
    (curve,) = folder.glob("checkpoints/*/metrics.csv")
    before = pd.read_csv(curve)["epoch"].tolist()
    assert not (folder / "metrics.json").exists()
    requeued = {**bare(), **job, "SLURM_RESTART_COUNT": "1"}
    done = subprocess.run([*command], env=requeued, check=False, cwd=tmp_path)
    assert done.returncode == 0
    assert [path.name for path in curves.iterdir() if path.is_dir()] == [folder.name]
    assert pd.read_csv(curve)["epoch"].tolist() == list(range(400))
    assert 0 < len(before) < 400
    assert not list(tmp_path.glob("*.ckpt"))  # none of Lightning's own beside the run folder


def trainer_of(*overrides: str) -> TrainerSettings:
    return composed(*overrides).trainer


def test_a_process_that_was_started_alone_is_refused() -> None:
    with pytest.raises(InputError, match=r"trainer\.num_nodes=2 needs a process on each node; .*docs/train_on"):
        require_started_on_nodes(trainer_of(*ON_NODES), {})
    with pytest.raises(InputError, match=r"^4 processes were started, .*devices=1 asks for 2; make them equal"):
        require_started_on_nodes(trainer_of(*ON_NODES), {"WORLD_SIZE": "4"})
    require_started_on_nodes(trainer_of(*ON_NODES), {"SLURM_NTASKS": "2"})
    require_started_on_nodes(trainer_of("trainer=cpu"), {})
