"""Running mean of the weights over a training: what is validated, kept and predicted with."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor


class RunningMeanOfWeights(WeightAveraging):
    """Lightning's weight averaging with an exponential mean that follows closely at first.

    After n steps the share min(decay, (1 + n) / (10 + n)) of the mean stays, so that the first, random weights are
    forgotten also in a short training (as in TensorFlow's ExponentialMovingAverage with ``num_updates``). Buffers are
    copied, not averaged. The mean is kept where the network is, and all weights move in one call; the steps are counted
    here, for torch's own counter would be asked of the device twice per step and once per weight.

    Parameters
    ----------
    decay : share of the mean that stays per step in the end.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._steps = 0
        super().__init__(use_buffers=False)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Copy the network to where it will be trained; it is not there yet."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Take the count of a training that goes on."""
        assert self._average_model is not None
        self._steps = int(self._average_model.n_averaged)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_of_the_step: Any) -> None:
        """Move the mean after a step."""
        if trainer.global_step > self._latest_update_step:
            self._follow(pl_module)
            self._latest_update_step = trainer.global_step

    @torch.no_grad()
    def _follow(self, module: pl.LightningModule) -> None:
        average = self._average_model
        assert average is not None
        means: list[Tensor] = list(average.module.parameters())
        weights: list[Tensor] = list(module.parameters())
        if self._steps == 0:
            torch._foreach_copy_(means, weights)
        else:
            share = min(self.decay, (1.0 + self._steps) / (10.0 + self._steps))
            torch._foreach_lerp_(means, weights, 1.0 - share)
        for mean, own in zip(average.module.buffers(), module.buffers(), strict=True):
            mean.copy_(own)
        average.n_averaged += 1
        self._steps += 1
