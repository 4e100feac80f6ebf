"""Order and sharing of galaxies: the same from the same seed, exact over ranks, weighted where asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler

T = TypeVar("T")


class ShardedBatchSampler(Sampler[list[int]]):
    """Batches of galaxy numbers for one of several ranks.

    In training (``shuffle``) the epoch's order is drawn from seed and epoch and every rank gets equally many
    batches, so that gradients can be averaged; at most a few galaxies of the epoch's order are left for the next
    draw. Without shuffling every galaxy is served by exactly one rank, also where N does not divide.

    Parameters
    ----------
    galaxies : numbers to serve, (n,).
    batch_size : per rank.
    shuffle : draw an order.
    seed, rank, world_size : as named.
    weights : (n,) sampling weights; galaxies are then drawn with replacement in proportion to them.
    """

    def __init__(
        self,
        galaxies: NDArray[np.int64],
        batch_size: int,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        self.galaxies = np.asarray(galaxies, np.int64)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.weights = weights
        self.epoch = 0

    @property
    def sampler(self) -> ShardedBatchSampler:
        """The sampler itself: Lightning tells the epoch to ``batch_sampler.sampler`` and to nothing else."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is drawn next."""
        self.epoch = epoch

    def epoch_order(self) -> NDArray[np.int64]:
        """All ranks' galaxies of this epoch, in order."""
        if not self.shuffle:
            return self.galaxies
        random = np.random.default_rng([self.seed, self.epoch])
        if self.weights is None:
            return random.permutation(self.galaxies)
        share = np.asarray(self.weights, float) / np.sum(self.weights)
        return random.choice(self.galaxies, size=len(self.galaxies), p=share)

    def __iter__(self) -> Iterator[list[int]]:
        mine = self.epoch_order()[self.rank :: self.world_size]
        if self.shuffle:
            mine = mine[: len(self.galaxies) // self.world_size]
        for start in range(0, len(mine), self.batch_size):
            yield mine[start : start + self.batch_size].tolist()

    def __len__(self) -> int:
        n = len(self.galaxies)
        mine = n // self.world_size if self.shuffle else len(range(self.rank, n, self.world_size))
        return -(-mine // self.batch_size)


def is_main_process() -> bool:
    """Whether this process writes the results: the first rank, known from its environment before DDP is set up."""
    from pytorch_lightning.utilities import rank_zero_only  # a prediction without a Trainer does without Lightning

    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0


def world() -> tuple[int, int]:
    """Rank and number of ranks of this process."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def gathered(shard: NDArray[Any]) -> NDArray[Any]:
    """Join the shards of the ranks along the first axis, in the order of the ranks; every rank gets all of them."""
    return np.concatenate(of_all_ranks(shard))


def in_order(
    parts: Sequence[tuple[torch.Tensor, torch.Tensor]], galaxies: NDArray[np.int64], n_values: int
) -> NDArray[np.float32]:
    """Values of galaxies in their order, (n, n_values), from the batches of all ranks: their rows and values."""
    index = gathered(np.concatenate([np.empty(0, np.int64), *(rows.numpy() for rows, _ in parts)]))
    values = gathered(np.concatenate([np.empty((0, n_values), np.float32), *(found.numpy() for _, found in parts)]))
    position = np.empty(index.max(initial=-1) + 1, np.int64)
    position[index] = np.arange(len(index))
    return np.asarray(values[position[galaxies]], np.float32)


def of_all_ranks(value: T) -> list[T]:
    """The values of all ranks, in their order; every rank gets the list."""
    if world()[1] == 1:
        return [value]
    values: list[Any] = [None] * world()[1]
    torch.distributed.all_gather_object(values, value)
    return values


def mean_over_ranks(values: torch.Tensor) -> torch.Tensor:
    """Mean of a tensor over the ranks; every rank gets it."""
    if world()[1] > 1:
        torch.distributed.all_reduce(values)
        values /= world()[1]
    return values
