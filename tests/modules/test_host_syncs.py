"""No training step waits for the device: nothing is read from it but at an epoch's end and every fiftieth step.

On a GPU reading one number waits for all work that was queued before it. Here the CPU plays the device: whatever would
be read from it, or has a size that only the device knows, is caught while a training step runs.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import load_field
from photoz_lit.modules import finite_loss
from tests.composed import composed
from tests.conftest import make_store

WAITING = {"aten::_local_scalar_dense", "aten::is_nonzero", "aten::nonzero", "aten::masked_select", "aten::equal"}
#: Methods that copy to the host and are no operation of torch's.
READING = ("cpu", "numpy", "tolist")
#: Adam counts its steps in numbers that stay on the host.
OF_THE_HOST = "torch/optim/adam.py"


class Watch(TorchDispatchMode):
    """Notes every read between the first step and the last one's end."""

    def __init__(self) -> None:
        super().__init__()
        self.within_step = False
        self.found: list[str] = []

    def note(self, name: str) -> None:
        stack = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_stack()]
        if self.within_step and not any(OF_THE_HOST in one for one in stack):
            self.found.append(f"{name}: {[one for one in stack if 'photoz_lit' in one or 'lightning' in one][-1:]}")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name()
        by_mask = name.startswith("aten::index") and any(
            one is not None and one.dtype == torch.bool for part in args if isinstance(part, list) for one in part
        )
        if name in WAITING or by_mask:
            self.note(name)
        return func(*args, **(kwargs or {}))


class Steps(pl.Callback):
    """Tells the watch when a step begins, the batch's way to the device included; it looks from the second one on."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.steps = 0

    def on_train_batch_start(self, *_: Any) -> None:
        self.watch.within_step = True
        self.steps += 1

    def on_validation_start(self, *_: Any) -> None:
        self.watch.within_step = False

    def on_train_epoch_end(self, *_: Any) -> None:
        self.watch.within_step = False


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Watch, Steps]]:
    watch = Watch()
    steps = Steps(watch)
    for name in READING:
        usual = getattr(torch.Tensor, name)

        def reading(tensor: torch.Tensor, *args: Any, _name: str = name, _usual: Any = usual, **options: Any) -> Any:
            watch.note(_name)
            return _usual(tensor, *args, **options)

        monkeypatch.setattr(torch.Tensor, name, reading)
    transfer = CutoutDataModule.on_after_batch_transfer

    def transferring(data: CutoutDataModule, batch: Any, number: int) -> Any:
        watch.within_step = bool(data.trainer is not None and data.trainer.training)
        return transfer(data, batch, number)

    monkeypatch.setattr(CutoutDataModule, "on_after_batch_transfer", transferring)
    with watch:
        yield watch, steps


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    store = make_store(tmp_path_factory.mktemp("m") / "store", n=80)
    return load_sample([open_store(store.path)], load_field("hsc6b"), 32)


@pytest.mark.parametrize(
    "options",
    [
        ["module.recipe=fast"],
        ["module.recipe=published", "trainer.gradient_clip=1.0", "trainer.precision=bf16-mixed"],
        ["module=multimodal", "modality=neighbours", "modality.dropout=0.3", "trainer.micro_batches=2"],
    ],
    ids=["fast", "published", "multimodal"],
)
def test_no_training_step_reads_from_the_device(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setitem(finite_loss.EVERY, "cpu", 50)  # as on a GPU
    estimator = CNNEstimator(composed("field=hsc6b", "data.resident=true", "data.prefetch=true", *options))
    with watched(monkeypatch) as (watch, steps):
        run_training = estimator.run_training

        def with_steps(data: CutoutDataModule, folder: Path, callbacks: Any = (), **rest: Any) -> None:
            run_training(data, folder, callbacks=[steps, *callbacks], **rest)

        monkeypatch.setattr(estimator, "run_training", with_steps)
        estimator.fit(sample, split_sample(sample), 3, tmp_path)
    assert steps.steps == 2 * estimator.trainer.num_training_batches  # type: ignore[union-attr]
    assert watch.found == []


def test_the_watch_sees_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.tensor([1.0, 2.0])
    with watched(monkeypatch) as (watch, _):
        watch.within_step = True
        for read in (
            lambda: values.sum().item(),
            lambda: float(values[0]),
            lambda: bool(values.isfinite().all()),
            lambda: values[values > 1],
            lambda: values.cpu(),
            lambda: values.tolist(),
            lambda: values.numpy(),
            lambda: values.nonzero(),
        ):
            before = len(watch.found)
            read()
            assert len(watch.found) > before
    assert watch.found


@pytest.mark.parametrize("every", [1, 2, 50])
def test_a_loss_that_is_no_number_ends_the_training_before_its_weights_are_kept_however_late_it_is_seen(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    monkeypatch.setitem(finite_loss.EVERY, "cpu", every)
    estimator = CNNEstimator(composed("field=hsc6b", "trainer.max_epochs=2"))
    spoilt: list[str] = []
    loss = type(estimator.build(sample)).loss

    def loss_of(module: Any, output: Any, batch: Any) -> torch.Tensor:
        found: torch.Tensor = loss(module, output, batch)
        if module.training and module.trainer.current_epoch == 1 and module.trainer.global_step == 4:
            spoilt.append(sample.catalogue["object_id"][int(batch["index"][0])])
            return found * torch.nan
        return found

    monkeypatch.setattr("photoz_lit.modules.cnn.PhotoZModule.loss", loss_of)
    with pytest.raises(
        InputError, match=r"the loss of batch 1 in epoch 2 is nan: its galaxies are (?P<first>\S+),"
    ) as e:
        estimator.fit(sample, split_sample(sample), 3, tmp_path)
    assert spoilt[0] in str(e.value)
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert kept["epoch"] == 0
    assert all(torch.isfinite(one).all() for one in kept["state_dict"].values())
