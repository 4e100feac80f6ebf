"""Where the device's memory is too small a training asks for less, says so, and ends as it would have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.prefetch import Batch
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.estimators.memory import MemoryUse
from photoz_lit.estimators.training_time import seconds_per_image
from photoz_lit.fields import load_field
from photoz_lit.modules.cnn import PhotoZModule
from tests.composed import composed
from tests.conftest import make_store

REASON = "CUDA out of memory"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    store = make_store(tmp_path_factory.mktemp("m") / "store", n=80)
    return load_sample([open_store(store.path)], load_field("hsc6b"), 32)


@pytest.fixture
def device_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """A device that runs out of memory; it gives the list of what its network was tried with."""

    def limit(galaxies: int, with_images: bool = True, before_step: int = 0) -> list[int]:
        tried: list[int] = []
        weighted = PhotoZModule._weighted

        def limited(module: PhotoZModule, batch: Batch) -> torch.Tensor:
            tried.append(len(batch["z"]))
            held = module.trainer.datamodule.resident  # type: ignore[attr-defined]
            if len(tried) > before_step and (tried[-1] > galaxies or (held and not with_images)):
                raise torch.OutOfMemoryError(f"{REASON}. Tried to allocate 2.00 GiB.")
            return weighted(module, batch)

        monkeypatch.setattr(PhotoZModule, "_weighted", limited)
        return tried

    return limit


def fitted(sample: Sample, folder: Path, *overrides: str) -> CNNEstimator:
    estimator = CNNEstimator(composed("field=hsc6b", "trainer.precision=32-true", *overrides))
    estimator.fit(sample, split_sample(sample), 3, folder)
    return estimator


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(folder / "last.ckpt", weights_only=True)["state_dict"])


def test_images_leave_the_device_first_and_nothing_else_changes(
    sample: Sample, tmp_path: Path, device_with: Callable[..., list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    fitted(sample, tmp_path / "plain")
    device_with(16, with_images=False)
    estimator = fitted(sample, tmp_path / "limited", "data.resident=true")
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("memory:")]
    assert said == [f"memory: {REASON}; images are sent to the device batch by batch from now on (data.resident=false)"]
    assert (estimator.memory.streams, estimator.memory.pieces) == (True, 1)
    plain, limited = weights_of(tmp_path / "plain"), weights_of(tmp_path / "limited")
    assert all(torch.equal(plain[name], limited[name]) for name in plain)
    curves = [(tmp_path / name / "metrics.csv").read_text() for name in ("plain", "limited")]
    assert curves[0] == curves[1]


def test_then_batches_are_cut_until_a_piece_fits(
    sample: Sample, tmp_path: Path, device_with: Callable[..., list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    fitted(sample, tmp_path / "plain", "trainer.max_epochs=1")
    tried = device_with(4, with_images=False)
    estimator = fitted(sample, tmp_path / "limited", "data.resident=true", "trainer.max_epochs=1")
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("memory:")]
    assert said[1:] == [
        f"memory: {REASON}; a batch goes through the network in 2 pieces (trainer.micro_batches=2)",
        f"memory: {REASON}; a batch goes through the network in 4 pieces (trainer.micro_batches=4)",
    ]
    assert tried[:4] == [16, 16, 8, 4]
    assert max(tried[3:]) == 4
    assert estimator.memory.pieces == 4
    assert estimator.fit_report["micro_batches"] == 4
    assert estimator.fit_report["images_streamed"]
    plain, limited = weights_of(tmp_path / "plain"), weights_of(tmp_path / "limited")
    for name in plain:
        torch.testing.assert_close(plain[name], limited[name], rtol=1e-3, atol=1e-4)


def test_a_training_goes_on_from_its_last_whole_epoch(
    sample: Sample, tmp_path: Path, device_with: Callable[..., list[int]]
) -> None:
    tried = device_with(8, before_step=5)  # four steps are an epoch
    estimator = fitted(sample, tmp_path)
    assert tried[:6] == [16, 16, 16, tried[3], 16, 16]
    assert sum(tried[6:]) == sum(tried[:4])  # the second epoch alone
    assert estimator.fit_report["epochs"] == 2
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 3


def test_one_galaxy_that_does_not_fit_is_the_end(
    sample: Sample, tmp_path: Path, device_with: Callable[..., list[int]]
) -> None:
    tried = device_with(0)
    with pytest.raises(InputError, match=rf"{REASON}, with one galaxy at a time; give a smaller network\.width"):
        fitted(sample, tmp_path)
    assert tried == [16, 8, 4, 2, 1]


def test_predictions_go_in_smaller_batches(sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = fitted(sample, tmp_path, "trainer.max_epochs=1")
    rows = np.array([40, 2, 71, 5, 6, 7, 8, 9, 10, 11, 12])
    whole = estimator.predict(sample, rows)
    pdf = PhotoZModule.pdf

    def limited(module: PhotoZModule, batch: Batch) -> torch.Tensor:
        if len(batch["z"]) > 5:
            raise torch.OutOfMemoryError(REASON)
        return pdf(module, batch)

    monkeypatch.setattr(PhotoZModule, "pdf", limited)
    np.testing.assert_allclose(estimator.predict(sample, rows), whole, rtol=1e-5, atol=1e-8)
    assert estimator.memory.pieces == 4
    assert not estimator.memory.streams


def test_the_time_that_is_announced_is_of_what_fits(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = CNNEstimator(composed("field=hsc6b", "trainer.micro_batches=2"))
    tried: list[int] = []
    loss = PhotoZModule.loss

    def limited(module: PhotoZModule, output: Any, batch: Batch) -> torch.Tensor:
        tried.append(len(batch["z"]))
        if tried[-1] > 3:
            raise torch.OutOfMemoryError(REASON)
        return loss(module, output, batch)

    monkeypatch.setattr(PhotoZModule, "loss", limited)
    module = estimator.build(sample)
    data = CutoutDataModule(sample, split_sample(sample), **estimator.data_options(0))
    assert seconds_per_image(module, data, estimator.config.trainer) > 0
    assert tried[:3] == [8, 4, 2]


def test_ranks_do_not_change_their_way_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photoz_lit.estimators.memory.world", lambda: (1, 2))
    memory = MemoryUse(1, 64)

    def work() -> None:
        raise torch.OutOfMemoryError(REASON)

    with pytest.raises(InputError, match=r"several ranks train together, so give trainer\.micro_batches=2"):
        memory.enough_for(work)
