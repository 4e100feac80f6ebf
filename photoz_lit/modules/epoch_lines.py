"""One line per epoch for a log file, where no progress bar can be drawn."""

from __future__ import annotations

import time

import pytorch_lightning as pl

from photoz_lit.progress import time_left

#: Logged name -> what it is called in the line.
SHOWN = {"train_loss": "train loss", "val_loss": "val loss", "val_sigma_mad": "σ_MAD", "val_probe_auc": "probe AUC"}


class EpochLines(pl.Callback):
    """Prints epoch, losses, σ_MAD of the validation and the time left after every epoch.

    Parameters
    ----------
    title : what is trained, e.g. ``training`` or ``adaptation``.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._start = 0.0
        self._first = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Start the clock; a training that goes on starts at a later epoch."""
        self._start, self._first = time.monotonic(), trainer.current_epoch

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Print the line, from the first rank alone."""
        if not trainer.is_global_zero:
            return
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 0
        found = trainer.callback_metrics
        values = [f"{label} {float(found[name]):.4f}" for name, label in SHOWN.items() if name in found]
        each = (time.monotonic() - self._start) / (done - self._first)
        left = [f"{time_left(each * (total - done))} left"] if total >= done else []
        print(f"{self.title}: epoch {done}/{total}", *values, *left, sep=", ", flush=True)
