from __future__ import annotations

from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from photoz_lit.modules.trainer import build_trainer
from tests.composed import composed


class Products(pl.LightningModule):
    """Keeps the product of a matrix with its batch, as each kind of step computes it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weight = torch.nn.Parameter(torch.randn(8, 64))
        self.seen: dict[str, Tensor] = {}

    def step(self, name: str, batch: Tensor) -> Tensor:
        product = batch @ self.weight.T
        self.seen[name] = product.detach().clone()
        return product.float().square().mean()

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self.step("training", batch)

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.step("validation", batch)
        self.log("val_loss", 0.0)

    def test_step(self, batch: Tensor, batch_idx: int) -> None:
        self.step("test", batch)

    def predict_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self.step("prediction", batch)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def steps(*overrides: str) -> tuple[Products, Tensor]:
    trainer = build_trainer(composed("trainer=cpu", "scale.max_epochs=1", "trainer.progress=false", *overrides).trainer)
    module, batch = Products(), torch.randn(16, 64, generator=torch.Generator().manual_seed(1))
    loader: DataLoader[Tensor] = DataLoader(batch, batch_size=16)  # type: ignore[arg-type]
    trainer.fit(module, loader, loader)
    trainer.test(module, loader, verbose=False)
    trainer.predict(module, loader)
    return module, batch


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_only_the_training_step_is_rounded(precision: str) -> None:
    module, batch = steps(f"trainer.precision={precision}")
    exact = batch @ module.weight.T
    for name in ("validation", "test", "prediction"):
        assert module.seen[name].dtype == torch.float32, name
        assert torch.equal(module.seen[name], exact), name
    rounded = module.seen["training"]
    assert rounded.dtype == (torch.bfloat16 if precision == "bf16-mixed" else torch.float32)
    assert torch.equal(rounded.float(), exact) == (precision == "32-true")


def test_evaluation_in_the_precision_of_the_training_where_asked_for() -> None:
    module, _ = steps("trainer.precision=bf16-mixed", "trainer.evaluation_precision=training")
    assert {value.dtype for value in module.seen.values()} == {torch.bfloat16}
