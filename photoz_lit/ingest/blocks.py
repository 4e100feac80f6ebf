"""Blocks of an archive's store, read and cut by the workers of an engine."""

from __future__ import annotations

import platform
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from photoz_lit.data.block_check import BLOCK_ROWS
from photoz_lit.data.store_blocks import RowsOfStore, StoreBlocks
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.files import write_table
from photoz_lit.ingest.reader import open_source
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Layout, Source, StampFlag, Stamps

ROW = "row of the archive"


def files_checksum(layout: Layout) -> int:
    """Return a checksum of the names, sizes and times of an archive's files."""
    files = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in layout.files]
    return zlib.crc32(repr(files).encode())


def read_rows(
    source: Source, rows: NDArray[np.int64], catalogue: pd.DataFrame, bands: tuple[str, ...]
) -> tuple[NDArray[np.float32], pd.DataFrame]:
    """Read galaxies of an archive.

    Parameters
    ----------
    source : the opened archive.
    rows : of its table, (n,).
    catalogue : their mapped catalogue, (n rows).
    bands : of the store.

    Returns
    -------
    Images (n, bands, height, width) and the catalogue with flags.
    """
    part = catalogue.reset_index(drop=True)
    stamps = source.read(rows, part)
    return stamps.images, flagged_catalogue(part, stamps, bands)


def flagged_catalogue(catalogue: pd.DataFrame, stamps: Stamps, bands: tuple[str, ...]) -> pd.DataFrame:
    """Return the catalogue with the stamps' flags and what is unknown of their pixels.

    ``unknown_<reason>`` is the share of a stamp's pixels that is NaN by that reason, ``missing_<band>`` whether a band
    has no pixels. A flag of the archive's own becomes the bit ARCHIVE.
    """
    out = catalogue.copy()
    own = out["flags"].to_numpy(np.int64) if "flags" in out else np.zeros(len(out), np.int64)
    out["flags"] = stamps.flags | np.where(own != 0, int(StampFlag.ARCHIVE), 0)
    for reason, share in stamps.unknown.items():
        out[f"unknown_{reason}"] = share
    lacking = ~np.any(np.isfinite(stamps.images), axis=(2, 3))
    for position, band in enumerate(bands):
        out[f"missing_{band}"] = lacking[:, position]
    return out


@contextmanager
def galaxies_file(path: Path, catalogue: pd.DataFrame, rows: NDArray[np.int64]) -> Iterator[Path]:
    """Hold the galaxies of a store that is to be in a file beside it, a block per row group, for workers to read.

    Parameters
    ----------
    path : of the store.
    catalogue, rows : the galaxies in the order of the store, and their rows in the archive.
    """
    file = path.with_name(f".{path.name}.galaxies.parquet")
    write_table(file, catalogue.assign(**{ROW: rows}), row_group_size=BLOCK_ROWS)
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


@dataclass(frozen=True)
class ArchiveBlocks(StoreBlocks):
    """Blocks of the store of an archive; a worker opens the archive once.

    Attributes
    ----------
    settings, field : of the reader; all workers see the archive at the same path.
    galaxies : of :func:`galaxies_file`.
    """

    settings: IngestSettings
    field: Field
    galaxies: Path

    def rows_of_store(self) -> RowsOfStore:
        """Return what reads rows, where this process sees the same archive."""
        source = open_source(self.settings, self.field)
        if files_checksum(source.layout) != self.header.provenance["files_checksum"]:
            raise InputError(
                f"a worker on {platform.node()} sees other files at {self.settings.path} than the command that began;"
                " give all workers the same archive, unchanged while it is read."
            )
        table = pq.ParquetFile(self.galaxies)

        def rows_of_store(rows: slice) -> tuple[NDArray[np.float32], pd.DataFrame]:
            part = table.read_row_group(rows.start // BLOCK_ROWS).to_pandas()
            return read_rows(source, part.pop(ROW).to_numpy(np.int64), part, self.header.bands)

        return rows_of_store
