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

from photoz_lit.alignment.build import batches_of, degradation_of, require_magnitudes, source_weights_of
from photoz_lit.alignment.part import Start
from photoz_lit.alignment.sky_noise import some_images
from photoz_lit.config import Config
from photoz_lit.data.degrade import Degradation
from photoz_lit.data.domains import SOURCE, AdaptationSplit, store_field_numbers
from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling import is_main_process
from photoz_lit.data.split import Split
from photoz_lit.data.two_fields import AdaptationDataModule
from photoz_lit.errors import InputError
from photoz_lit.estimators.adaptation_report import (
    FIT,
    LOSS_AFTER,
    LOSS_BEFORE,
    REPORT,
    colour_evidence,
    held_features,
    how_it_started,
    loss_in,
    probe_auc,
)
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import Field
from photoz_lit.files import locked, write_json
from photoz_lit.modules.aligned import AlignedModule
from photoz_lit.modules.checkpoint_files import read_module
from photoz_lit.modules.features import aligned_features, by_source, network_features
from photoz_lit.networks.checkpoint import BEST, read_checkpoint
from photoz_lit.setting_roles import identity, keys_of

STARTS = "starts"
MONITOR = "val_selection"
#: Settings that reach the training on the labelled field.
OF_THE_START = (
    *("network.", "modality.", "fusion.", "module.", "scale.", "trainer."),
    *("data.batch_size", "data.augment", "data.label_weights", "data.weighted_sampling"),
)
SKY_GALAXIES = 1000  # whose pixels tell the noise of the source


class AdaptationEstimator(CNNEstimator):
    """One network of an adaptation, in two steps.

    First the network is trained on the labelled field as any other; this start is kept below ``paths.runs`` and shared
    by all methods and targets that begin from it. Then it is adapted: the discriminator is taught on the start's
    frozen features until it wins on held-out galaxies; only then λ rises. The epoch is chosen by ``val_selection``, in
    which no label of a target takes part. Every method, also ``none``, goes through the second step with as many
    labelled images.

    """

    def __init__(self, config: Config, loggers: Sequence[Logger] = ()) -> None:
        super().__init__(config, loggers)
        self.degradation: Degradation | None = None
        self.weights: NDArray[np.float64] | None = None  # of all galaxies in the redshift loss

    def check(self, bands: Sequence[str], stamp_size: int, field: Field) -> None:
        """Build the network, on images alone: nothing aligns the values of two catalogues."""
        if self.settings.catalogue_inputs:
            raise InputError("network.catalogue_inputs: an adaptation aligns what images show; leave them out.")
        if self.config.trainer.micro_batches > 1:
            raise InputError("trainer.micro_batches: an adaptation aligns whole batches; give 1 and a smaller batch.")
        super().check(bands, stamp_size, field)

    def check_sample(self, sample: Sample) -> None:
        """Refuse catalogues without the magnitudes that the adaptation compares."""
        super().check_sample(sample)
        require_magnitudes(self.config.adapt, sample)

    def planned(self, split: Split) -> tuple[int, int]:
        """Return the epochs of a training and its adaptation, and how many images go through both."""
        epochs, images = super().planned(split)
        of_each = 2 if self.config.adapt.uses_target_images else 1
        return epochs + self.config.adapt.epochs, images + len(split.train) * self.config.adapt.epochs * of_each

    @property
    def label(self) -> str:
        """The network's, and the way of adapting."""
        return f"{super().label}-{self.config.adapt.name}"

    def aligned(self, sample: Sample) -> AlignedModule:
        """Build the module of the adaptation, with fresh weights."""
        adapt = self.config.adapt
        arguments = self.arguments(sample.bands, sample.stamp_size, sample.field)
        return AlignedModule(
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
        folder : of this member; ``adaptation.json`` says what the parts and the probe found, and the validation loss on
            the labelled field before the adaptation and after.

        Raises
        ------
        InputError : a part finds nothing to align, and ``adapt.without_win`` is ``stop``.
        """
        assert isinstance(split, AdaptationSplit)
        adapt = self.config.adapt
        self.degradation = degradation_of(adapt, sample, split)
        weighted = source_weights_of(adapt, sample, split)
        self.weights = None if weighted is None else weighted[0]
        data = self.data_module(sample, split, seed)
        assert isinstance(data, AdaptationDataModule)
        guidance = data.guidance() if adapt.uses_target_images else {}  # refuses what does not fit before the start
        weights = self._start(sample, split, seed)
        torch.manual_seed(seed)
        module = self.module = self.aligned(sample)
        start = read_checkpoint(weights)
        module.load_state_dict(start["state_dict"], strict=False)
        module.seed = seed
        report: dict[str, Any] = {"method": adapt.name, "start": weights.parent.name} | loss_in(start, LOSS_BEFORE)
        report |= {} if weighted is None else weighted[1]
        report |= colour_evidence(sample, split)
        for part in module.alignments():
            report |= part.measure(sample, split)
        if adapt.uses_target_images:
            report |= guidance | self._prepare(module, data, split, seed)
        folder.mkdir(parents=True, exist_ok=True)
        if is_main_process():
            write_json(folder / REPORT, report)
        if module.nothing_to_align and adapt.without_win == "stop":
            raise InputError(f"adapt={adapt.name}: {module.nothing_to_align}")
        self._adapt(data, folder)
        if not is_main_process():
            return
        self.fit_report |= how_it_started(weights.parent)
        report |= loss_in(read_checkpoint(folder / BEST), LOSS_AFTER)
        if adapt.uses_target_images:
            report["probe_auc_after"] = probe_auc(*by_source(held_features(module, data, split)))
            for part in module.alignments():
                report |= part.report()
        write_json(folder / REPORT, report)

    def _prepare(
        self, module: AlignedModule, data: AdaptationDataModule, split: AdaptationSplit, seed: int
    ) -> dict[str, Any]:
        """Let the parts get ready with the start's features; return what they and the probe find."""
        batches = batches_of(module.adapt)
        assert batches is not None
        own = split.train[data.sample.part[split.train] == SOURCE]
        start = Start(
            aligned_features(module, data, own, split.target_train),
            held_features(module, data, split),
            lambda: some_images(data.sample, split.train, SKY_GALAXIES),
            batches,
            data.batch_size,
            seed,
        )
        module.probe = probe_auc
        report: dict[str, Any] = {"probe_auc_before": probe_auc(*by_source(start.held))}
        for part in module.alignments():
            report |= part.prepare(start)
        return report

    def _adapt(self, data: AdaptationDataModule, folder: Path) -> None:
        """Train for ``adapt.epochs``."""
        original = self.config
        trainer = original.trainer.model_copy(update={"max_epochs": original.adapt.epochs})
        self.config = original.model_copy(update={"trainer": trainer})
        try:
            self.run_training(data, folder, MONITOR, title="adaptation")
        finally:
            self.config = original

    def domains(self, sample: Sample) -> NDArray[np.int64]:
        """Number of each galaxy's field, (N,); see :func:`~photoz_lit.data.domains.store_field_numbers`."""
        assert isinstance(self.module, AlignedModule)
        return store_field_numbers(sample, self.module.fields, self.module.stores)[sample.part]

    def features(self, sample: Sample, galaxies: NDArray[np.int64], device: str | None = None) -> NDArray[np.float32]:
        """Features of some galaxies, (n, F), from images as predictions take them: a target's are calibrated."""
        assert self.module is not None
        return network_features(self.module, sample, galaxies, device=device, domain=self.domains(sample))

    def data_module(self, sample: Sample, split: Split, seed: int, training: bool = True) -> CutoutDataModule:
        """Batches of the joined sample, or of any sample where only predictions are asked for."""
        adapt = self.config.adapt
        if not isinstance(split, AdaptationSplit):
            data = super().data_module(sample, split, seed, training)
            data.galaxies.columns["domain"] = torch.from_numpy(self.domains(sample))
            return data
        batches = batches_of(adapt)
        return AdaptationDataModule(
            sample,
            split,
            with_targets=batches is not None,
            guide=None if batches is None else batches.matcher,
            match_bands=() if batches is None else batches.options.match_bands,
            degradation=self.degradation,
            weights=self.weights,
            **{**self.data_options(seed, training), "batch_size": adapt.batch_size or self.config.data.batch_size},
        )

    def load(self, folder: Path) -> None:
        """Read the weights of the chosen epoch.

        Raises
        ------
        InputError : they are not there or cannot be read.
        """
        self.module = read_module(folder / BEST, AlignedModule)

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
        start.once = self.once  # the network that was looked at becomes the start
        start.degradation, start.weights = self.degradation, self.weights
        start.fit(sample, split, seed, folder)
        if is_main_process():
            write_json(folder / FIT, start.fit_report)

    def _start_name(self, sample: Sample, split: AdaptationSplit, seed: int) -> str:
        """Name from all that shapes the start: network, training, field, labelled galaxies, seed; not the method."""
        settings = {name: value for name, value in identity(self.config).items() if name.startswith(OF_THE_START)}
        settings.pop("module.calibration", None)  # of PDFs, after a training
        labelled = sorted(set(sample.part[split.train].tolist()))
        stores = [sample.views[number].store.data_hash for number in labelled]
        field = {key.name: key.value for key in keys_of({"field": sample.field.model_dump(mode="json")}) if key.in_id}
        rows = sample.catalogue.iloc[np.concatenate([split.train, split.validation])]
        galaxies = hashlib.sha256(rows[["object_id", "z"]].to_csv().encode()).hexdigest() if len(labelled) else ""
        worsened = None if self.degradation is None else self.degradation.digest()
        identity_of_start = [settings, field, stores, galaxies, list(sample.bands), worsened, seed]
        if self.weights is not None:
            identity_of_start.append(hashlib.sha256(self.weights.tobytes()).hexdigest())
        digest = hashlib.sha256(json.dumps(identity_of_start, sort_keys=True).encode()).hexdigest()[:10]
        return f"seed{seed}-{digest}"


class _StartEstimator(CNNEstimator):
    """Trains on the labelled galaxies of a joined sample alone."""

    degradation: Degradation | None = None
    weights: NDArray[np.float64] | None = None

    def data_module(self, sample: Sample, split: Split, seed: int, training: bool = True) -> AdaptationDataModule:
        assert isinstance(split, AdaptationSplit)
        return AdaptationDataModule(
            sample,
            split,
            with_targets=False,
            degradation=self.degradation,
            weights=self.weights,
            **self.data_options(seed, training),
        )
