"""Batches of source galaxies and target galaxies side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photoz_lit.data.degrade import Degradation
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.matching import Floats, MagnitudeMatcher, dealt
from photoz_lit.data.module import CutoutDataModule, Loader
from photoz_lit.data.prefetch import Batch
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling import ShardedBatchSampler, world
from photoz_lit.errors import InputError, nearest

GUIDE_STREAM = 1
#: Draws target galaxies of these magnitudes (M, bands) for source galaxies; None draws any.
Guide = Callable[[Floats], MagnitudeMatcher | None]


class TwoFieldSampler(ShardedBatchSampler):
    """Batches whose first half are source galaxies and whose second half are target galaxies, one for each.

    Parameters
    ----------
    galaxies : source galaxies, (n,).
    targets : rows of each target field.
    magnitudes : of all galaxies of the sample [mag], (N,) or (N, bands).
    guide : of target galaxies of like magnitude; None draws any target galaxy.
    options : of :class:`~photoz_lit.data.sampling.ShardedBatchSampler`.
    """

    def __init__(
        self,
        galaxies: NDArray[np.int64],
        targets: Sequence[NDArray[np.int64]],
        magnitudes: NDArray[np.float64],
        guide: Guide | None,
        batch_size: int,
        **options: Any,
    ) -> None:
        super().__init__(galaxies, batch_size, **options)
        self.targets = list(targets)
        self.magnitudes = magnitudes
        self.matchers = [None if guide is None else guide(magnitudes[rows]) for rows in targets]

    def companions(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Target galaxy of every source galaxy of this epoch's ``order``, (n,); every target field is as likely."""
        random = np.random.default_rng([self.seed, self.epoch, GUIDE_STREAM])

        def drawn(number: int, where: NDArray[np.bool_]) -> NDArray[np.int64]:
            rows, matcher = self.targets[number], self.matchers[number]
            if matcher is None:
                return _repeated_permutation(rows, int(where.sum()), random)
            return rows[matcher.draw(self.magnitudes[order[where]], random)[0]]

        return dealt(random.integers(0, len(self.targets), len(order)), drawn)

    def groups(self) -> NDArray[np.int64]:
        """A source galaxy and its target, for all of this epoch, (n, 2)."""
        order = self.epoch_order()
        return np.stack([order, self.companions(order)], axis=1)

    def __iter__(self) -> Iterator[list[int]]:
        groups = self.groups()
        mine = groups[self.rank :: self.world_size][: len(groups) // self.world_size]
        for start in range(0, len(mine), self.batch_size):
            yield mine[start : start + self.batch_size].T.ravel().tolist()

    def __len__(self) -> int:
        return -(-(len(self.galaxies) // self.world_size) // self.batch_size)


def _repeated_permutation(rows: NDArray[np.int64], n: int, random: np.random.Generator) -> NDArray[np.int64]:
    """``n`` of the rows, each as often as the others, give or take one."""
    return np.concatenate([rows[:0], *(random.permutation(rows) for _ in range(-(-n // len(rows))))])[:n]


class AdaptationDataModule(CutoutDataModule):
    """Batches of a joined sample; beside the usual columns ``domain`` (B,) has the number of each galaxy's field.

    In training a batch holds ``batch_size`` source galaxies and, after them, as many target galaxies where
    ``with_targets``; in validation the source's labelled galaxies, then the targets' for the probe.

    Parameters
    ----------
    sample : joined, blind to the targets' labels.
    split : see :class:`~photoz_lit.data.domains.AdaptationSplit`.
    with_targets : whether target images take part in training.
    guide : of target galaxies of like magnitude; None draws any target galaxy.
    match_bands : further bands whose magnitudes must be alike.
    degradation : makes source images look like the target's, in training and validation; None leaves them.
    weights : of all galaxies in the redshift loss, (N,); None is 1.
    options : of :class:`~photoz_lit.data.module.CutoutDataModule`.

    Raises
    ------
    InputError : the catalogue has no magnitude in a band of ``match_bands``.
    """

    def __init__(
        self,
        sample: Sample,
        split: AdaptationSplit,
        with_targets: bool,
        guide: Guide | None = None,
        match_bands: Sequence[str] = (),
        degradation: Degradation | None = None,
        weights: Floats | None = None,
        **options: Any,
    ) -> None:
        super().__init__(sample, split, **options)
        if weights is not None:
            self.galaxies.columns["weight"] *= torch.from_numpy(weights.astype(np.float32))
        self.galaxies.columns["domain"] = torch.from_numpy(sample.part.astype(np.int64))
        self.with_targets = with_targets
        self.guide = guide
        bands = [sample.field.reference_band, *match_bands]
        for band in match_bands:
            if f"mag_{band}" not in sample.catalogue:
                raise InputError(f"adapt.match_bands: no magnitude in band '{band}'{nearest(band, sample.bands)}")
        self.magnitudes = sample.catalogue[[f"mag_{band}" for band in bands]].to_numpy(float)
        self.galaxies.columns["match_mag"] = torch.from_numpy(self.magnitudes.astype(np.float32))
        self.fields_split = split
        self.degradation = degradation

    def train_dataloader(self) -> Loader:
        """Source galaxies in the order of this epoch, with their targets where these take part."""
        if not self.with_targets:
            return super().train_dataloader()
        return self._loader(self.sampler())

    def sampler(self, batch_size: int | None = None) -> TwoFieldSampler:
        """The sampler of the training's batches, for this rank."""
        rank, size = world()
        return TwoFieldSampler(
            self.split.train,
            self.targets_of(self.fields_split.target_train),
            self.magnitudes,
            self.guide,
            batch_size or self.batch_size,
            shuffle=True,
            seed=self.seed,
            rank=rank,
            world_size=size,
            weights=self.sampling_weights,
        )

    def guidance(self) -> dict[str, int]:
        """How the fields' magnitudes meet: ``targets_unused`` are those that no source galaxy can draw."""
        matchers = [m for m in self.sampler().matchers if m is not None]
        if not matchers:
            return {}
        own = self.magnitudes[self.split.train]
        alone = sum(int((~m.draw(own, np.random.default_rng(0))[1]).sum()) for m in matchers)
        return {"targets_unused": sum(m.unused(own) for m in matchers), "sources_unmatched": alone}

    def targets_of(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Rows of each target field among ``rows``."""
        domain = self.sample.part[rows]
        return [rows[domain == number] for number in np.unique(domain) if number != SOURCE]

    def val_dataloader(self) -> Loader:
        """Labelled validation galaxies and, where they take part, the targets' validation galaxies, each once."""
        extra = self.fields_split.target_validation if self.with_targets else np.empty(0, np.int64)
        return self.loader(np.concatenate([self.split.validation, extra]))

    def observed(self, batch: Batch) -> Tensor:
        """Linear flux, the source's made alike to the target's where a degradation is given."""
        trainer = self.trainer
        image = super().observed(batch)
        if self.degradation is None or trainer is None or not (trainer.training or trainer.validating):
            return image
        source = batch["domain"] == SOURCE
        if not source.any():  # validation goes through the targets after the source
            return image
        image = image.clone()
        # new noise in every epoch of training, the same noise in every validation
        epoch = trainer.current_epoch + 1 if trainer.training else 0
        mixed = np.random.SeedSequence([self.seed, epoch, int(batch["index"][0])]).generate_state(1)
        image[source] = self.degradation.apply(image[source], torch.Generator().manual_seed(int(mixed[0])))
        return image
