"""SIGTERM ends a training within seconds and without loss; a loss that is no number ends it at its galaxies."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import load_field
from photoz_lit.modules import stopping
from photoz_lit.modules.checkpoint_files import read_checkpoint
from photoz_lit.modules.finite_loss import FiniteLoss
from tests.composed import composed
from tests.conftest import make_store

SETTINGS = ("field=hsc6b", "network=plain", "trainer.max_epochs=3", "scale.batch_size=16")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    store = make_store(tmp_path_factory.mktemp("stopping") / "store", n=80)
    return load_sample([open_store(store.path)], load_field("hsc6b"), 32)


def fit(sample: Sample, folder: Path, *overrides: str) -> CNNEstimator:
    estimator = CNNEstimator(composed(*SETTINGS, *overrides))
    estimator.fit(sample, split_sample(sample), 3, folder)
    return estimator


def in_step(sample: Sample, monkeypatch: pytest.MonkeyPatch, epoch: int, act: Callable[[object], None]) -> None:
    """Do something at the second step of an epoch."""
    module: type = type(CNNEstimator(composed(*SETTINGS)).build(sample))
    original = module.training_step

    def step(self: object, batch: object, batch_idx: int) -> torch.Tensor:
        if self.current_epoch == epoch and batch_idx == 1:  # type: ignore[attr-defined]
            act(self)
        loss: torch.Tensor = original(self, batch, batch_idx)
        return loss

    monkeypatch.setattr(module, "training_step", step)


def test_sigterm_goes_to_no_handler_of_lightning(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its broadcast would hang a training of several ranks."""
    seen: list[object] = []
    in_step(sample, monkeypatch, 0, lambda _: seen.append(signal.getsignal(signal.SIGTERM)))
    fit(sample, tmp_path, "trainer.max_epochs=1")
    (handler,) = seen
    assert getattr(handler, "__module__", "") == stopping.__name__


@pytest.mark.parametrize("workers", [0, 1])
def test_sigterm_ends_a_training_that_then_ends_as_the_undisturbed_one(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    overrides = (f"data.num_workers={workers}",)
    fit(sample, tmp_path / "whole", *overrides)
    with monkeypatch.context() as patch:
        in_step(sample, patch, 1, lambda _: os.kill(os.getpid(), signal.SIGTERM))
        process = multiprocessing.get_context("fork").Process(target=fit, args=(sample, tmp_path / "parts", *overrides))
        start = time.monotonic()
        process.start()
        process.join(120)
    assert process.exitcode == 128 + signal.SIGTERM
    assert time.monotonic() - start < 120
    assert not list((tmp_path / "parts").glob("*.partial*"))
    assert read_checkpoint(tmp_path / "parts" / "last.ckpt")["epoch"] == 0
    fit(sample, tmp_path / "parts", *overrides)
    a, b = (read_checkpoint(tmp_path / place / "last.ckpt")["state_dict"] for place in ("whole", "parts"))
    assert all(torch.equal(value, b[key]) for key, value in a.items())


def test_a_training_that_explodes_keeps_its_last_good_checkpoint(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(module: object) -> None:
        with torch.no_grad():
            for parameter in module.parameters():  # type: ignore[attr-defined]
                parameter.fill_(float("inf"))

    in_step(sample, monkeypatch, 2, explode)
    with pytest.raises(
        InputError, match=r"batch 2 in epoch 3 is nan: its galaxies are .*, .* and 11 more; the checkpoint"
    ):
        fit(sample, tmp_path)
    for name in ("last.ckpt", "best.ckpt"):
        kept = read_checkpoint(tmp_path / name)
        assert kept["epoch"] <= 1
        assert all(torch.isfinite(value).all() for value in kept["state_dict"].values())


def test_on_a_gpu_it_looks_at_every_fiftieth_step_and_at_the_epochs_end() -> None:
    class Module:
        device = torch.device("cuda")

    class Trainer:
        current_epoch = 4

    watch, looked = FiniteLoss(), []
    for step in range(120):
        loss = torch.tensor(float("nan") if step == 60 else 1.0)
        try:
            watch.on_train_batch_end(Trainer(), Module(), {"loss": loss}, {"index": torch.arange(7)}, step)  # type: ignore[arg-type]
        except InputError as error:
            looked.append((step, str(error)))
    assert looked[0][0] == 99
    assert looked[0][1].startswith("the loss of batch 61 in epoch 5 is nan: 7 galaxies")
    assert len(looked) == 1
