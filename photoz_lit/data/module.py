"""LightningDataModules: batches of galaxies, stretched and turned on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from photoz_lit.data.label_weights import galaxy_weights
from photoz_lit.data.pixels import drawn_transforms, stretch, turn
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling import ShardedBatchSampler, world
from photoz_lit.data.sampling_weights import sampling_weights
from photoz_lit.data.split import Split
from photoz_lit.errors import InputError
from photoz_lit.processes import end_with_parent

Batch = dict[str, Tensor]


class GalaxyBatches(Dataset[Batch]):
    """Reads whole batches of a sample; the pixels stay away where the device holds them already."""

    def __init__(self, sample: Sample, label_weights: dict[str, float], with_pixels: bool) -> None:
        catalogue = sample.catalogue
        z = catalogue["z"].to_numpy(float)
        z_bin = np.clip(np.searchsorted(sample.field.z_edges, z, side="right") - 1, 0, sample.field.n_bins - 1)
        weight = galaxy_weights(catalogue["z_source"], label_weights)
        ebv = np.nan_to_num(catalogue["ebv"].to_numpy(float))
        mag = catalogue[f"mag_{sample.field.reference_band}"].to_numpy(float)
        self.sample = sample
        self.with_pixels = with_pixels
        self.columns: Batch = {
            "ebv": torch.from_numpy(ebv.astype(np.float32))[:, None],
            "z": torch.from_numpy(z.astype(np.float32)),
            "z_bin": torch.from_numpy(z_bin.astype(np.int64)),
            "weight": torch.from_numpy(weight.astype(np.float32)),
            "mag": torch.from_numpy(mag.astype(np.float32)),
            "index": torch.arange(len(sample)),
        }

    def __len__(self) -> int:
        return len(self.sample)

    def __getitem__(self, galaxy: int) -> Batch:
        return self.__getitems__([galaxy])

    def __getitems__(self, galaxies: Sequence[int]) -> Batch:
        """Columns of the batch and, where wanted, its linear flux as ``image``."""
        index = torch.as_tensor(galaxies)
        batch = {name: column[index] for name, column in self.columns.items()}
        if self.with_pixels:
            batch["image"] = torch.from_numpy(self.sample.flux(index.numpy()))
        return batch


class CutoutDataModule(pl.LightningDataModule):
    """Batches of a sample: ``image`` (B, bands, H, W) float32 after the stretch, ``ebv`` (B, 1), ``z`` (B,),
    ``z_bin`` (B,), ``weight`` (B,), ``mag`` (B,), ``index`` (B,).

    Parameters
    ----------
    sample : the galaxies.
    split : rows to train, validate and test on.
    batch_size : per rank.
    seed : of batch order and augmentation.
    augment : flip and turn training images.
    num_workers : processes that read batches.
    label_weights : weight in the loss of each label source, 1 where not named.
    weighted_sampling : draw training galaxies by their weights (:mod:`photoz_lit.data.sampling_weights`), by which
        validation galaxies count too, so that the epoch is chosen, and a dead network known, as it was trained.
    resident : keep all pixels in the accelerator's memory; ``auto`` where they take less than half of it.
    """

    def __init__(
        self,
        sample: Sample,
        split: Split,
        batch_size: int = 64,
        seed: int = 0,
        augment: bool = True,
        num_workers: int = 0,
        label_weights: dict[str, float] | None = None,
        weighted_sampling: bool = False,
        resident: bool | str = False,
    ) -> None:
        super().__init__()
        self.sample = sample
        self.split = split
        self.batch_size = batch_size
        self.seed = seed
        self.augment = augment
        self.num_workers = num_workers
        self.sampling_weights: NDArray[np.float64] | None = None
        self.resident = _resident(sample, resident)
        self.galaxies = GalaxyBatches(sample, label_weights or {}, with_pixels=not self.resident)
        if weighted_sampling:
            self._weight_both()
        self._pixels: Tensor | None = None
        self._transforms: tuple[int, Tensor] | None = None
        self._first_epoch = 0

    def _weight_both(self) -> None:
        """Draw training galaxies by the weights by which validation galaxies count, both made without the test fold."""
        n_train = len(self.split.train)
        weights = sampling_weights(self.sample.catalogue, np.concatenate([self.split.train, self.split.validation]))
        if not weights[:n_train].any() or not weights[n_train:].any():
            raise InputError(
                "data.weighted_sampling: all weights of the galaxies to train on, or of those to validate on, are 0;"
                " choose others with data.select, or make the labels again."
            )
        self.sampling_weights = weights[:n_train]
        own = torch.from_numpy(weights[n_train:].astype(np.float32))
        self.galaxies.columns["weight"][torch.from_numpy(self.split.validation)] *= own

    def train_dataloader(self) -> DataLoader[Batch]:
        """Training galaxies, in the order of this epoch."""
        return self.loader(self.split.train, shuffle=True, weights=self.sampling_weights)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Validation galaxies, each once."""
        return self.loader(self.split.validation)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Test galaxies, each once."""
        return self.loader(self.split.test)

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Test galaxies, each once."""
        return self.test_dataloader()

    def loader(
        self, galaxies: NDArray[np.int64], shuffle: bool = False, weights: NDArray[np.float64] | None = None
    ) -> DataLoader[Batch]:
        """Batches of any galaxies of the sample, shared among the ranks."""
        rank, size = world()
        return self._loader(ShardedBatchSampler(galaxies, self.batch_size, shuffle, self.seed, rank, size, weights))

    def _loader(self, sampler: ShardedBatchSampler) -> DataLoader[Batch]:
        sampler.set_epoch(self._first_epoch)  # workers draw from it before Lightning says which epoch it is
        return DataLoader(
            self.galaxies,
            batch_sampler=sampler,
            collate_fn=_as_is,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_end_with_training if self.num_workers else None,
            generator=torch.Generator(),  # of the workers' seeds; the network's random numbers do not move on with them
        )

    def state_dict(self) -> dict[str, int]:
        """Return the epoch at which a training continues, for its checkpoint."""
        return {} if self.trainer is None else {"epoch": self.trainer.current_epoch + 1}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._first_epoch = int(state_dict["epoch"])

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:  # noqa: ARG002
        """Fetch resident pixels, stretch them, and turn them where the network trains."""
        index = batch["index"]
        if "image" not in batch:
            batch["image"] = self._resident_pixels(index.device)[index].float()
        image = stretch(self.observed(batch))
        trainer = self.trainer
        if self.augment and trainer is not None and trainer.training:
            image = turn(image, self._epoch_transforms(trainer.current_epoch)[index.cpu()].to(index.device))
        batch["image"] = image
        return batch

    def observed(self, batch: Batch) -> Tensor:
        """Linear flux of a batch as the network is to see it, (B, bands, H, W), before the stretch."""
        return batch["image"]

    def _epoch_transforms(self, epoch: int) -> Tensor:
        if self._transforms is None or self._transforms[0] != epoch:
            self._transforms = (epoch, drawn_transforms(len(self.sample), self.seed, epoch))
        return self._transforms[1]

    def _resident_pixels(self, device: torch.device) -> Tensor:
        if self._pixels is None:
            # Filled in blocks: the host never holds the whole sample.
            shape = (len(self.sample), len(self.sample.bands), self.sample.stamp_size, self.sample.stamp_size)
            pixels = torch.empty(shape, device=device)
            for start in range(0, len(self.sample), 4096):
                rows = np.arange(start, min(start + 4096, len(self.sample)))
                pixels[start : start + len(rows)] = torch.from_numpy(self.sample.flux(rows)).to(device)
            self._pixels = pixels
        return self._pixels


def _end_with_training(_worker: int) -> None:
    end_with_parent()


def _as_is(batch: Any) -> Any:
    return batch


def _resident(sample: Sample, wanted: bool | str) -> bool:
    """Whether the pixels live on the accelerator."""
    if wanted != "auto":
        return bool(wanted)
    if not torch.cuda.is_available():
        return False
    needed = 4 * len(sample) * len(sample.bands) * sample.stamp_size**2
    return bool(needed < 0.5 * torch.cuda.mem_get_info()[0])
