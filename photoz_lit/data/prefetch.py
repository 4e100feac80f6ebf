"""Batches sent to the device while the network works on those before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

Batch = dict[str, Tensor]


class DeviceBatches:
    """A loader's batches, each sent to the device before the one ahead of it is worked on.

    On a GPU they go through a second stream, beside the network's; elsewhere the same steps run without one.

    Parameters
    ----------
    loader : gives batches, in pinned memory where they go to a GPU.
    device : where they go.
    """

    def __init__(self, loader: DataLoader[Batch], device: torch.device) -> None:
        self.loader = loader
        self.device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    @property
    def batch_sampler(self) -> Any:
        """The loader's sampler, which Lightning tells the epoch."""
        return self.loader.batch_sampler

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        ahead = None
        for batch in self.loader:
            sent = self._sent(batch)
            if ahead is not None:
                yield self._arrived(*ahead)
            ahead = sent
        if ahead is not None:
            yield self._arrived(*ahead)

    def _sent(self, batch: Batch) -> tuple[Batch, torch.cuda.Event | None]:
        """The batch on its way, and the moment at which it is there."""
        with torch.cuda.stream(self._stream):  # None changes nothing
            there = {name: column.to(self.device, non_blocking=True) for name, column in batch.items()}
        return there, None if self._stream is None else self._stream.record_event()

    def _arrived(self, batch: Batch, event: torch.cuda.Event | None) -> Batch:
        """The batch, for work that is queued from now on."""
        if event is not None:
            here = torch.cuda.current_stream(self.device)
            here.wait_event(event)
            for column in batch.values():
                column.record_stream(here)  # its memory is not given away before the network has read it
        return batch
