"""Lightning's Trainer, as the config asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint, RichProgressBar
from pytorch_lightning.loggers import CSVLogger, Logger

from photoz_lit.config import TrainerSettings
from photoz_lit.networks.precision import best_precision

BEST = "best.ckpt"
LAST = "last.ckpt"


def build_trainer(
    settings: TrainerSettings,
    folder: Path | None = None,
    loggers: list[Logger] | None = None,
    monitor: str = "val_loss",
    callbacks: Sequence[pl.Callback] = (),
) -> pl.Trainer:
    """Trainer that keeps the checkpoint of the lowest ``monitor`` and the last one in ``folder``.

    Parameters
    ----------
    settings : section ``trainer``.
    folder : of this member; ``metrics.csv`` is written there too. None keeps nothing, to predict with.
    loggers : further loggers beside the CSV one.
    monitor : what the best epoch has the least of.
    callbacks : further ones.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    accelerator = settings.accelerator
    if accelerator == "auto":
        accelerator = "gpu" if torch.cuda.is_available() else "cpu"
    used: list[Any] = [*callbacks]
    if folder is not None:
        best = Path(BEST).stem
        used.append(
            ModelCheckpoint(folder, filename=best, monitor=monitor, save_last=True, enable_version_counter=False)
        )
        loggers = [CSVLogger(folder, name="", version=""), *(loggers or [])]
    if folder is not None and settings.patience is not None:
        used.append(EarlyStopping(monitor, patience=settings.patience))
    if settings.progress:
        used.append(RichProgressBar())
    return pl.Trainer(
        accelerator=accelerator,
        devices=settings.devices,
        strategy=settings.strategy,
        max_epochs=settings.max_epochs,
        max_steps=settings.max_steps,
        precision=precision_of(settings, accelerator),  # type: ignore[arg-type]
        gradient_clip_val=settings.gradient_clip,
        logger=loggers or False,
        enable_checkpointing=folder is not None,
        callbacks=used,
        enable_progress_bar=settings.progress,
        enable_model_summary=False,
        use_distributed_sampler=False,  # the data module shares the galaxies out itself, without repeating any
        num_sanity_val_steps=0,
    )


def precision_of(settings: TrainerSettings, accelerator: str) -> str:
    """Precision of the Trainer: as given, or what the processor is fast in."""
    if settings.precision != "auto":
        return settings.precision
    return best_precision("cuda" if accelerator == "gpu" else "cpu")
