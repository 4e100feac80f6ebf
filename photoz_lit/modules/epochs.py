"""What a training keeps after every epoch: the best weights, the last state, and the curve."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint

from photoz_lit.data.sampling import is_main_process, of_all_ranks, world
from photoz_lit.files import whole_file
from photoz_lit.networks.checkpoint import BEST

LAST = "last.ckpt"
CURVE = "metrics.csv"


class EpochKeeper(Checkpoint):
    """Writes ``best.ckpt``, ``last.ckpt`` and ``metrics.csv`` (one row per epoch) into a folder at every epoch's end.

    The state of the last epoch holds all that the next one depends on, with the curve so far, so that a training that
    was stopped at any moment goes on as if it had not been.

    Parameters
    ----------
    folder : of this member.
    monitor : what the best epoch has the least of.

    Attributes
    ----------
    rows : one per epoch, with ``epoch``, ``step`` and what was logged.
    best : the least value of ``monitor`` so far.
    """

    def __init__(self, folder: Path, monitor: str) -> None:
        self.folder = folder
        self.monitor = monitor
        self.rows: list[dict[str, float]] = []
        self.best = math.inf
        self._has_best = False
        self._validated = -1
        self._stopped = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Stop at once where the training had stopped itself before it was interrupted."""
        trainer.should_stop = trainer.should_stop or self._stopped

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Remember that this epoch's validation is of this epoch."""
        self._validated = trainer.current_epoch

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Keep the epoch; Lightning calls the keepers of checkpoints after all other callbacks."""
        epoch = trainer.current_epoch
        found = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if self._validated != epoch:  # max_steps ended it: what is there is of the epoch before
            found = {name: value for name, value in found.items() if not name.startswith("val_")}
        row = {"epoch": epoch, "step": trainer.global_step - 1, **dict(sorted(found.items()))}
        self.rows = [*(one for one in self.rows if one["epoch"] < epoch), row]
        self._stopped = trainer.should_stop
        value = found.get(self.monitor)
        if value is not None and trainer.strategy.broadcast(not self._has_best or value < self.best):
            self.best, self._has_best = math.inf if math.isnan(value) else value, True
            trainer.save_checkpoint(self.folder / BEST)
        trainer.save_checkpoint(self.folder / LAST)
        if trainer.is_global_zero:
            self._write_curve()

    def _write_curve(self) -> None:
        names = dict.fromkeys(name for row in self.rows for name in row)
        with whole_file(self.folder / CURVE) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(names))
            writer.writeheader()
            writer.writerows(self.rows)

    def state_dict(self) -> dict[str, Any]:
        """Curve, best value and the random numbers' state of every rank."""
        return {
            "rows": self.rows,
            "best": self.best,
            "has_best": self._has_best,
            "stopped": self._stopped,
            "random": of_all_ranks(_random_state()),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned; another number of ranks draws new random numbers."""
        self.rows, self.best = list(state_dict["rows"]), float(state_dict["best"])
        self._has_best, self._stopped = bool(state_dict["has_best"]), bool(state_dict["stopped"])
        rank, ranks = world()
        states = state_dict["random"]
        if len(states) == ranks:
            _set_random_state(states[rank])
        if is_main_process():
            self._write_curve()  # the training may have been stopped between its state and its curve


def _random_state() -> dict[str, torch.Tensor]:
    """State of torch's random numbers on the CPU and, where there is one, on this rank's GPU."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _set_random_state(state: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
