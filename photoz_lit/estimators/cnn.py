"""Fit and apply a LightningModule."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger

from photoz_lit.config import Config
from photoz_lit.data.module import CutoutDataModule, Split
from photoz_lit.data.pixels import stretch
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling import gathered, is_main_process
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.modules.averaging import RunningMeanOfWeights
from photoz_lit.modules.checkpoint_files import read_checkpoint
from photoz_lit.modules.cnn import VAL_LOSS, PhotoZModule
from photoz_lit.modules.dead_network import (
    RESTARTS,
    DeadNetworkStop,
    curve_of_dead,
    loss_of_one_pdf,
    restart_seed,
    set_aside,
)
from photoz_lit.modules.epochs import BEST, LAST
from photoz_lit.modules.features import network_features
from photoz_lit.modules.trainer import build_trainer
from photoz_lit.targets import find_class

#: Settings of the section ``module`` that the estimator acts on, not the module.
NOT_OF_THE_MODULE = {"name", "target", "recipe", "standardise", "weight_average", "tta"}


class CNNEstimator:
    """One network of a run.

    Parameters
    ----------
    config : the run's config.
    loggers : get the curve beside ``metrics.csv``.
    """

    def __init__(self, config: Config, loggers: list[Logger] | None = None) -> None:
        self.config = config
        self.loggers = loggers or []
        self.module: PhotoZModule | None = None
        self.trainer: pl.Trainer | None = None
        self.fit_report: dict[str, float] = {}
        _quieten()

    def build(self, sample: Sample) -> PhotoZModule:
        """Build the module of the config for a sample's bands and stamps, with fresh weights."""
        return self.build_for(sample.bands, sample.stamp_size, sample.field)

    def build_for(self, bands: Sequence[str], stamp_size: int, field: Field) -> PhotoZModule:
        """Build the module for some bands, the side of the stamps [pixel] and a field's redshift bins.

        Raises
        ------
        InputError : network, modalities and module do not fit the bands, the stamps or each other.
        """
        return self._module_class()(**self.arguments(bands, stamp_size, field))

    def _module_class(self) -> type[PhotoZModule]:
        return find_class(self.config.module.target, PhotoZModule, "module", "module._target_")

    def arguments(self, bands: Sequence[str], stamp_size: int, field: Field) -> dict[str, Any]:
        """Arguments of the module for some bands, the side of the stamps [pixel] and a field's redshift bins."""
        config = self.config
        return {
            "network": config.network.model_dump(),
            "modality": config.modality.model_dump(),
            "fusion": config.fusion.model_dump(),
            "bands": list(bands),
            "stamp_size": stamp_size,
            "z_edges": field.z_edges.tolist(),
            "channels_last": config.trainer.channels_last,
            **config.module.model_dump(exclude=NOT_OF_THE_MODULE),
        }

    def data_module(self, sample: Sample, split: Split, seed: int, training: bool = True) -> CutoutDataModule:
        """Batches of the sample, as the config asks for them; weights of the draw count in training alone."""
        return CutoutDataModule(sample, split, **self.data_options(seed, training))

    def data_options(self, seed: int, training: bool = True) -> dict[str, Any]:
        """Arguments of a data module beside sample and split."""
        data = self.config.data
        return {
            "batch_size": data.batch_size,
            "seed": seed,
            "augment": data.augment,
            "num_workers": data.num_workers,
            "label_weights": data.label_weights,
            "weighted_sampling": data.weighted_sampling and training,
            "resident": data.resident,
        }

    def fit(self, sample: Sample, split: Split, seed: int, folder: Path) -> None:
        """Train; an interrupted training goes on from its last epoch. The weights of the best validation loss stay.

        A network that has learnt nothing after half of its training gives way to one with fresh weights, twice at
        most; its curve stays as ``metrics_died_<n>.csv``. Only the validation decides.
        """
        restarts = len(list(folder.glob(curve_of_dead("*"))))
        while True:
            stop = self._attempt(sample, split, restart_seed(seed, restarts), folder, last=restarts == RESTARTS)
            if not stop.dead:
                break
            assert self.trainer is not None
            if is_main_process():
                set_aside(folder, restarts)
            self.trainer.strategy.barrier()
            restarts += 1
        self.fit_report |= {"restarts": restarts, **stop.report()}

    def _attempt(self, sample: Sample, split: Split, seed: int, folder: Path, last: bool) -> DeadNetworkStop:
        """Train one network, to its end where it is the last that may be tried."""
        pl.seed_everything(seed, verbose=False)
        self.module = self.build(sample)
        if self.config.module.standardise:
            some = np.sort(np.random.default_rng(seed).choice(split.train, min(len(split.train), 2048), replace=False))
            self.module.standardise(stretch(torch.from_numpy(sample.flux(some))))
        if self.config.trainer.compile:
            self.module.network.compile()
        data = self.data_module(sample, split, seed)
        stop = DeadNetworkStop(loss_of_one_pdf(self.module, data), only_watches=last)
        decay = self.config.module.weight_average
        averaging = [] if decay is None else [RunningMeanOfWeights(decay)]
        self.run_training(data, folder, callbacks=[stop, *averaging])
        return stop

    def run_training(
        self,
        data: CutoutDataModule,
        folder: Path,
        monitor: str = VAL_LOSS,
        callbacks: Sequence[pl.Callback] = (),
        title: str = "training",
    ) -> None:
        """Train the module as it is, or go on after the last whole epoch of an interrupted training.

        The weights of the best epoch stay.

        Raises
        ------
        KeyboardInterrupt : the training was interrupted.
        """
        assert self.module is not None
        self.trainer = build_trainer(self.config.trainer, folder, self.loggers, monitor, callbacks, title)
        last = folder / LAST
        self.trainer.fit(self.module, data, ckpt_path=str(last) if last.is_file() else None, weights_only=True)
        if self.trainer.interrupted:
            raise KeyboardInterrupt
        self.fit_report = {"epochs": self.trainer.current_epoch}
        if not (folder / BEST).is_file():
            self.trainer.save_checkpoint(folder / BEST)  # max_steps ended it before the first validation
        self._take_best(folder)

    def load(self, folder: Path) -> None:
        """Read the weights of the best validation loss.

        Raises
        ------
        InputError : they are not there or cannot be read.
        """
        self.module = self.read_module(folder, self._module_class())

    @staticmethod
    def read_module(folder: Path, kind: type[PhotoZModule]) -> PhotoZModule:
        """Rebuild the module of a member's best checkpoint.

        Raises
        ------
        InputError : the checkpoint is not there or cannot be read.
        """
        path = folder / BEST
        checkpoint = read_checkpoint(path)
        try:
            module = kind(**checkpoint["hyper_parameters"])
            module.load_state_dict(checkpoint["state_dict"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"{path} does not fit the network of its run ({reason}); train the run again.") from error
        return module

    def predict(
        self, sample: Sample, galaxies: NDArray[np.int64], dropped: Collection[str] = ()
    ) -> NDArray[np.float32]:
        """PDFs of some galaxies, (n, n_bins), in their order; under DDP every rank returns all of them."""
        assert self.module is not None
        self.module.images_per_galaxy = self.config.images_per_galaxy
        self.module.dropped = self.module.network.check_dropped(dropped) if dropped else frozenset()
        trainer = self.trainer or build_trainer(self.config.trainer)
        data = self.data_module(sample, Split(galaxies, galaxies, galaxies, -1), seed=0, training=False)
        parts: Any = trainer.predict(self.module, datamodule=data)
        index = np.concatenate([part[0].numpy() for part in parts]) if parts else np.empty(0, np.int64)
        pdf = np.concatenate([part[1].numpy() for part in parts]) if parts else np.empty((0, sample.field.n_bins))
        index, pdf = gathered(index), gathered(pdf)
        position = np.empty(len(sample), np.int64)
        position[index] = np.arange(len(index))
        return np.asarray(pdf[position[galaxies]], np.float32)

    def features(self, sample: Sample, galaxies: NDArray[np.int64], device: str | None = None) -> NDArray[np.float32]:
        """Features of some galaxies, (n, F), in their order."""
        assert self.module is not None
        return network_features(self.module, sample, galaxies, device=device)

    def _take_best(self, folder: Path) -> None:
        assert self.module is not None
        self.module.load_state_dict(read_checkpoint(folder / BEST)["state_dict"])


def _quieten() -> None:
    """Leave out Lightning's hints that do not concern an astronomer."""
    for name in ("utilities.rank_zero", "accelerators.cuda", "trainer.connectors.checkpoint_connector"):
        logging.getLogger(f"pytorch_lightning.{name}").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
    warnings.filterwarnings("ignore", ".*smaller than the logging interval.*")
    warnings.filterwarnings("ignore", ".*custom batch sampler.*")
    warnings.filterwarnings("ignore", ".*isinstance\\(treespec, LeafSpec\\).*")
