"""Lightning's Trainer, as the config asks for it."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, RichProgressBar
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]  # of its __all__
from pytorch_lightning.utilities.exceptions import MisconfigurationException  # type: ignore[attr-defined]

from photoz_lit.config import TrainerSettings
from photoz_lit.errors import InputError
from photoz_lit.modules.checkpoint_files import CheckpointFiles
from photoz_lit.modules.epoch_lines import EpochLines
from photoz_lit.modules.epochs import EpochKeeper
from photoz_lit.modules.evaluation_precision import precision_plugin
from photoz_lit.modules.finite_loss import FiniteLoss
from photoz_lit.modules.stopping import StopsAtOnce
from photoz_lit.networks.precision import best_precision


def build_trainer(
    settings: TrainerSettings,
    folder: Path | None = None,
    loggers: list[Logger] | None = None,
    monitor: str = "val_loss",
    callbacks: Sequence[pl.Callback] = (),
    title: str = "training",
) -> pl.Trainer:
    """Trainer that keeps the epoch of the lowest ``monitor``, the last one and the curve in ``folder``.

    Parameters
    ----------
    settings : section ``trainer``.
    folder : of this member; ``metrics.csv`` is written there too. None keeps nothing, to predict with.
    loggers : get the curve beside ``metrics.csv``.
    monitor : what the best epoch has the least of.
    callbacks : further ones.
    title : what is trained, for the lines of a log file.

    Raises
    ------
    InputError : this machine has no such devices, or they do not fit the strategy.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    accelerator = settings.accelerator
    if accelerator == "auto":
        accelerator = "gpu" if torch.cuda.is_available() else "cpu"
    used: list[Any] = [*callbacks, StopsAtOnce()]
    drawn = settings.progress and sys.stdout.isatty()
    if folder is not None:
        used += [FiniteLoss(), EpochKeeper(folder, monitor)]
        if not sys.stdout.isatty():
            used.append(EpochLines(title))
    if folder is not None and settings.patience is not None:
        used.append(EarlyStopping(monitor, patience=settings.patience))
    if drawn:
        used.append(RichProgressBar())
    precision = precision_of(settings, accelerator)
    _require_devices(settings, accelerator)
    in_float32 = precision_plugin(precision, accelerator) if settings.evaluation_precision == "float32" else None
    try:
        return pl.Trainer(
            accelerator=accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            strategy=settings.strategy,
            max_epochs=settings.max_epochs,
            max_steps=settings.max_steps,
            precision=None if in_float32 else precision,  # type: ignore[arg-type]
            gradient_clip_val=settings.gradient_clip,
            logger=loggers or False,
            enable_checkpointing=folder is not None,
            callbacks=used,
            plugins=[CheckpointFiles(), *([in_float32] if in_float32 else []), *_cluster()],
            enable_progress_bar=drawn,
            enable_model_summary=False,
            use_distributed_sampler=False,  # the data module shares the galaxies out itself, without repeating any
            num_sanity_val_steps=0,
        )
    except (MisconfigurationException, ImportError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise InputError(f"'{_shown(settings)}' does not suit this machine: {reason}.") from error


def _require_devices(settings: TrainerSettings, accelerator: str) -> None:
    """Refuse devices that are not there, before Lightning starts a process for each.

    Raises
    ------
    InputError : names ``trainer.devices``.
    """
    if accelerator == "cpu":
        cores = os.cpu_count() or 1
        if settings.devices == "auto" or (isinstance(settings.devices, int) and 0 < settings.devices <= 4 * cores):
            return
        known = f"up to {4 * cores} processes, on {cores} cores"
    else:
        gpus = torch.cuda.device_count()
        asked = max(settings.devices) + 1 if isinstance(settings.devices, list) else settings.devices
        if isinstance(asked, str) or (gpus and asked <= gpus):
            return
        known = f"GPUs of which there are {gpus}" if gpus else "no GPU, so give trainer=cpu"
    raise InputError(f"'{_shown(settings)}' does not suit this machine: it has {known}.")


def _shown(settings: TrainerSettings) -> str:
    keys = ("accelerator", "devices", "strategy")
    return " ".join(f"trainer.{key}={getattr(settings, key)}" for key in keys)


def _cluster() -> list[SLURMEnvironment]:
    """Slurm as it is, without Lightning's requeue, which would write checkpoints beside the run folder.

    A requeued job goes on from the run folder's own checkpoint, as any repeated command does.
    """
    return [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []


def precision_of(settings: TrainerSettings, accelerator: str) -> str:
    """Precision of the training step: as given, or what the processor is fast in."""
    if settings.precision != "auto":
        return settings.precision
    return best_precision("cuda" if accelerator == "gpu" else "cpu")


def quieten() -> None:
    """Leave out Lightning's hints that do not concern an astronomer."""
    for name in ("utilities.rank_zero", "accelerators.cuda", "trainer.connectors.checkpoint_connector"):
        logging.getLogger(f"pytorch_lightning.{name}").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
    warnings.filterwarnings("ignore", ".*smaller than the logging interval.*")
    warnings.filterwarnings("ignore", ".*custom batch sampler.*")
    warnings.filterwarnings("ignore", ".*isinstance\\(treespec, LeafSpec\\).*")
