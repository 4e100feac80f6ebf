"""Batches that are sent ahead are the batches, in their order, and each is sent before the one ahead is taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.prefetch import Batch, DeviceBatches
from photoz_lit.data.sample import load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import CutoutStore
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import load_field
from tests.composed import composed

CPU = torch.device("cpu")


def module_of(store: CutoutStore, **options: object) -> CutoutDataModule:
    sample = load_sample([store], load_field("hsc6b"), 32)
    return CutoutDataModule(sample, split_sample(sample), batch_size=8, **options)  # type: ignore[arg-type]


def test_batches_are_the_loaders(store: CutoutStore) -> None:
    plain, ahead = (module_of(store, prefetch=prefetch).train_dataloader() for prefetch in (False, True))
    assert isinstance(ahead, DeviceBatches)
    assert len(ahead) == len(plain) > 2
    for one, other in zip(plain, ahead, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_next_batch_is_on_its_way_while_one_is_worked_on() -> None:
    read: list[int] = []

    def loader() -> Iterator[Batch]:
        for number in range(3):
            read.append(number)
            yield {"index": torch.tensor([number])}

    taken = [(int(batch["index"]), len(read)) for batch in DeviceBatches(loader(), CPU)]  # type: ignore[arg-type]
    assert taken == [(0, 2), (1, 3), (2, 3)]
    assert list(DeviceBatches([], CPU)) == []  # type: ignore[arg-type]


def test_on_a_cpu_nothing_is_sent_ahead_unless_asked(store: CutoutStore) -> None:
    assert not isinstance(module_of(store).train_dataloader(), DeviceBatches)


@pytest.mark.parametrize("options", [["data.prefetch=true"], ["data.prefetch=true", "data.resident=true"]])
def test_a_training_and_its_predictions_are_the_same_to_the_bit(
    store: CutoutStore, tmp_path: Path, options: list[str]
) -> None:
    sample = load_sample([store], load_field("hsc6b"), 32)
    split = split_sample(sample)
    pdfs = []
    for number, extra in enumerate(([], options)):
        estimator = CNNEstimator(composed("field=hsc6b", *extra))
        estimator.fit(sample, split, 3, tmp_path / str(number))
        pdfs.append(torch.from_numpy(estimator.predict(sample, split.test)))
    assert torch.equal(*pdfs)
    curves = [(tmp_path / str(number) / "metrics.csv").read_text() for number in range(2)]
    assert curves[0] == curves[1]
