"""Networks that predict one PDF for every galaxy: found by their validation loss, and replaced by new ones."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.modules.cnn import VAL_LOSS, PhotoZModule
from photoz_lit.modules.epochs import CURVE, LAST
from photoz_lit.networks.checkpoint import BEST

# Of 46 trainings of experiments/gain_by_survey one had 1.001 of the loss of one PDF after half of its epochs, and 1.000
# at its end; the others had 0.86 at most.
MARGIN = 0.02
LEAST_EPOCHS = 6  # a training that is not yet so long may still be about to learn
VAL_LOSS_ONE_PDF = "val_loss_one_pdf"
RESTARTS = 2  # networks with fresh weights that may take a dead one's place


def loss_of_one_pdf(module: PhotoZModule, data: CutoutDataModule) -> float:
    """Return the validation loss of one PDF for all galaxies: N(z) of the training galaxies, and its median.

    Parameters
    ----------
    module : gives the number of bins, and the loss of the scalar head.
    data : galaxies that are trained on, which give N(z) (one more in each bin, so that none is empty), and those that
        are validated on.

    Returns
    -------
    Mean over the validation galaxies, weighted as ``val_loss`` is.
    """
    columns = data.galaxies.columns
    train, validation = (torch.from_numpy(rows) for rows in (data.split.train, data.split.validation))
    weight = columns["weight"].double()
    drawn = weight[train]
    if data.sampling_weights is not None:
        drawn = drawn * torch.as_tensor(data.sampling_weights, dtype=torch.float64)
    n_bins = len(module.hparams["z_edges"]) - 1
    counts = torch.bincount(columns["z_bin"][train], drawn * len(train) / drawn.sum(), n_bins) + 1
    log_pdf = torch.log(counts / counts.sum())
    z = columns["z"].double()
    middle = z[train].mean() if module.hparams["point_loss"] == "mse" else z[train].median()
    point: Tensor = module.point_loss(middle.expand(len(validation)), z[validation])
    loss = float(module.hparams["point_loss_weight"]) * point - log_pdf[columns["z_bin"][validation]]
    return float((loss * weight[validation]).sum() / weight[validation].sum())


def learnt_nothing(val_loss: float, one_pdf: float) -> bool:
    """Whether the best validation loss is that of one PDF for all galaxies, within 2 %, or no number."""
    return not val_loss < (1 - MARGIN) * one_pdf


def dead_networks(fits: Iterable[Mapping[str, Any]]) -> int:
    """How many of some fits learnt nothing, by what :meth:`DeadNetworkStop.report` says of each."""
    return sum(learnt_nothing(fit[VAL_LOSS], fit[VAL_LOSS_ONE_PDF]) for fit in fits if VAL_LOSS in fit)


class DeadNetworkStop(pl.Callback):
    """Stops a training that has learnt nothing after half of its epochs (six at least).

    Parameters
    ----------
    one_pdf : of :func:`loss_of_one_pdf`.
    only_watches : never stop: it is the last network that may be tried.

    Attributes
    ----------
    best : the least validation loss so far.
    dead : whether it was stopped.
    """

    def __init__(self, one_pdf: float, only_watches: bool = False) -> None:
        self.one_pdf = one_pdf
        self.only_watches = only_watches
        self.best = float("inf")
        self.dead = False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Judge; the loss is the same on every rank, so all stop together."""
        self.best = min(self.best, float(trainer.callback_metrics[VAL_LOSS]))  # NaN stays behind
        half = -(-(trainer.max_epochs or 0) // 2)
        if not self.only_watches and trainer.current_epoch + 1 >= max(LEAST_EPOCHS, half):
            self.dead = learnt_nothing(self.best, self.one_pdf)
            trainer.should_stop = trainer.should_stop or self.dead

    def report(self) -> dict[str, float]:
        """``val_loss`` and ``val_loss_one_pdf``; nothing where there was no validation."""
        return {VAL_LOSS: self.best, VAL_LOSS_ONE_PDF: self.one_pdf} if math.isfinite(self.best) else {}

    def state_dict(self) -> dict[str, float]:
        """Best validation loss so far and the verdict, for a training that goes on after a break."""
        return {"best": self.best, "dead": self.dead}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.best, self.dead = state_dict["best"], bool(state_dict.get("dead", False))


def restart_seed(seed: int, restarts: int) -> int:
    """Return the seed of the network that replaces a dead one; the run's seed for the first network."""
    if restarts == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed}/restart/{restarts}".encode()).digest()[:4], "big")


def curve_of_dead(number: int | str) -> str:
    """Name of the training curve of a dead network."""
    return f"metrics_died_{number}.csv"


def set_aside(folder: Path, number: int) -> None:
    """Remove a dead network's weights and keep its curve under another name; last, for that name is what counts it."""
    for name in (LAST, BEST):
        (folder / name).unlink(missing_ok=True)
    (folder / CURVE).rename(folder / curve_of_dead(number))
