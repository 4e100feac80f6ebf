"""A training that asks for less where the device's memory is too small: first without its images, then in pieces."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import TypeVar

import torch

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.sampling import is_main_process, world
from photoz_lit.errors import InputError

T = TypeVar("T")


class MemoryUse:
    """How a network's batches are laid out in the device's memory; what was too much is not tried again.

    Parameters
    ----------
    pieces : into which a batch is cut from the start, ``trainer.micro_batches``.
    batch_size : galaxies of a batch.

    Attributes
    ----------
    streams : whether images are sent batch by batch, whatever ``data.resident`` says.
    pieces : of a batch that go through the network one after the other.
    """

    def __init__(self, pieces: int, batch_size: int) -> None:
        self.pieces = self._asked = pieces
        self.batch_size = batch_size
        self.streams = False
        self._data: Callable[[], CutoutDataModule | None] = lambda: None

    def watch(self, data: CutoutDataModule) -> None:
        """Look at these batches when memory runs out; they are let go of as if nobody looked."""
        self._data = weakref.ref(data)

    def report(self) -> dict[str, int | bool]:
        """What was asked for after memory ran out, for the record of a fit; nothing where it did not."""
        pieces = {"micro_batches": self.pieces} if self.pieces > self._asked else {}
        return pieces | ({"images_streamed": True} if self.streams else {})

    def enough_for(self, work: Callable[[], T], release: Callable[[], None] = lambda: None) -> T:
        """Return what the work returns, done again with less memory as often as it runs out.

        Parameters
        ----------
        work : reads ``streams`` and ``pieces``, and starts anew or from what it kept on disk.
        release : lets go of what it left on the device.

        Raises
        ------
        InputError : not even one galaxy fits, or several ranks train, which cannot change their way alone.
        """
        while True:
            try:
                return work()
            except torch.OutOfMemoryError as error:
                self._ask_for_less(str(error).partition(".")[0])
            release()
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _ask_for_less(self, reason: str) -> None:
        data = self._data()
        if data is not None and data.resident and not self.streams:
            key, what = "data.resident=false", "images are sent to the device batch by batch from now on"
            self._require_one_rank(reason, key)
            self.streams = True
        else:
            more = min(2 * self.pieces, self.batch_size)
            key, what = f"trainer.micro_batches={more}", f"a batch goes through the network in {more} pieces"
            self._require_one_rank(reason, key)
            if more == self.pieces:
                raise InputError(
                    f"{reason}, with one galaxy at a time; give a smaller network.width, or a device with more memory."
                )
            self.pieces = more
        if is_main_process():
            print(f"memory: {reason}; {what} ({key})", flush=True)

    def _require_one_rank(self, reason: str, key: str) -> None:
        if world()[1] > 1:
            raise InputError(f"{reason}; several ranks train together, so give {key} and the same command again.")
