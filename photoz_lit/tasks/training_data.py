"""Galaxies and splits of a training; labels of target fields are visible to the evaluation only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from photoz_lit.alignment.build import labels_of
from photoz_lit.config import Config
from photoz_lit.data.domains import AdaptationSplit, split_fields, warnings_of
from photoz_lit.data.folds import N_FOLDS
from photoz_lit.data.label_weights import galaxy_weights, require_label_weights
from photoz_lit.data.sample import Sample
from photoz_lit.data.split import Split, split_sample
from photoz_lit.errors import InputError
from photoz_lit.evaluation.mismatch.domain_probe import FEWEST
from photoz_lit.rows import RowCount
from photoz_lit.tasks.data_source import adaptation_sample_of, sample_of


@dataclass(frozen=True)
class TrainingData:
    """Galaxies and splits of a job.

    Attributes
    ----------
    sample : galaxies as training sees them; without the targets' labels in an adaptation.
    evaluated : the same rows with the labels that evaluation compares with; its field is the target's in an adaptation.
    splits : per tested fold.
    fields : names of source and targets; only the field's own name where nothing is adapted.
    warnings : what the user should know before the training.
    aligned : whether images of the targets take part in the training.
    """

    sample: Sample
    evaluated: Sample
    splits: dict[int, Split]
    fields: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    aligned: bool = False

    @property
    def first(self) -> Split:
        """Split of the first fold."""
        return next(iter(self.splits.values()))

    @property
    def adapted(self) -> bool:
        """Whether there are target fields beside the one with labels."""
        return len(self.fields) > 1

    @property
    def rows(self) -> RowCount:
        """Rows of the stores read, used and left out; a row counts as used if it is in any split."""
        used = np.zeros(len(self.sample), bool)
        for split in self.splits.values():
            for part in (value for value in vars(split).values() if isinstance(value, np.ndarray)):
                used[part] = True
        known = self.evaluated.labelled
        rows = self.sample.rows.without("without redshift", int((~used & ~known).sum()))
        reason = "without a part in this adaptation" if self.adapted else "beyond data.n_labelled"
        return rows.without(reason, int((~used & known).sum())).checked(int(used.sum()))


def training_data(config: Config) -> TrainingData:
    """Read or simulate the galaxies that a config asks for, and split them.

    Raises
    ------
    InputError : stores, bands and labels do not fit; or an adaptation has no target or too few galaxies.
    """
    return _several_fields(config) if config.data.adapts else _one_field(config)


def _one_field(config: Config) -> TrainingData:
    if config.adapt.parts:
        raise InputError(
            f"adapt={config.adapt.name} needs a target: give data.target=<store> or data.target_fields=[<field>]."
        )
    if config.data.source_select is not None:
        raise InputError("data.source_select is for adaptations; choose galaxies with data.select.")
    sample = sample_of(config)
    n_labelled = config.data.n_labelled
    splits = {fold: split_sample(sample, fold, n_labelled, config.seed) for fold in _folds(config)}
    return TrainingData(sample, sample, splits, (sample.field.name,), tuple(_label_weights(config, sample, splits)))


def _several_fields(config: Config) -> TrainingData:
    adapt = config.adapt
    joined = adaptation_sample_of(config)
    by_fold = {fold: split_fields(joined, fold, labels_of(adapt)) for fold in _folds(config)}
    if adapt.uses_target_images:
        for split in by_fold.values():
            _require_probe(split, joined.names)
    target = joined.full.field.model_copy(update={"name": "+".join(joined.names[1:])})
    return TrainingData(
        joined.blind,
        replace(joined.full, field=target),
        dict(by_fold),
        joined.names,
        (*warnings_of(joined, by_fold[0]), *_label_weights(config, joined.blind, by_fold)),
        aligned=adapt.uses_target_images,
    )


def _folds(config: Config) -> list[int]:
    return list(range(N_FOLDS)) if config.cv.folds else [0]


def _label_weights(config: Config, sample: Sample, splits: Mapping[int, Split]) -> list[str]:
    """Check ``data.label_weights``; return a sentence where some training galaxies have weight 0."""
    weights = config.data.label_weights
    if not weights:
        return []
    for split in splits.values():
        require_label_weights(sample, {"train on": split.train, "validate on": split.validation}, weights)
    train = next(iter(splits.values())).train
    idle = int((galaxy_weights(sample.catalogue["z_source"].iloc[train], weights) == 0).sum())
    return [f"{idle:,} of {len(train):,} galaxies to train on have the weight 0 in data.label_weights."] if idle else []


def _require_probe(split: AdaptationSplit, names: tuple[str, ...]) -> None:
    """Refuse fields with too few validation galaxies to tell how far they are apart."""
    for name, rows in ((names[0], split.validation), ("+".join(names[1:]), split.target_validation)):
        if len(rows) < FEWEST:
            raise InputError(
                f"'{name}' has {len(rows)} galaxies for validation and the probe needs {FEWEST}; give a larger store."
            )
