"""Running mean of the weights over a training: what is validated, kept and predicted with."""

from __future__ import annotations

from typing import Any

from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor


class RunningMeanOfWeights(WeightAveraging):
    """Lightning's weight averaging with an exponential mean that follows closely at first.

    After n steps the share min(decay, (1 + n) / (10 + n)) of the mean stays, so that the first, random weights are
    forgotten also in a short training (as in TensorFlow's ExponentialMovingAverage with ``num_updates``). Buffers are
    copied, not averaged.

    Parameters
    ----------
    decay : share of the mean that stays per step in the end.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        super().__init__(use_buffers=False, avg_fn=self._mean)

    def _mean(self, mean: Tensor, weight: Tensor, n: Any) -> Tensor:
        steps = float(n)
        return mean.lerp(weight, 1.0 - min(self.decay, (1.0 + steps) / (10.0 + steps)))
