"""Sort rows of any number into HEALPix pixels: each partition is a pixel with few enough rows to stand in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.hats_columns import HEALPIX, HEALPIX_ORDER

#: Rows are counted in pixels of this order, 3.4 arcmin wide: the smallest partitions.
COUNT_ORDER = 10


@dataclass(frozen=True, order=True)
class Partition:
    """A HEALPix pixel, in the nested scheme, that holds one file's rows."""

    order: int
    pixel: int

    @property
    def first(self) -> int:
        """Its first pixel of order 29."""
        return self.pixel << 2 * (HEALPIX_ORDER - self.order)


@dataclass
class PixelCounts:
    """How many rows lie in each pixel of :data:`COUNT_ORDER`; only pixels that hold some are kept."""

    pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, healpix: NDArray[np.int64]) -> None:
        """Count rows by their pixels of order 29, (N,)."""
        pixels, counts = np.unique(at_order(healpix, COUNT_ORDER), return_counts=True)
        both = np.concatenate([self.pixels, pixels])
        self.pixels, place = np.unique(both, return_inverse=True)
        self.counts = np.bincount(place, np.concatenate([self.counts, counts])).astype(np.int64)

    def partitions(self, most: int) -> list[Partition]:
        """Largest pixels with at most so many rows, in the order of the sky; a pixel of COUNT_ORDER may have more."""
        found: list[Partition] = []
        left = np.ones(len(self.pixels), bool)
        for order in range(COUNT_ORDER + 1):
            pixels = self.pixels >> 2 * (COUNT_ORDER - order)
            unique, place = np.unique(pixels[left], return_inverse=True)
            few = (np.bincount(place, self.counts[left]) <= most) | (order == COUNT_ORDER)
            found += [Partition(order, int(pixel)) for pixel in unique[few]]
            left[np.flatnonzero(left)[few[place]]] = False
        return sorted(found, key=lambda one: one.first)

    def at(self, order: int) -> NDArray[np.int64]:
        """Rows in every pixel of a lower order, (12 · 4**order,)."""
        pixels = self.pixels >> 2 * (COUNT_ORDER - order)
        return np.bincount(pixels, self.counts, minlength=12 << 2 * order).astype(np.int64)


def at_order(healpix: NDArray[np.int64], order: int) -> NDArray[np.int64]:
    """Pixels of an order that hold pixels of order 29."""
    return healpix >> 2 * (HEALPIX_ORDER - order)


class Buckets:
    """Files to which rows of each partition are appended, and from which they are read back sorted."""

    def __init__(self, folder: Path, partitions: list[Partition], schema: pa.Schema) -> None:
        self._folder, self._partitions, self._schema = folder, partitions, schema
        self._firsts = np.array([one.first for one in partitions], np.int64)

    def add(self, table: pa.Table) -> None:
        """Append the rows of a table to the buckets of their partitions.

        Raises
        ------
        InputError : the disk is full.
        """
        healpix = table[HEALPIX].to_numpy()
        self.add_to(np.searchsorted(self._firsts, healpix, side="right") - 1, table)

    def add_to(self, owners: NDArray[np.int64], table: pa.Table) -> None:
        """Append each row of a table to the bucket of a partition, whose number is given, (N,); errors as above."""
        order = np.argsort(owners, kind="stable")
        owners, table = owners[order], table.take(order).combine_chunks()
        for start, stop in _runs(owners):
            path = self._path(int(owners[start]))
            batch = table.slice(start, stop - start).combine_chunks().to_batches()[0]
            try:
                with path.open("ab") as file:
                    file.write(batch.serialize())
            except OSError as error:
                raise InputError(
                    f"{path} cannot be written ({error}); make room, and the same command goes on."
                ) from error

    def take(self) -> Iterator[tuple[Partition, pa.Table]]:
        """Rows of each partition that has some, in the order of the sky; its bucket is gone then."""
        for number, partition in enumerate(self._partitions):
            path, batches = self._path(number), []
            if not path.exists():
                continue
            with pa.OSFile(str(path)) as file:
                while file.tell() < file.size():
                    batches.append(pa.ipc.read_record_batch(pa.ipc.read_message(file), self._schema))
            table = pa.Table.from_batches(batches, self._schema)
            yield partition, table.take(np.argsort(table[HEALPIX].to_numpy(), kind="stable"))
            path.unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"bucket_{number:06d}"


def _runs(values: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal values."""
    edges = np.flatnonzero(np.diff(values)) + 1
    yield from zip([0, *edges.tolist()], [*edges.tolist(), len(values)], strict=True) if len(values) else ()
