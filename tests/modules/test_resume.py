"""A training that is killed at any moment goes on as if it had not been."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.sampling import ShardedBatchSampler
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import load_field
from photoz_lit.modules.checkpoint_files import CheckpointFiles
from photoz_lit.modules.epochs import EpochKeeper
from photoz_lit.networks.checkpoint import read_checkpoint
from tests.composed import composed
from tests.conftest import make_store

SETTINGS = (
    "field=hsc6b", "network=plain", "trainer.max_epochs=4", "module=multimodal", "modality=neighbours",
    "modality.dropout=0.3", "scale.batch_size=16",
)  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    store = make_store(tmp_path_factory.mktemp("resume") / "store", n=80)
    return load_sample([open_store(store.path)], load_field("hsc6b"), 32)


def fit(sample: Sample, folder: Path, *overrides: str) -> CNNEstimator:
    estimator = CNNEstimator(composed(*SETTINGS, *overrides))
    estimator.fit(sample, split_sample(sample), 3, folder)
    return estimator


@pytest.fixture(scope="module")
def whole(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an uninterrupted training without workers."""
    folder = tmp_path_factory.mktemp("whole")
    fit(sample, folder)
    return folder


def killed(work: Callable[[], None]) -> None:
    """Run in a process that ends as one that gets no time to tidy up."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(120)
    assert process.exitcode == 9


def kill_in_epoch(sample: Sample, folder: Path, epoch: int, *overrides: str) -> None:
    """Train and die at the second step of an epoch."""

    def step(self: CNNEstimator, batch: object, batch_idx: int) -> torch.Tensor:
        if self.current_epoch == epoch and batch_idx == 1:  # type: ignore[attr-defined]
            os._exit(9)
        return original(self, batch, batch_idx)  # type: ignore[arg-type]

    def work() -> None:
        module.training_step = step
        fit(sample, folder, *overrides)

    module: type = type(CNNEstimator(composed(*SETTINGS)).build(sample))
    original = module.training_step
    killed(work)


def same(folder: Path, other: Path) -> None:
    assert (folder / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()
    for name in ("best.ckpt", "last.ckpt"):
        a, b = (read_checkpoint(place / name)["state_dict"] for place in (folder, other))
        assert a.keys() == b.keys()
        for key, value in a.items():
            assert torch.equal(value, b[key]), (name, key)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_workers_change_nothing_and_a_resumed_training_ends_as_the_uninterrupted_one(
    sample: Sample, whole: Path, tmp_path: Path, workers: int
) -> None:
    kill_in_epoch(sample, tmp_path, 2, f"data.num_workers={workers}")
    assert pd.read_csv(tmp_path / "metrics.csv")["epoch"].tolist() == [0, 1]
    fit(sample, tmp_path, f"data.num_workers={workers}")
    same(tmp_path, whole)


def test_a_training_of_the_published_recipe_is_resumed_too(sample: Sample, tmp_path: Path) -> None:
    recipe = ("module.recipe=published", "trainer.max_epochs=3", "data.num_workers=1")
    fit(sample, tmp_path / "whole", *recipe)
    kill_in_epoch(sample, tmp_path / "parts", 1, *recipe)
    fit(sample, tmp_path / "parts", *recipe)
    same(tmp_path / "parts", tmp_path / "whole")


def test_the_curve_has_one_row_per_epoch(whole: Path) -> None:
    curve = pd.read_csv(whole / "metrics.csv")
    assert curve["epoch"].tolist() == [0, 1, 2, 3]
    assert curve[["train_loss", "val_loss", "val_sigma_mad", "val_crps"]].notna().all(axis=None)


def trained_epochs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Epochs whose order is drawn from now on."""
    epochs: list[int] = []
    drawn = ShardedBatchSampler.epoch_order

    def recorded(self: ShardedBatchSampler) -> NDArray[np.int64]:
        if self.shuffle:
            epochs.append(self.epoch)
        return drawn(self)

    monkeypatch.setattr(ShardedBatchSampler, "epoch_order", recorded)
    return epochs


@pytest.mark.parametrize("epoch", [1, 3])
def test_only_the_epoch_under_way_is_trained_again(
    sample: Sample, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    kill_in_epoch(sample, tmp_path, epoch)
    epochs = trained_epochs(monkeypatch)
    fit(sample, tmp_path)
    assert epochs == list(range(epoch, 4))
    same(tmp_path, whole)


def test_a_training_that_is_killed_after_its_last_epoch_trains_none_again(
    sample: Sample, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def before_the_curve(self: EpochKeeper) -> None:
        if len(self.rows) == 4:
            os._exit(9)

    def work() -> None:
        EpochKeeper._write_curve = before_the_curve  # type: ignore[method-assign]
        fit(sample, tmp_path)

    killed(work)
    epochs = trained_epochs(monkeypatch)
    estimator = fit(sample, tmp_path)
    assert epochs == []
    assert estimator.fit_report["epochs"] == 4
    same(tmp_path, whole)


def test_a_checkpoint_is_there_whole_or_not_at_all(sample: Sample, tmp_path: Path) -> None:
    fit(sample, tmp_path, "trainer.max_epochs=1")
    kept = read_checkpoint(tmp_path / "last.ckpt")

    def work() -> None:
        def half(_content: object, file: object) -> None:
            file.write(b"half")  # type: ignore[attr-defined]
            file.flush()  # type: ignore[attr-defined]
            os._exit(9)

        torch.save = half
        CheckpointFiles().save_checkpoint(kept, tmp_path / "last.ckpt")

    killed(work)
    assert read_checkpoint(tmp_path / "last.ckpt")["global_step"] == kept["global_step"]


def test_a_training_that_had_stopped_itself_does_not_go_on(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = ("trainer.patience=1", "module.recipe=published", "module.learning_rate=1e-12")
    first = fit(sample, tmp_path, *impatient)
    assert first.fit_report["epochs"] < 4
    epochs = trained_epochs(monkeypatch)
    again = fit(sample, tmp_path, *impatient)
    assert epochs in ([], [first.fit_report["epochs"]])  # the iterator is made, no batch of it is trained on
    assert again.fit_report == first.fit_report


def test_every_flipped_bit_of_the_weights_is_noticed(whole: Path, tmp_path: Path) -> None:
    content = (whole / "best.ckpt").read_bytes()
    right = read_checkpoint(whole / "best.ckpt")["state_dict"]
    damaged = tmp_path / "best.ckpt"
    noticed = 0
    places = np.random.default_rng(0).integers(0, len(content), 60)
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 0x40
        damaged.write_bytes(changed)
        try:
            found = read_checkpoint(damaged)["state_dict"]
        except InputError as error:
            noticed += str(damaged) in str(error) and "\n" not in str(error)
        else:
            assert all(torch.equal(found[name], value) for name, value in right.items())
    assert noticed > 40  # the others lie in the padding between the tensors


def test_a_log_file_gets_a_line_per_epoch(sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(sample, tmp_path, "trainer.max_epochs=2")
    lines = [line for line in capsys.readouterr().out.splitlines() if "epoch" in line]
    assert [line.split(",")[0] for line in lines] == ["training: epoch 1/2", "training: epoch 2/2"]
    curve = pd.read_csv(tmp_path / "metrics.csv")
    for line, (_, row) in zip(lines, curve.iterrows(), strict=True):
        for label, name in (("train loss", "train_loss"), ("val loss", "val_loss"), ("σ_MAD", "val_sigma_mad")):
            assert f"{label} {row[name]:.4f}" in line
        assert line.endswith("left")
