"""Fit and apply a network that is carried from a source field to target fields."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger

from photoz_lit.config import Config
from photoz_lit.data.degrade import Degradation, degradation
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.field_numbers import field_numbers
from photoz_lit.data.module import CutoutDataModule, Split
from photoz_lit.data.pixels import stretch
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling import is_main_process
from photoz_lit.data.two_fields import AdaptationDataModule
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.evaluation.conditions import measured_conditions
from photoz_lit.evaluation.domain_probe import domain_probe
from photoz_lit.locks import locked
from photoz_lit.modules.aligned import DomainAdversarialCNN
from photoz_lit.modules.checkpoint_files import read_checkpoint
from photoz_lit.modules.cnn import VAL_LOSS
from photoz_lit.modules.epochs import BEST
from photoz_lit.modules.features import network_features
from photoz_lit.modules.frozen_features import by_source, frozen_features, teach_discriminator
from photoz_lit.networks.settings import AdaptSettings
from photoz_lit.run_folder import write_json

REPORT = "adaptation.json"
STARTS = "starts"
FIT = "fit.json"
MONITOR = "val_selection"
LOSS_BEFORE, LOSS_AFTER = "val_loss_before", "val_loss_after"
SKY_GALAXIES = 1000  # whose pixels tell the noise of the source


class AdaptationEstimator(CNNEstimator):
    """One network of an adaptation, in two steps.

    First the network is trained on the labelled field as any other; this start is kept below ``paths.runs`` and shared
    by all methods and targets that begin from it. Then it is adapted: the discriminator is taught on the start's
    frozen features until it wins on held-out galaxies; only then λ rises. The epoch is chosen by ``val_selection``, in
    which no label of a target takes part. Every method, also ``none``, goes through the second step with as many
    labelled images.

    Parameters
    ----------
    config : the run's config.
    loggers : get the curve beside ``metrics.csv``.
    """

    def __init__(self, config: Config, loggers: list[Logger] | None = None) -> None:
        super().__init__(config, loggers)
        self.degradation: Degradation | None = None

    def adversarial(self, sample: Sample) -> DomainAdversarialCNN:
        """Build the module of the adaptation, with fresh weights."""
        adapt = self.config.adapt
        arguments = self.arguments(sample.bands, sample.stamp_size, sample.field)
        return DomainAdversarialCNN(
            **{**arguments, "learning_rate": adapt.learning_rate},
            adapt=adapt.model_dump(),
            fields=[view.store.header.field for view in sample.views],
            stores=[view.store.data_hash for view in sample.views],
        )

    def fit(self, sample: Sample, split: Split, seed: int, folder: Path) -> None:
        """Train on the labelled field and adapt.

        Parameters
        ----------
        sample : joined and blind, see :class:`~photoz_lit.data.domains.AdaptationSample`.
        split : an :class:`~photoz_lit.data.domains.AdaptationSplit`.
        seed : of weights, order and augmentation.
        folder : of this member; ``adaptation.json`` says what the discriminator and the probe found, and the
            validation loss on the labelled field before it and after.

        Raises
        ------
        InputError : no discriminator wins on frozen features, and ``adapt.without_win`` is ``stop``.
        """
        assert isinstance(split, AdaptationSplit)
        adapt = self.config.adapt
        if adapt.degrade:
            self.degradation = measured_degradation(sample, split)
        data = self.data_module(sample, split, seed)
        assert isinstance(data, AdaptationDataModule)
        guidance = data.guidance() if adapt.uses_target_images else {}  # what does not fit is told before the start
        weights = self._start(sample, split, seed)
        torch.manual_seed(seed)
        module = self.adversarial(sample)
        start = read_checkpoint(weights)
        module.load_state_dict(start["state_dict"], strict=False)
        if module.calibration is not None:
            some = split.train[np.sort(np.random.default_rng(0).permutation(len(split.train))[:SKY_GALAXIES])]
            module.calibration.measure_sky(stretch(torch.from_numpy(sample.flux(some))))
        module.seed = seed
        report: dict[str, Any] = {"method": adapt.name, "start": weights.parent.name} | loss_in(start, LOSS_BEFORE)
        if adapt.uses_target_images:
            module.probe = probe_auc
            known, held = frozen_features(module, data, split)
            report["probe_auc_before"] = probe_auc(*by_source(held))
            report |= guidance
            if module.adversary is not None:
                report |= teach_discriminator(module.adversary, known, held, adapt, data.batch_size, seed)
                module.won = bool(report["wins"])
        folder.mkdir(parents=True, exist_ok=True)
        if is_main_process():
            write_json(folder / REPORT, report)
        if not module.won and adapt.without_win == "stop":
            raise InputError(_nothing_to_align(adapt, module.fields, report["frozen_accuracy"]))
        self.module = module
        original = self.config
        self.config = original.model_copy(
            update={"trainer": original.trainer.model_copy(update={"max_epochs": adapt.epochs})}
        )
        try:
            self.run_training(data, folder, MONITOR, title="adaptation")
        finally:
            self.config = original
        if not is_main_process():
            return
        self.fit_report |= how_it_started(weights.parent)
        report |= loss_in(read_checkpoint(folder / BEST), LOSS_AFTER)
        if adapt.uses_target_images:
            _, held = frozen_features(module, data, split, known=False)
            report["probe_auc_after"] = probe_auc(*by_source(held))
            if module.calibration is not None:
                report["calibration"] = module.calibration.found(sample.bands)
        write_json(folder / REPORT, report)

    def _any_galaxies(self, sample: Sample, split: Split, seed: int, training: bool) -> CutoutDataModule:
        """Batches of any sample, with the fields that the network knows."""
        data = super().data_module(sample, split, seed, training)
        data.galaxies.columns["domain"] = torch.from_numpy(self.domains(sample))
        return data

    def domains(self, sample: Sample) -> NDArray[np.int64]:
        """Number of each galaxy's field, (N,); see :func:`~photoz_lit.data.field_numbers.field_numbers`."""
        assert isinstance(self.module, DomainAdversarialCNN)
        return field_numbers(sample, self.module.fields, self.module.stores)[sample.part]

    def features(self, sample: Sample, galaxies: NDArray[np.int64], device: str | None = None) -> NDArray[np.float32]:
        """Features of some galaxies, (n, F), from images as predictions take them: a target's are calibrated."""
        assert isinstance(self.module, DomainAdversarialCNN)
        return network_features(self.module, sample, galaxies, device=device, domain=self.domains(sample))

    def data_module(self, sample: Sample, split: Split, seed: int, training: bool = True) -> CutoutDataModule:
        """Batches of the joined sample, or of any sample where only predictions are asked for."""
        adapt = self.config.adapt
        if not isinstance(split, AdaptationSplit):
            return self._any_galaxies(sample, split, seed, training)
        return AdaptationDataModule(
            sample,
            split,
            with_targets=adapt.uses_target_images,
            tolerance=adapt.tolerance if adapt.guided else None,
            match_bands=adapt.match_bands,
            degradation=self.degradation,
            **{**self.data_options(seed, training), "batch_size": adapt.batch_size or self.config.data.batch_size},
        )

    def load(self, folder: Path) -> None:
        """Read the weights of the chosen epoch.

        Raises
        ------
        InputError : they are not there or cannot be read.
        """
        self.module = self.read_module(folder, DomainAdversarialCNN)

    def _start(self, sample: Sample, split: AdaptationSplit, seed: int) -> Path:
        """Checkpoint of the network trained on the labelled field, made now where no other run has made it."""
        folder = self.config.paths.runs / STARTS / self._start_name(sample, split, seed)
        done = folder / "done"
        if is_main_process():
            with locked(folder.with_suffix(".lock")):
                if not done.is_file():
                    self._train_start(sample, split, seed, folder)
                    done.touch()
        elif not done.is_file():
            self._train_start(sample, split, seed, folder)
        return folder / BEST

    def _train_start(self, sample: Sample, split: AdaptationSplit, seed: int, folder: Path) -> None:
        start = _StartEstimator(self.config)
        start.degradation = self.degradation
        start.fit(sample, split, seed, folder)
        if is_main_process():
            write_json(folder / FIT, start.fit_report)

    def _start_name(self, sample: Sample, split: AdaptationSplit, seed: int) -> str:
        """Name from all that shapes the start: network, training, field, labelled galaxies, seed; not the method."""
        config = self.config
        sections = ("network", "modality", "fusion", "module", "scale", "trainer")
        content = config.model_dump(mode="json", by_alias=True, include=set(sections))
        for name in ("name", "progress", "threads", "evaluation_precision"):
            del content["trainer"][name]
        labelled = sorted(set(sample.part[split.train].tolist()))
        stores = [sample.views[number].store.data_hash for number in labelled]
        content["field"] = sample.field.model_dump(mode="json")
        rows = sample.catalogue.iloc[np.concatenate([split.train, split.validation])]
        galaxies = hashlib.sha256(rows[["object_id", "z"]].to_csv().encode()).hexdigest() if len(labelled) else ""
        data = [config.data.batch_size, config.data.augment, config.data.label_weights, config.data.weighted_sampling]
        worsened = None if self.degradation is None else hash_of(self.degradation)
        identity = [content, stores, galaxies, list(sample.bands), data, worsened, seed]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:10]
        return f"seed{seed}-{digest}"


class _StartEstimator(CNNEstimator):
    """Trains on the labelled galaxies of a joined sample alone."""

    degradation: Degradation | None = None

    def data_module(self, sample: Sample, split: Split, seed: int, training: bool = True) -> AdaptationDataModule:
        assert isinstance(split, AdaptationSplit)
        return AdaptationDataModule(
            sample, split, with_targets=False, degradation=self.degradation, **self.data_options(seed, training)
        )


def _nothing_to_align(adapt: AdaptSettings, fields: Sequence[str], accuracy: float) -> str:
    return (
        f"adapt={adapt.name}: no discriminator tells {', '.join(fields[1:])} from {fields[0]} by this network's"
        f" features (accuracy {accuracy:.3f} on held-out galaxies, adapt.least_accuracy={adapt.least_accuracy:g} is"
        f" asked for, {adapt.discriminator_tries} tries of {adapt.discriminator_steps} steps), so there is nothing to"
        " align; choose adapt=none, more adapt.discriminator_steps, or adapt.without_win=unaligned, which trains on"
        " without aligning."
    )


def how_it_started(folder: Path) -> dict[str, float]:
    """How often the start in a folder was a dead network, its validation loss and that of one PDF for all galaxies.

    Empty for a start that was made before its report was kept.
    """
    file = folder / FIT
    known: dict[str, float] = json.loads(file.read_text()) if file.is_file() else {}
    return {name: value for name, value in known.items() if name != "epochs"}  # the adaptation has epochs of its own


def loss_in(checkpoint: dict[str, Any], name: str) -> dict[str, float]:
    """Validation loss of a checkpoint's weights on the labelled field, under a name; empty where none was measured."""
    return {name: checkpoint[VAL_LOSS]} if VAL_LOSS in checkpoint else {}


def probe_auc(source: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """AUC of a linear probe that tells source features (n, F) from target features (m, F); 0.5 is not at all."""
    return domain_probe(source, target, seed=0).auc


def measured_degradation(sample: Sample, split: AdaptationSplit) -> Degradation:
    """What carries the source to the targets' conditions, both measured from pixels of training galaxies."""
    rows = np.concatenate([split.train[sample.part[split.train] == SOURCE], split.target_train])
    source, target = rows[sample.part[rows] == SOURCE], rows[sample.part[rows] != SOURCE]
    return degradation(
        measured_conditions(sample, source),
        measured_conditions(sample, target),
        sample.field.pixel_scale,
        sample.stamp_size,
    )


def hash_of(worsening: Degradation) -> str:
    """Hash of a degradation."""
    digest = hashlib.sha256()
    for tensor in (worsening.kernels, worsening.power, worsening.background):
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:16]
