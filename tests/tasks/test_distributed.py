"""Two processes on the CPU with gloo: the same galaxies, the same metrics, one run folder."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from photoz_lit.data.split import split_sample
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.evaluation.calibration.by_fold import FoldCalibrations
from photoz_lit.evaluation.calibration.pit import fit_pit_calibration
from photoz_lit.tasks.data_source import sample_of
from photoz_lit.tasks.ensemble_mean import average
from tests.composed import TINY, composed
from tests.conftest import make_store
from tests.two_fields import source_and_target

#: What a task uses that applies a run: sizes are the run's.
MACHINE = [one for one in TINY if not one.startswith("scale.")]


def photoz_lit(*arguments: str) -> str:
    tiny = MACHINE if "task=predict" in arguments else TINY
    command = [sys.executable, "-m", "photoz_lit", *tiny, *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "WANDB_API_KEY"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=420, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.long
def test_two_processes_count_every_galaxy_once_and_agree_with_one(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=561).path  # odd: does not divide between two
    common = [f"data.store={store}", "trainer.precision=32-true"]
    place = ["field=hsc6b", f"paths.runs={tmp_path / 'runs'}"]
    two = ["trainer=ddp", "trainer.devices=2"]
    photoz_lit(*place, *common, *two, "scale.max_epochs=1", "trainer.accelerator=cpu", "logger=wandb", "logger.worst=2")
    (folder,) = (tmp_path / "runs" / "hsc6b").iterdir()
    assert [path.parents[2] for path in tmp_path.rglob("*.wandb")] == [folder]  # one W&B run, not one per process
    assert len(list(folder.glob("metrics.json"))) == 1
    assert json.loads((folder / "provenance.json").read_text())["ranks"] == 2
    trained = pd.read_parquet(folder / "predictions.parquet")
    split = pd.read_parquet(folder / "split.parquet")
    assert sorted(trained["object_id"]) == sorted(split.loc[split["role"] == "test", "object_id"])
    require_calibration_of_one_process(folder, store)
    tables, metrics = [], []
    for number, strategy in enumerate((two, [])):
        runs = tmp_path / f"applied{number}"
        photoz_lit(*common, "task=predict", f"run={folder}", f"paths.runs={runs}", *strategy, "trainer.accelerator=cpu")
        (applied,) = (runs / "predict").iterdir()
        tables.append(pd.read_parquet(applied / "predictions.parquet"))
        metrics.append(json.loads((applied / "metrics.json").read_text()))
    pd.testing.assert_frame_equal(tables[0], tables[1], rtol=1e-6, atol=1e-6)
    assert len(tables[0]) == 561
    for name in ("sigma_mad", "eta", "bias", "crps", "nll"):
        assert abs(metrics[0][name] - metrics[1][name]) < 1e-6, name


def require_calibration_of_one_process(folder: Path, store: Path) -> None:
    """The calibration that two processes made is the one that this process makes of their network."""
    config = composed("field=hsc6b", f"data.store={store}", "trainer.precision=32-true")
    sample = sample_of(config)
    split, member = split_sample(sample), folder / "checkpoints" / "fold_0_member_0"
    kept = np.load(member / "validation_pdf.npy")
    estimator = estimator_of(config)
    estimator.load(member)
    np.testing.assert_allclose(kept, estimator.predict(sample, split.validation), atol=1e-6)
    made = FoldCalibrations.read(folder / "calibration.json")
    assert made.galaxies == {0: len(split.validation)}
    z = sample.catalogue["z"].to_numpy()[split.validation]
    expected = fit_pit_calibration(average([kept]), sample.field.z_edges, z)  # the mean of one member is normalised
    assert made.of_fold[0].content == expected.content
    assert not expected.leaves_all


@pytest.mark.long
def test_two_processes_start_a_network_again_that_has_learnt_nothing(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=61).path
    frozen = ["module.recipe=published", "module.learning_rate=1e-12", "scale.max_epochs=7", "network=plain"]
    two = ["trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu"]
    photoz_lit("field=hsc6b", f"data.store={store}", f"paths.runs={tmp_path / 'runs'}", *frozen, *two)
    (folder,) = (tmp_path / "runs" / "hsc6b").iterdir()
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["restarts"], metrics["dead_networks"]) == (2, 1)
    (member,) = (folder / "checkpoints").iterdir()
    curves = ("metrics_died_0.csv", "metrics_died_1.csv", "metrics.csv")
    losses = [pd.read_csv(member / name)["val_loss"].dropna().tolist() for name in curves]
    assert [len(curve) for curve in losses] == [6, 6, 7]
    assert losses[0][-1] == pytest.approx(losses[0][0], rel=1e-4)
    assert len({round(curve[0], 4) for curve in losses}) == 3  # three networks


ADAPTING = """
import sys, torch
from photoz_lit.modules.aligned import AlignedModule
from photoz_lit.tasks import results
from photoz_lit.tasks.train import train
from tests.composed import composed

def keep(self):
    memory = self.parts["adversary"].memory.state()
    torch.save([self.state_dict(), self.global_step, memory], f"{sys.argv[1]}/rank{self.global_rank}.pt")

AlignedModule.on_train_end = keep
results.draw_run = lambda *_: None
train(composed(*sys.argv[2:]))
"""


@pytest.mark.long
def test_two_processes_adapt_one_network_with_one_discriminator(tmp_path: Path) -> None:
    source, target = source_and_target(tmp_path, n=111)
    (tmp_path / "adapting.py").write_text(ADAPTING)
    overrides = [
        "field=hsc6b", "network=plain", f"data.source={source.path}", f"data.target={target.path}",
        f"paths.runs={tmp_path / 'runs'}", "trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu",
        "trainer.precision=32-true", "scale.max_epochs=1", "scale.batch_size=8", "adapt=guided_paired",
        "adapt.epochs=2", "adapt.batch_size=8", "adapt.discriminator_steps=20", "adapt.hidden=16",
        "adapt.least_accuracy=0",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(tmp_path / "adapting.py"), str(tmp_path), *overrides]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=420, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    (first, steps, mine), (second, others, its) = (torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2))
    (folder,) = (tmp_path / "runs" / "hsc6b").iterdir()
    split = pd.read_parquet(folder / "split.parquet")
    n_train = int((split["role"] == "train").sum())
    assert steps == others == 2 * math.ceil(n_train // 2 / 8) > 4
    assert any(name.startswith("parts.adversary") for name in first)
    for name, value in first.items():
        assert torch.isfinite(value).all(), name
        assert torch.equal(value, second[name]), name
    (start,) = (path for path in (tmp_path / "runs" / "starts").iterdir() if path.is_dir())
    began = torch.load(start / "best.ckpt", weights_only=True)["state_dict"]
    assert not all(torch.equal(value, first[name]) for name, value in began.items())
    (last,) = folder.glob("checkpoints/*/last.ckpt")  # each rank goes on with the galaxies that it remembers
    kept = torch.load(last, weights_only=True)["parts"]["adversary"]["memory"]
    numbers = [[batch["number"].tolist() for batch in memory] for memory in (*kept, mine, its)]
    assert numbers[:2] == numbers[2:]
    assert all(mine != its for mine, its in zip(*numbers[:2], strict=True))
    tested = pd.read_parquet(folder / "predictions.parquet")["object_id"]
    assert sorted(tested) == sorted(split.loc[split["role"] == "test", "object_id"])
    assert set(tested) <= set(target.catalogue["object_id"])


@pytest.mark.long
def test_two_processes_in_each_job_of_a_sweep_make_one_run_folder_per_job(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=61).path
    common = ["field=hsc6b", "network=plain", f"data.store={store}", f"paths.runs={tmp_path / 'runs'}", "jobs=1"]
    photoz_lit("-m", *common, "scale.max_epochs=1", "trainer=ddp", "trainer.devices=2", "seed=0,1")
    folders = sorted((tmp_path / "runs" / "hsc6b").iterdir())
    assert [folder.name[:5] for folder in folders] == ["seed0", "seed1"]
    assert all((folder / "metrics.json").is_file() for folder in folders)
