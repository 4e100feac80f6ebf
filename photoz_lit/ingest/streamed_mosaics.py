"""Galaxies whose stamps are cut from an archive when they are needed, and forgotten: no store is written."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from photoz_lit.data.catalogue import complete_catalogue
from photoz_lit.data.galaxy_list import read_list, write_list
from photoz_lit.data.id_type import IdType, record_of
from photoz_lit.data.sample import Sample, lacking_bands
from photoz_lit.data.selection import select
from photoz_lit.data.store import StoreHeader, StoreImages
from photoz_lit.data.store_view import views_of
from photoz_lit.engines.tiles import EndsAllError
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.blocks import flagged_catalogue
from photoz_lit.ingest.catalogue import build_catalogue
from photoz_lit.ingest.reader import open_source
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Source
from photoz_lit.rows import RowCount

ROW = "photoz_lit_row"  # of the archive's table
FOLD = "fold"
FileState = tuple[Path, int, int]
Folds = Callable[[pd.DataFrame], NDArray[np.int64]]


@dataclass(frozen=True)
class StreamedMosaics:
    """Galaxies of an archive in the order in which its images are read fast.

    Attributes
    ----------
    list_file : Arrow file with a row per galaxy.
    settings : of the reader.
    field : zero points and redshift grid of the network.
    bands : names, in order.
    stamp_size : [pixel].
    missing_bands : ``blank`` blanks a band that a galaxy lacks; ``drop`` leaves the galaxy without a PDF.
    rows : rows of the archive's table and what became of them.
    files : images and catalogue with their length and time, which must not change meanwhile.
    data_hash : of the files and the galaxies.
    id_type : of the ids as the catalogue has them.
    """

    list_file: Path
    settings: IngestSettings
    field: Field
    bands: tuple[str, ...]
    stamp_size: int
    missing_bands: str
    rows: RowCount
    files: tuple[FileState, ...]
    data_hash: str
    id_type: IdType = "text"

    #: Galaxies whose stamps are in memory at once; a block of a network is no longer.
    most_at_once = 1024
    #: Reading takes about as long as a network, so the next block is read meanwhile.
    read_ahead = True

    @cached_property
    def source(self) -> Source:
        """The archive, opened once in each process."""
        return open_source(self.settings, self.field)

    def __getstate__(self) -> dict[str, Any]:
        """What goes to another process: no open files."""
        return {name: value for name, value in vars(self).items() if name != "source"}

    def __len__(self) -> int:
        return self.rows.used

    @property
    def data(self) -> str:
        """``simulated``, ``simulated_from_catalogue`` or ``real``."""
        return self.settings.data

    def galaxies(self, start: int, stop: int) -> Sample:
        """Cut the stamps of some galaxies that follow each other.

        Raises
        ------
        InputError : a file changed since the galaxies were listed, or cannot be read.
        """
        part = read_list(self.list_file, start, stop)
        archive_rows = part.pop(ROW).to_numpy(np.int64)
        fold = part.pop(FOLD)
        stamps = self.source.read(archive_rows, part)
        self._require_unchanged()
        table = flagged_catalogue(part, stamps, self.source.layout.bands).assign(**{FOLD: fold})
        header = header_of(self.source, self.settings, len(part), self.id_type)
        store = StoreImages(self.files[-1][0], header, stamps.images)
        blank = lacking_bands(table, self.bands) if self.missing_bands == "blank" else None
        return Sample(
            self.field,
            self.bands,
            self.stamp_size,
            self.data,
            self.data_hash,
            table,
            views_of([store], self.field, self.bands, self.stamp_size),
            np.zeros(len(part), np.int64),
            np.arange(len(part)),
            RowCount.of(len(part)),
            blank,
        )

    def release(self) -> None:
        """Nothing is kept that could be let go of."""

    def _require_unchanged(self) -> None:
        for path, size, time in self.files:
            if _state(path) != (path, size, time):
                raise EndsAllError(
                    f"{path} changed while it was read; shards that are whole stay, made of the file as it was: restore"
                    " it, or give a new task.output."
                )


def stream_mosaics(
    settings: IngestSettings,
    field: Field,
    stamp_size: int,
    bands: tuple[str, ...],
    file: Path,
    selection: str | None,
    missing_bands: str,
    folds: Folds,
) -> StreamedMosaics:
    """List the galaxies of an archive; the catalogue is in memory meanwhile, no pixel is.

    Parameters
    ----------
    settings : reader, images and catalogue.
    field, stamp_size, bands : of the network.
    file : Arrow file that is written.
    selection, missing_bands : ``data.select`` and ``data.missing_bands``.
    folds : fold of every galaxy of the catalogue.

    Raises
    ------
    InputError : images, catalogue and network do not fit each other, or no galaxy is left.
    """
    source = open_source(settings, field)
    lacking = [band for band in bands if band not in source.layout.bands]
    if lacking:
        raise InputError(f"{settings.path} has no band '{lacking[0]}', which the network needs.")
    views_of([_no_galaxies(source, settings)], field, bands, stamp_size)  # it says what does not fit
    states = tuple(_state(path) for path in source.layout.files)
    wanted = build_catalogue(source, settings)
    wanted = wanted.in_order(source.reading_order(wanted.catalogue), source.without_image)
    table, rows = complete_catalogue(wanted.catalogue, source.layout.bands), wanted.rows
    keep = np.ones(len(table), bool) if selection is None else select(selection, table)
    if not keep.any():
        raise InputError(f'no galaxy of {settings.catalogue} is left after data.select="{selection}"; loosen it.')
    rows = rows.keeping("data.select", keep)
    table = table.assign(**{ROW: wanted.archive_rows}).loc[keep].reset_index(drop=True)
    table[FOLD] = folds(table)
    write_list(file, pa.Schema.from_pandas(table, preserve_index=False).remove_metadata(), [table])
    text = repr([[(str(path), size, time) for path, size, time in states], settings.model_dump(mode="json")])
    galaxies = int(pd.util.hash_pandas_object(table, index=False).sum() % 2**63)
    data_hash = f"{zlib.crc32(text.encode()):08x}-{galaxies:016x}"
    return StreamedMosaics(
        file, settings, field, bands, stamp_size, missing_bands, rows, states, data_hash, wanted.id_type
    )


def header_of(source: Source, settings: IngestSettings, n: int, id_type: IdType = "text") -> StoreHeader:
    """Describe some stamps as a store would."""
    layout = source.layout
    return StoreHeader(
        data=settings.data,
        field="mosaics",
        bands=layout.bands,
        pixel_scale=layout.pixel_scale,
        flux_unit=layout.flux_unit,
        zero_points=layout.zero_points,
        n_galaxies=n,
        height=layout.height,
        width=layout.width,
        provenance=dict(record_of(id_type)),
    )


def _no_galaxies(source: Source, settings: IngestSettings) -> StoreImages:
    header = header_of(source, settings, 0)
    return StoreImages(Path(settings.path or ""), header, np.zeros(header.shape, np.float32))


def _state(path: Path) -> FileState:
    try:
        state = path.stat()
    except OSError:
        return path, -1, -1
    return path, state.st_size, state.st_mtime_ns
