"""Galaxies of a source field and of target fields in one sample, blind to the targets' labels; and whose is whose."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from photoz_lit.data.folds import N_FOLDS
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.sampling_weights import RECIPE, SMOOTHING
from photoz_lit.data.selection import select
from photoz_lit.data.split import Split
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.fields import Field

SOURCE = 0
LABELS = ("z", "z_err", "weight", *RECIPE, *SMOOTHING)
#: The user gets a note on a target with fewer galaxies than this share of the source's.
FAR_SMALLER = 0.1


@dataclass(frozen=True)
class AdaptationSplit(Split):
    """A :class:`Split` of a joined sample: trained and validated on labels of one field, tested on the targets.

    Attributes
    ----------
    target_train : target galaxies whose images may be used in training, never their labels.
    target_validation : target galaxies whose images the probe may use when the epoch is chosen.
    source_test : labelled source galaxies that no network saw, to tell what adaptation costs at home.
    """

    target_train: NDArray[np.int64]
    target_validation: NDArray[np.int64]
    source_test: NDArray[np.int64]

    @property
    def images_only(self) -> tuple[NDArray[np.int64], ...]:
        """Target galaxies to train and to validate with."""
        return self.target_train, self.target_validation

    @property
    def further_tests(self) -> dict[str, NDArray[np.int64]]:
        """``source``: galaxies that tell what adaptation costs at home."""
        return {"source": self.source_test}


@dataclass(frozen=True)
class AdaptationSample:
    """A joined sample, twice: for training and for evaluation; rows are the same in both.

    Attributes
    ----------
    blind : the targets' labels are NaN and no column of the truth is there; all that training ever sees.
    full : the labels that evaluation compares with: the truth where it is simulated, else the store's labels.
    names : of the fields, the source first.
    """

    blind: Sample
    full: Sample
    names: tuple[str, ...]

    @property
    def domain(self) -> NDArray[np.int64]:
        """Number of every galaxy's field in ``names``, (N,); 0 is the source."""
        return self.full.part


def join_fields(
    source: CutoutStore,
    targets: Sequence[CutoutStore],
    field: Field,
    stamp_size: int,
    bands: Sequence[str] | None,
    selection: str | None,
    labels: str = "source",
    source_selection: str | None = None,
) -> AdaptationSample:
    """Join the stores of a source and of target fields.

    Objects within 1″ share a fold over all fields, so that a sky position that two of them cover is never on both
    sides of a split.

    Parameters
    ----------
    source, targets : opened stores.
    field : zero points and redshift grid, those of the source.
    stamp_size : [pixel].
    bands : names, in order; None takes all that are shared.
    selection : expression on the catalogue.
    labels : whose labels training may see, ``source`` or ``target`` (the oracle).
    source_selection : expression that source galaxies alone must satisfy too, so that the populations differ.

    Raises
    ------
    InputError : bands, sizes or kinds of data do not fit; or no target galaxy has a magnitude that the source has too.
    """
    for target in targets:
        for band in bands or ():
            if band not in target.header.bands and band in source.header.bands:
                raise InputError(
                    f"{target.path} has no band '{band}' and the source has; choose bands that both have with"
                    f" data.bands=[{','.join(b for b in source.header.bands if b in target.header.bands)}]."
                )
    joined = load_sample([source, *targets], field, stamp_size, bands, selection)
    if source_selection is not None:
        keep = (joined.part != SOURCE) | select(source_selection, joined.catalogue)
        joined = joined.take(keep, "data.source_select")
    domain = joined.part
    names = tuple(store.header.field for store in (source, *targets))
    for number, name in enumerate(names):
        if not (domain == number).any():
            raise InputError(
                f"no galaxy of field '{name}' is left after data.select and data.source_select; loosen them."
            )
    _require_overlap(joined, names)
    truth = joined.catalogue["z_true"] if "z_true" in joined.catalogue else joined.catalogue["z"]
    is_target = domain != SOURCE
    evaluated = joined.catalogue.assign(z=truth.fillna(joined.catalogue["z"]))
    if "z_true" in joined.catalogue:
        evaluated.loc[truth.notna(), "z_source"] = "truth"
    hidden = is_target if labels == "source" else ~is_target
    seen = joined.catalogue.drop(columns=[c for c in joined.catalogue if str(c).endswith("_true")])
    for column in LABELS:
        if column in seen:
            seen[column] = seen[column].mask(hidden)
    return AdaptationSample(replace(joined, catalogue=seen), replace(joined, catalogue=evaluated), names)


def _require_overlap(sample: Sample, names: tuple[str, ...]) -> None:
    magnitude = sample.catalogue[f"mag_{sample.field.reference_band}"].to_numpy(float)
    known = [magnitude[(sample.part == k) & np.isfinite(magnitude)] for k in range(len(names))]
    for name, values in zip(names, known, strict=True):
        if not len(values):
            raise InputError(f"no galaxy of field '{name}' has a {sample.field.reference_band} magnitude; give some.")
    ranges = [np.percentile(values, [1, 99]) for values in known]
    for name, (low, high) in zip(names[1:], ranges[1:], strict=True):
        if low > ranges[0][1] or high < ranges[0][0]:
            raise InputError(
                f"source '{names[0]}' has {sample.field.reference_band} magnitudes {ranges[0][0]:.1f} to"
                f" {ranges[0][1]:.1f} and target '{name}' {low:.1f} to {high:.1f}: none are alike; choose samples that"
                " overlap."
            )


def split_fields(sample: AdaptationSample, test_fold: int = 0, labels: str = "source") -> AdaptationSplit:
    """Split a joined sample: folds as in :func:`~photoz_lit.data.module.split_sample`, in every field.

    Training and validation galaxies are those of the field whose labels may be seen; every target galaxy of the test
    fold is tested, and no target galaxy of that fold is used in training, not even its image. The oracle is trained on
    no more labels than the source has.

    Raises
    ------
    InputError : one of the parts has no galaxy.
    """
    fold = sample.blind.catalogue["fold"].to_numpy()
    labelled = sample.blind.labelled
    validation_fold = (test_fold + 1) % N_FOLDS
    training = (fold != test_fold) & (fold != validation_fold)
    target = sample.domain != SOURCE
    known = np.isfinite(sample.full.catalogue["z"].to_numpy(float))
    parts = {
        "train": labelled & training,
        "validation": labelled & (fold == validation_fold),
        "test": target & (fold == test_fold),
        "target_train": target & training,
        "target_validation": target & (fold == validation_fold),
        "source_test": ~target & known & (fold == test_fold),
    }
    whose = " and ".join(sample.names[1:]) if labels == "target" else sample.names[0]
    for name, rows in parts.items():
        if not rows.any():
            raise InputError(f"'{whose}' leaves no galaxy for {name.replace('_', ' ')}; give larger stores.")
    chosen = {name: np.flatnonzero(rows) for name, rows in parts.items()}
    if labels == "target":
        most = int((~target & known & training).sum())
        chosen["train"] = np.sort(np.random.default_rng(test_fold).permutation(chosen["train"])[:most])
    return AdaptationSplit(**chosen, test_fold=test_fold)


def warnings_of(sample: AdaptationSample, split: AdaptationSplit) -> list[str]:
    """Return warnings before the training: labels in a target, a small target, the same store twice."""
    found = []
    views = sample.full.views
    n_source = int((sample.domain[split.train] == SOURCE).sum()) or len(split.train)
    for number, name in enumerate(sample.names[1:], start=1):
        n = int((sample.domain[split.target_train] == number).sum())
        if n < FAR_SMALLER * n_source:
            found.append(
                f"target '{name}' has {n} galaxies to adapt to and the source {n_source} to train on: each target image"
                " will be seen many times."
            )
        if views[number].store.data_hash == views[SOURCE].store.data_hash:
            found.append(f"source and target '{name}' are the same data: there is nothing to adapt.")
        rows = sample.full.catalogue[sample.domain == number]
        if (np.isfinite(rows["z"]) & (rows["z_source"] != "truth")).any():
            found.append(f"target '{name}' has labels: they are used to evaluate, never to train or to choose.")
    return found


def store_field_numbers(sample: Sample, fields: Sequence[str], stores: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of each store's field, 0 for the source; a calibration learnt for a target applies to it alone.

    The stores of the adaptation are known by their data, another store by its field's name, an unknown field counts
    as the source. Where source and target have one name, a store that is neither counts as the target, with a warning.

    Parameters
    ----------
    sample : galaxies that are predicted.
    fields, stores : names and data hashes of source and targets, in the order of their numbers.

    Raises
    ------
    InputError : several targets have the name of a store that is none of them.
    """
    found = [view.store for view in sample.views]
    if [store.data_hash for store in found] == list(stores):
        return np.arange(len(found))
    return np.array([_number(store.data_hash, store.header.field, fields, stores) for store in found], np.int64)


def _number(data_hash: str, name: str, fields: Sequence[str], stores: Sequence[str]) -> int:
    if data_hash in stores:
        return list(stores).index(data_hash)
    targets = [number for number, field in enumerate(fields) if field == name and number != SOURCE]
    if len(targets) > 1:
        raise InputError(
            f"the run was adapted to {len(targets)} targets of field '{name}' and this store of it is none of them; "
            "ingest each target as a separate field (one YAML in conf/field)."
        )
    if not targets:
        return SOURCE
    if fields[SOURCE] == name:
        warnings.warn(
            f"source and target of this run are both of field '{name}'; a store that is neither counts as the target.",
            stacklevel=2,
        )
    return targets[0]
