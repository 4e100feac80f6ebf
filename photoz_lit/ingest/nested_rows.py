"""Images in a nested column of a Parquet file, read forwards a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from photoz_lit.errors import InputError

IMAGE = "image"
ROWS = 32  # that are in memory at once: 160 pixel images in five bands take 1 MB each, with weights and masks


class NestedRows:
    """Rows of a file with the nested column ``image``.

    Attributes
    ----------
    path : the file.
    shape : height and width of its images [pixel].
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with pq.ParquetFile(path) as file:
            self._length = file.metadata.num_rows
            self._parts = {one.name for one in file.schema_arrow.field(IMAGE).type}
            first = next(file.iter_batches(1, columns=[f"{IMAGE}.flux"]), None)
        if first is None:
            raise InputError(f"{path} has no rows; remove it from the catalogue.")
        self.shape: tuple[int, int] = _array(first.column(0).field("flux"), path).shape[2:]

    def __len__(self) -> int:
        return int(self._length)

    def has(self, part: str) -> bool:
        """Whether the nested column has a part, e.g. ``mask``."""
        return part in self._parts

    def texts(self, part: str) -> NDArray[np.str_]:
        """Texts of each band in lower case, (rows, bands)."""
        return np.char.lower(np.char.strip(self._whole(part).astype(str)))

    def numbers(self, part: str) -> NDArray[np.float64]:
        """A number of each band, (rows, bands)."""
        return np.asarray(self._whole(part), np.float64)

    def pieces(
        self, rows: NDArray[np.int64], parts: Sequence[str]
    ) -> Iterator[tuple[NDArray[np.int64], dict[str, NDArray[Any]]]]:
        """Read the images of some rows, a few at a time.

        Parameters
        ----------
        rows : in any order.
        parts : of the nested column; those that are not there are left out.

        Yields
        ------
        Places in ``rows``, and each part of these rows, (n, bands, height, width).
        """
        names = [part for part in parts if self.has(part)]
        order = np.argsort(rows, kind="stable")
        ordered, done = rows[order], 0
        with pq.ParquetFile(self.path) as file:
            first = 0
            for group in range(file.metadata.num_row_groups):
                length = file.metadata.row_group(group).num_rows
                if done < len(ordered) and ordered[done] < first + length:
                    start = first
                    columns = [f"{IMAGE}.{name}" for name in names]
                    for batch in file.iter_batches(ROWS, row_groups=[group], columns=columns):
                        stop = int(np.searchsorted(ordered, start + len(batch)))
                        if stop > done:
                            local = ordered[done:stop] - start
                            nested = batch.column(0).take(pa.array(local))
                            yield order[done:stop], {name: _array(nested.field(name), self.path) for name in names}
                            done = stop
                        start += len(batch)
                first += length

    def _whole(self, part: str) -> NDArray[Any]:
        with pq.ParquetFile(self.path) as file:
            column = file.read([f"{IMAGE}.{part}"])[IMAGE].combine_chunks()
        nested = column if isinstance(column, pa.StructArray) else column.chunk(0)
        return _array(nested.field(part), self.path)


def _array(nested: pa.Array, path: Path) -> NDArray[Any]:
    """Lists of lists of one length as an array, (rows, ...).

    Raises
    ------
    InputError : lengths differ from row to row.
    """
    shape, values = [len(nested)], nested
    while pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        lengths = np.diff(values.offsets.to_numpy())
        if values.null_count or (lengths != lengths[:1]).any():
            raise InputError(f"{path}: rows of '{IMAGE}' have images or bands of different numbers; ingest them apart.")
        shape.append(int(lengths[0]) if len(lengths) else 0)
        values = values.flatten()
    return np.asarray(values.to_numpy(zero_copy_only=False)).reshape(shape)
