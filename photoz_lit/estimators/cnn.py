"""Fit and apply a LightningModule."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger

from photoz_lit.config import Config
from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.pixels import stretch
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling import in_order, is_main_process
from photoz_lit.data.split import Split
from photoz_lit.data.store_view import bands_of_field
from photoz_lit.estimators.built_once import BuiltOnce
from photoz_lit.estimators.catalogue_values import catalogue_values, require_columns, what_stands_beside
from photoz_lit.estimators.estimator import Cost, Description, Estimator
from photoz_lit.estimators.memory import MemoryUse
from photoz_lit.estimators.network_label import network_label
from photoz_lit.estimators.starting_run import StartingRun
from photoz_lit.estimators.training_time import seconds_per_image
from photoz_lit.fields import Field
from photoz_lit.imaging.photometry import CONDITIONS
from photoz_lit.modules.averaging import RunningMeanOfWeights
from photoz_lit.modules.checkpoint_files import read_module
from photoz_lit.modules.cnn import VAL_LOSS, PhotoZModule
from photoz_lit.modules.compiled import compiled
from photoz_lit.modules.dead_network import (
    RESTARTS,
    DeadNetworkStop,
    curve_of_dead,
    dead_networks,
    loss_of_one_pdf,
    restart_seed,
    set_aside,
)
from photoz_lit.modules.epochs import LAST
from photoz_lit.modules.features import network_features
from photoz_lit.modules.trainer import build_trainer, quieten
from photoz_lit.networks.checkpoint import BEST, read_checkpoint
from photoz_lit.networks.complexity import complexity_of
from photoz_lit.networks.settings import MEASURED, NetworkSettings
from photoz_lit.networks.summary import network_summary
from photoz_lit.progress import time_left
from photoz_lit.targets import find_class

#: Settings of the section ``module`` that the estimator acts on, not the module.
NOT_OF_THE_MODULE = {
    *("name", "target", "recipe", "standardise", "weight_average", "tta", "calibration", "init", "frozen")
}


class CNNEstimator(Estimator):
    """One network of a run.

    Attributes
    ----------
    module : the network that was fitted or loaded.
    start : the run whose weights the training begins with, if any.
    once : builds the network that check, description and cost look at; the first fit takes it.
    """

    Settings = NetworkSettings
    settings: NetworkSettings

    def __init__(self, config: Config, loggers: Sequence[Logger] = ()) -> None:
        super().__init__(config, loggers)
        self.module: PhotoZModule | None = None
        self.trainer: pl.Trainer | None = None
        self.memory = MemoryUse(config.trainer.micro_batches, config.data.batch_size)
        self.start = None if config.module.init is None else StartingRun(config.module.init, config.module.frozen)
        self.once = BuiltOnce(config.seed, lambda arguments: self._module_class()(**arguments))
        quieten()

    def build(self, sample: Sample) -> PhotoZModule:
        """Build the network for a sample's bands and stamps, with fresh weights from the global random state.

        Raises
        ------
        InputError : network, modalities and module do not fit the bands, the stamps or each other.
        """
        return self._module_class()(**self.arguments(sample.bands, sample.stamp_size, sample.field))

    def built_for(self, bands: Sequence[str], stamp_size: int, field: Field) -> PhotoZModule:
        """Return the network for bands, the side of the stamps [pixel] and a field's bins, built once, or refuse it."""
        return self.once.module(self.arguments(bands, stamp_size, field))

    def check(self, bands: Sequence[str], stamp_size: int, field: Field) -> None:
        """Build the network and Lightning's Trainer: they say what does not fit."""
        build_trainer(self.config.trainer)
        module = self.built_for(bands_of_field(field, bands), stamp_size, field)
        if self.start is not None:
            self.start.tried_on(module, self.start.module())

    def check_sample(self, sample: Sample) -> None:
        """Refuse a catalogue without the columns that are read, or a field without what measuring them needs."""
        require_columns(sample, self.settings.catalogue_columns)
        if self.settings.catalogue_inputs == MEASURED:
            sample.field.require(CONDITIONS, "network.catalogue_inputs=measured", sample.bands)

    def describe(self, sample: Sample, split: Split, n_fits: int) -> Description:
        """Name recipe and time; the details are the network's branches, its fusion point and its cost."""
        module = self.built_for(sample.bands, sample.stamp_size, sample.field)
        data = CutoutDataModule(sample, split, **self.data_options(0))
        epochs, images = self.planned(split)
        seconds = seconds_per_image(module, data, self.config.trainer) * (images + len(split.validation) * epochs / 3)
        recipe = f"{self.config.module.recipe}; {self.config.images_per_galaxy} image(s) per galaxy predicted"
        time = f"about {time_left(n_fits * seconds)} for {n_fits} training(s) of {epochs} epochs, here"
        details = network_summary(module.network, sample.stamp_size, f"network {self.settings.name}")
        start = {} if self.start is None else {"start": self.start.said(module, sample, split)}
        beside = {"catalogue": what_stands_beside(self.settings)} if self.settings.catalogue_inputs else {}
        return Description({"recipe": recipe, **start, **beside, "time": time}, details)

    def planned(self, split: Split) -> tuple[int, int]:
        """Return the epochs of a training, and how many images go through it."""
        trainer = self.config.trainer
        images = len(split.train) * trainer.max_epochs
        if trainer.max_steps > 0:
            images = min(images, trainer.max_steps * self.config.data.batch_size)
        return trainer.max_epochs, images

    @property
    def label(self) -> str:
        """Network, fusion, modalities, bands and sizes that differ from the usual ones."""
        return network_label(self.config, self.settings)

    def cost(self, sample: Sample) -> Cost:
        """Count parameters and operations of the network."""
        module = self.module or self.built_for(sample.bands, sample.stamp_size, sample.field)
        complexity = complexity_of(module.network, sample.stamp_size)
        return Cost(complexity.parameters, round(complexity.gflop, 5), round(complexity.parallel.gflop, 5))

    def training_figures(self, n_train: int, fits: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Recipe, images seen, and networks that learnt nothing: ``restarts`` and, at the end, ``dead_networks``."""
        return {
            "recipe": self.config.module.recipe,
            "tta": self.config.images_per_galaxy,
            "restarts": sum(fit.get("restarts", 0) for fit in fits),
            "dead_networks": dead_networks(fits),
            "train_images": round(n_train * float(np.mean([fit["epochs"] for fit in fits]))),
        }

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
        data = CutoutDataModule(sample, split, **self.data_options(seed, training))
        if self.settings.catalogue_inputs:
            rows = np.unique(np.concatenate([split.train, split.validation, split.test]))
            values = self.catalogue_of(sample, rows)
            column = np.full((len(sample), values.shape[1]), np.nan, np.float32)
            column[rows] = values
            data.galaxies.columns["catalogue"] = torch.from_numpy(column)
        return data

    def catalogue_of(self, sample: Sample, galaxies: NDArray[np.int64]) -> NDArray[np.float32]:
        """Values of some galaxies that the network reads beside the image, (n, values), NaN where missing.

        Raises
        ------
        InputError : the catalogue lacks them.
        """
        return catalogue_values(self.settings, sample, galaxies)

    def data_options(self, seed: int, training: bool = True) -> dict[str, Any]:
        """Arguments of a data module beside sample and split."""
        data, memory = self.config.data, self.memory
        same = data.model_dump(include={"augment", "num_workers", "label_weights", "prefetch"})
        resident = data.resident if training and not memory.streams else False  # a prediction reads every stamp once
        size = data.batch_size if training else -(-data.batch_size // memory.pieces)
        drawn = data.weighted_sampling and training
        return {**same, "seed": seed, "batch_size": size, "resident": resident, "weighted_sampling": drawn}

    def fit(self, sample: Sample, split: Split, seed: int, folder: Path) -> None:
        """Train; an interrupted training goes on from its last epoch. The weights of the best validation loss stay.

        A network that has learnt nothing after half of its training gives way to one with fresh weights, twice at
        most; its curve stays as ``metrics_died_<n>.csv``. Only the validation decides.
        """
        restarts = len(list(folder.glob(curve_of_dead("*"))))
        while True:
            attempt = partial(self._attempt, sample, split, restart_seed(seed, restarts), folder, restarts == RESTARTS)
            stop = self.memory.enough_for(attempt, self._release)
            if not stop.dead:
                break
            assert self.trainer is not None
            if is_main_process():
                set_aside(folder, restarts)
            self.trainer.strategy.barrier()
            restarts += 1
        self.fit_report |= {"restarts": restarts, **stop.report(), **self.memory.report()}

    def _release(self) -> None:
        """Let go of what the device holds."""
        self.module = self.trainer = None

    def _attempt(self, sample: Sample, split: Split, seed: int, folder: Path, last: bool) -> DeadNetworkStop:
        """Train one network, to its end where it is the last that may be tried."""
        pl.seed_everything(seed, verbose=False)
        kept = self.once.taken(self.arguments(sample.bands, sample.stamp_size, sample.field), seed)
        self.module = self.build(sample) if kept is None else kept
        if self.config.module.standardise:
            some = np.sort(np.random.default_rng(seed).choice(split.train, min(len(split.train), 2048), replace=False))
            self.module.standardise(stretch(torch.from_numpy(sample.flux(some))))
        taken = None if self.start is None else self.start.begin(self.module, self.start.unseen(sample, split))
        compiled(self.module.network, self.config.trainer.compile)
        self.module.micro_batches = self.memory.pieces
        data = self.data_module(sample, split, seed)
        self.memory.watch(data)
        if self.module.network.heads.catalogue is not None:
            values = data.galaxies.columns["catalogue"][torch.from_numpy(split.train)]
            self.module.network.heads.catalogue.standardise(values)
        stop = DeadNetworkStop(loss_of_one_pdf(self.module, data), only_watches=last)
        decay = self.config.module.weight_average
        averaging = [] if decay is None else [RunningMeanOfWeights(decay)]
        self.run_training(data, folder, callbacks=[stop, *averaging])
        if taken is not None:
            self.fit_report["weights_taken"] = taken
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
        self.module.load_state_dict(read_checkpoint(folder / BEST)["state_dict"])

    def load(self, folder: Path) -> None:
        """Read the weights of the best validation loss.

        Raises
        ------
        InputError : they are not there or cannot be read.
        """
        self.module = read_module(folder / BEST, self._module_class())

    def predict(
        self, sample: Sample, galaxies: NDArray[np.int64], dropped: Collection[str] = ()
    ) -> NDArray[np.float32]:
        """PDFs of some galaxies, (n, n_bins), in their order; under DDP every rank returns all of them."""
        assert self.module is not None
        self.module.images_per_galaxy = self.config.images_per_galaxy
        self.module.dropped = self.module.network.check_dropped(dropped) if dropped else frozenset()
        trainer, split = self.trainer or build_trainer(self.config.trainer), Split(galaxies, galaxies, galaxies, -1)

        def batches() -> Any:
            data = self.data_module(sample, split, seed=0, training=False)
            self.memory.watch(data)
            return trainer.predict(self.module, datamodule=data) or []

        return in_order(self.memory.enough_for(batches), galaxies, sample.field.n_bins)

    def features(self, sample: Sample, galaxies: NDArray[np.int64], device: str | None = None) -> NDArray[np.float32]:
        """Features of some galaxies, (n, F), in their order."""
        assert self.module is not None
        catalogue = self.catalogue_of(sample, galaxies) if self.settings.catalogue_inputs else None
        return network_features(self.module, sample, galaxies, device=device, catalogue=catalogue)
