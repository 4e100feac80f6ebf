"""A loss that is no number ends the training before it reaches a checkpoint, and says at which galaxies."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from photoz_lit.data.prefetch import Batch
from photoz_lit.errors import InputError

#: Steps between two looks by the kind of device, 50 where none is given: on all but a CPU each look waits for it.
EVERY = {"cpu": 1}
ELSEWHERE = 50
NAMED = 5  # galaxies in the sentence


class FiniteLoss(pl.Callback):
    """Watches the loss of every training step.

    It looks at each step on the CPU, on a GPU at every fiftieth and at each epoch's end, before the epoch's weights are
    validated and kept: the last checkpoint is good.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[int, Tensor, Tensor]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Forget what an interrupted epoch left."""
        self._waiting.clear()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Remember the step's loss and galaxies; look where it is time."""
        self._waiting.append((batch_idx, outputs["loss"].detach(), batch["index"]))
        if len(self._waiting) >= EVERY.get(pl_module.device.type, ELSEWHERE):
            self._look(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Look at the steps that are left, before their weights are judged."""
        self._look(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Look at the steps that are left where there was no validation."""
        self._look(trainer)

    def _look(self, trainer: pl.Trainer) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting or bool(torch.isfinite(torch.stack([loss for _, loss, _ in waiting])).all()):
            return
        number, loss, rows = next(one for one in waiting if not torch.isfinite(one[1]))
        raise InputError(
            f"the loss of batch {number + 1} in epoch {trainer.current_epoch + 1} is {float(loss)}:"
            f" {_galaxies(trainer, rows.cpu().numpy())}; the checkpoint of the last whole epoch stays. Leave them out"
            " with data.select, or give a smaller module.learning_rate or a trainer.gradient_clip."
        )


def _galaxies(trainer: pl.Trainer, rows: NDArray[Any]) -> str:
    """Names of a batch's first galaxies."""
    sample = getattr(getattr(trainer, "datamodule", None), "sample", None)
    if sample is None:
        return f"{len(rows)} galaxies"
    names = ", ".join(map(str, sample.catalogue["object_id"].to_numpy()[rows[:NAMED]]))
    return f"its galaxies are {names}" + (f" and {len(rows) - NAMED} more" if len(rows) > NAMED else "")
