"""A batch in pieces has the value and the gradient of the whole batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.prefetch import Batch
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.estimators.adaptation import AdaptationEstimator
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import load_field
from photoz_lit.modules.cnn import PhotoZModule
from photoz_lit.modules.micro_batches import pieces_of
from photoz_lit.networks.heads import NetworkOutput
from tests.composed import composed
from tests.conftest import make_store

MULTIMODAL = ("module=multimodal", "modality=neighbours")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    store = make_store(tmp_path_factory.mktemp("m") / "store", n=80)
    return load_sample([open_store(store.path)], load_field("hsc6b"), 32)


def step_of(module: PhotoZModule, batch: Batch, pieces: int) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
    """Loss and gradients of a training step."""
    module.micro_batches = pieces
    module.zero_grad()
    module.log = lambda *_, **__: None  # type: ignore[method-assign,assignment]
    loss = module.train().training_step(batch, 0)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach(), [None if one.grad is None else one.grad.clone() for one in module.parameters()]


def in_double(module: PhotoZModule) -> None:
    """Let heads and loss compute in float64: they take float32 whatever they are given."""
    heads = module.network.heads

    def output(trunk: torch.Tensor, ebv: torch.Tensor, _catalogue: None) -> NetworkOutput:
        features = heads.features(torch.cat([trunk, ebv], dim=1))
        return NetworkOutput(heads.pdf(features), heads.scalar(features).squeeze(1), features)

    def loss(found: NetworkOutput, batch: Batch) -> torch.Tensor:
        cross_entropy = functional.cross_entropy(found.logits, batch["z_bin"], reduction="none")
        return cross_entropy + (found.z_point - batch["z"]).abs()

    heads.forward = output  # type: ignore[method-assign,assignment]
    module.loss = loss  # type: ignore[method-assign]


def batch_of(sample: Sample, n: int, dtype: torch.dtype) -> Batch:
    data = CutoutDataModule(sample, split_sample(sample))
    batch = data.on_after_batch_transfer(data.galaxies.__getitems__(list(range(n))), 0)
    batch["weight"] = torch.linspace(0.2, 2.0, n)
    return {name: column.to(dtype) if column.is_floating_point() else column for name, column in batch.items()}


@pytest.mark.parametrize("pieces", [2, 3, 16, 99])
@pytest.mark.parametrize("options", [(), MULTIMODAL, ("network=plain",)])
def test_gradients_are_those_of_the_whole_batch(sample: Sample, options: tuple[str, ...], pieces: int) -> None:
    module = CNNEstimator(composed("field=hsc6b", "trainer.channels_last=false", *options)).build(sample).double()
    in_double(module)
    batch = batch_of(sample, 16, torch.float64)
    loss, whole = step_of(module, batch, 1)
    in_pieces, parts = step_of(module, batch, pieces)
    assert float(in_pieces) == pytest.approx(float(loss), rel=1e-12)
    for one, other in zip(whole, parts, strict=True):
        assert one is not None
        assert other is not None
        assert other.dtype == torch.float64
        torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-10 * float(one.abs().max()))


def test_no_piece_is_empty_and_every_galaxy_is_in_one(sample: Sample) -> None:
    batch = batch_of(sample, 7, torch.float32)
    assert [len(piece["image"]) for piece in pieces_of(batch, 3)] == [3, 3, 1]
    assert [len(piece["z"]) for piece in pieces_of(batch, 99)] == [1] * 7
    assert torch.equal(torch.cat([piece["index"] for piece in pieces_of(batch, 4)]), batch["index"])


def test_weights_that_nothing_reaches_or_that_are_frozen_have_no_gradient(sample: Sample) -> None:
    module = CNNEstimator(composed("field=hsc6b", *MULTIMODAL)).build(sample)
    module.dropped = frozenset(["u_g"])
    module.network.common.requires_grad_(False)
    batch = batch_of(sample, 8, torch.float32)
    whole, parts = (step_of(module, batch, pieces)[1] for pieces in (1, 2))
    assert [one is None for one in whole] == [one is None for one in parts]
    assert any(one is None for one in parts)
    assert any(one is not None for one in parts)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_training_in_pieces_ends_near_that_of_whole_batches(sample: Sample, tmp_path: Path, precision: str) -> None:
    losses = []
    for pieces in (1, 2):
        options = (f"trainer.micro_batches={pieces}", f"trainer.precision={precision}", "trainer.gradient_clip=1.0")
        estimator = CNNEstimator(composed("field=hsc6b", "trainer.max_epochs=1", *options))
        estimator.fit(sample, split_sample(sample), 3, tmp_path / str(pieces))
        assert estimator.trainer is not None
        losses.append(float(estimator.trainer.callback_metrics["train_loss"]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5 if precision == "32-true" else 1e-2)


def test_an_adaptation_refuses_pieces() -> None:
    config = composed("field=cosmos_ud", "data.target_fields=[xmm_d]", "adapt=dann", "trainer.micro_batches=2")
    with pytest.raises(InputError, match=r"trainer\.micro_batches: an adaptation aligns whole batches"):
        AdaptationEstimator(config).check(list("ugrizy"), 32, config.field)
