"""LightningDataModules: batches of galaxies, stretched and turned on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from photoz_lit.data.label_weights import galaxy_weights
from photoz_lit.data.pixels import drawn_transforms, stretch, turn
from photoz_lit.data.prefetch import Batch, DeviceBatches
from photoz_lit.data.resident import ResidentPixels, Wanted, resident_pixels
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling import ShardedBatchSampler, is_main_process, world
from photoz_lit.data.sampling_weights import sampling_weights
from photoz_lit.data.split import Split
from photoz_lit.errors import InputError
from photoz_lit.processes import end_with_parent

#: A training's loader, or one that sends its batches ahead.
Loader = DataLoader[Batch] | DeviceBatches


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
    resident : keep all stamps in the device's memory, see :func:`~photoz_lit.data.resident.resident_pixels`.
    prefetch : send each batch to the device while the network works on the one before; ``auto``: to a GPU.
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
        resident: Wanted = False,
        prefetch: bool | Literal["auto"] = "auto",
    ) -> None:
        super().__init__()
        self.sample = sample
        self.split = split
        self.batch_size = batch_size
        self.seed = seed
        self.augment = augment
        self.num_workers = num_workers
        self.sampling_weights: NDArray[np.float64] | None = None
        self.wanted = resident
        self.prefetch = prefetch
        self.galaxies = GalaxyBatches(sample, label_weights or {}, with_pixels=resident in (False, "auto"))
        if weighted_sampling:
            self._weight_both()
        self._pixels: ResidentPixels | None = None
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

    @property
    def resident(self) -> bool:
        """Whether the stamps are in the device's memory, or go there with the first batch."""
        return not self.galaxies.with_pixels

    @property
    def device(self) -> torch.device:
        """Where the trainer's network is; the CPU without one."""
        return torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device

    def setup(self, stage: str) -> None:  # noqa: ARG002
        """Put the stamps on a GPU where they fit, before any batch is made."""
        if self.wanted == "auto" and self._pixels is None and self.device.type == "cuda":
            self._pixels = resident_pixels(self.sample, "auto", self.device)
            self.galaxies.with_pixels = self._pixels is None
            if is_main_process():
                print(_where(self._pixels), flush=True)

    def train_dataloader(self) -> Loader:
        """Training galaxies, in the order of this epoch."""
        return self.loader(self.split.train, shuffle=True, weights=self.sampling_weights)

    def val_dataloader(self) -> Loader:
        """Validation galaxies, each once."""
        return self.loader(self.split.validation)

    def test_dataloader(self) -> Loader:
        """Test galaxies, each once."""
        return self.loader(self.split.test)

    def predict_dataloader(self) -> Loader:
        """Test galaxies, each once."""
        return self.test_dataloader()

    def loader(
        self, galaxies: NDArray[np.int64], shuffle: bool = False, weights: NDArray[np.float64] | None = None
    ) -> Loader:
        """Batches of any galaxies of the sample, shared among the ranks."""
        rank, size = world()
        return self._loader(ShardedBatchSampler(galaxies, self.batch_size, shuffle, self.seed, rank, size, weights))

    def _loader(self, sampler: ShardedBatchSampler) -> Loader:
        sampler.set_epoch(self._first_epoch)  # workers draw from it before Lightning says which epoch it is
        on_gpu = self.device.type == "cuda"
        loader = DataLoader(
            self.galaxies,
            batch_sampler=sampler,
            collate_fn=_as_is,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=on_gpu,
            worker_init_fn=_end_with_training if self.num_workers else None,
            generator=torch.Generator(),  # of the workers' seeds; the network's random numbers do not move on with them
        )
        ahead = on_gpu if self.prefetch == "auto" else self.prefetch
        return DeviceBatches(loader, self.device) if ahead else loader

    def state_dict(self) -> dict[str, int]:
        """Return the epoch at which a training continues, for its checkpoint."""
        return {} if self.trainer is None else {"epoch": self.trainer.current_epoch + 1}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._first_epoch = int(state_dict["epoch"])

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:  # noqa: ARG002
        """Fetch resident pixels, stretch them, and turn them where the network trains; nothing waits for the device."""
        index = batch["index"]
        if "image" not in batch:
            batch["image"] = self._resident_pixels(index.device).flux(index)
        image = stretch(self.observed(batch))
        trainer = self.trainer
        if self.augment and trainer is not None and trainer.training:
            image = turn(image, self._epoch_transforms(trainer.current_epoch, index.device)[index])
        batch["image"] = image
        return batch

    def observed(self, batch: Batch) -> Tensor:
        """Linear flux of a batch as the network is to see it, (B, bands, H, W), before the stretch."""
        return batch["image"]

    def _epoch_transforms(self, epoch: int, device: torch.device) -> Tensor:
        if self._transforms is None or self._transforms[0] != epoch:
            self._transforms = (epoch, drawn_transforms(len(self.sample), self.seed, epoch).to(device))
        return self._transforms[1]

    def _resident_pixels(self, device: torch.device) -> ResidentPixels:
        if self._pixels is None:
            self._pixels = resident_pixels(self.sample, self.wanted, device)
        assert self._pixels is not None
        return self._pixels


def _end_with_training(_worker: int) -> None:
    end_with_parent()


def _as_is(batch: Any) -> Any:
    return batch


def _where(pixels: ResidentPixels | None) -> str:
    if pixels is None:
        return "images: they do not fit in the GPU's memory and are sent there batch by batch"
    return f"images: in the GPU's memory, {pixels.gigabytes:.2f} GB in {str(pixels.dtype).removeprefix('torch.')}"
