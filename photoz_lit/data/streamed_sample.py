"""A sample of any length: pixels and catalogue stay on the disk, and a slice of its galaxies is a :class:`Sample`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from photoz_lit.data.galaxy_list import ROWS_AT_ONCE, read_list, write_list
from photoz_lit.data.id_type import IdType, recorded_type, shared_type
from photoz_lit.data.sample import LACKS_A_BAND, Sample, lacking_bands
from photoz_lit.data.selection import select
from photoz_lit.data.store import CATALOGUE, StoreImages, open_images
from photoz_lit.data.store_view import StoreView, shared_bands, views_of
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.rows import RowCount

#: Columns beside the catalogue's: the store and its row where a galaxy's pixels are, and its fold.
ADDED = (PART, ROW, FOLD) = ("photoz_lit_part", "photoz_lit_row", "fold")

Folds = Callable[[pd.DataFrame], NDArray[np.int64]]


@dataclass(frozen=True)
class StreamedSample:
    """Galaxies of stores, in their order, those left out aside.

    Attributes
    ----------
    file : Arrow file with a row per galaxy: the columns of the stores, ``fold``, and where the pixels are.
    field : zero points and redshift grid.
    bands : names, in order.
    stamp_size : [pixel].
    stores : their folders.
    rows : rows of the stores and what became of them.
    """

    file: Path
    field: Field
    bands: tuple[str, ...]
    stamp_size: int
    stores: tuple[Path, ...]
    rows: RowCount

    #: Galaxies that may be in memory at once: their pixels are mapped.
    most_at_once = 1 << 62
    #: Pages of a memory map come when they are needed.
    read_ahead = False

    @cached_property
    def views(self) -> tuple[StoreView, ...]:
        """The stores as a network sees them, opened once in each process."""
        return views_of([open_images(path) for path in self.stores], self.field, self.bands, self.stamp_size)

    def __getstate__(self) -> dict[str, Any]:
        """What goes to another process: no memory map, which would be copied whole."""
        return {name: value for name, value in vars(self).items() if name != "views"}

    def __len__(self) -> int:
        return self.rows.used

    @property
    def data(self) -> str:
        """``simulated``, ``simulated_from_catalogue`` or ``real``."""
        return self.views[0].store.header.data

    @property
    def data_hash(self) -> str:
        """Hash of the stores."""
        return "-".join(view.store.data_hash for view in self.views)

    @property
    def id_type(self) -> IdType:
        """Type in which the ids came, ``text`` where stores differ."""
        return shared_type(recorded_type(view.store.header.provenance) for view in self.views)

    def galaxies(self, start: int, stop: int) -> Sample:
        """Some galaxies that follow each other, as a sample."""
        table = read_list(self.file, start, stop)
        part, row = (table.pop(name).to_numpy(np.int64) for name in (PART, ROW))
        return Sample(
            self.field,
            self.bands,
            self.stamp_size,
            self.data,
            self.data_hash,
            table,
            self.views,
            part,
            row,
            RowCount.of(len(table)),
            lacking_bands(table, self.bands),
        )

    def release(self) -> None:
        """Let go of the pixels that were read."""
        for view in self.views:
            view.store.release()


def stream_sample(
    stores: Sequence[StoreImages],
    field: Field,
    stamp_size: int,
    bands: Sequence[str],
    file: Path,
    selection: str | None = None,
    missing_bands: str = "drop",
    folds: Folds = lambda catalogue: np.full(len(catalogue), -1),
) -> StreamedSample:
    """Write the list of galaxies of some stores, going through their catalogues in pieces.

    Parameters
    ----------
    stores : opened, see :func:`~photoz_lit.data.store.open_images`.
    field, stamp_size, bands, selection, missing_bands : as of :func:`~photoz_lit.data.sample.load_sample`.
    file : Arrow file that is written.
    folds : fold of every galaxy of a piece of the catalogue, what becomes the column ``fold``.

    Raises
    ------
    InputError : as :func:`~photoz_lit.data.sample.load_sample`, or the disk is full.
    """
    chosen = shared_bands(stores, field, bands, blank=missing_bands == "blank")
    views_of(stores, field, chosen, stamp_size)  # it says what does not fit
    schema = _schema(stores)
    rows = RowCount.of(0)

    def tables() -> Iterator[pd.DataFrame]:
        nonlocal rows
        for part, store in enumerate(stores):
            for row, piece in _pieces(store):
                kept, piece_rows = _kept(piece, chosen, selection, missing_bands)
                rows = rows + piece_rows
                table = piece.loc[kept].reset_index(drop=True)
                added = {PART: np.full(len(table), part), ROW: row + np.flatnonzero(kept), FOLD: folds(table)}
                yield table.assign(**added)

    write_list(file, schema, tables())
    if not rows.used:
        reason = max(rows.left_out, key=lambda name: rows.left_out[name], default="")
        raise InputError(f"no galaxy of {stores[0].path} is left ({reason or 'it has none'}); loosen data.select.")
    return StreamedSample(file, field, chosen, stamp_size, tuple(store.path for store in stores), rows)


def _schema(stores: Sequence[StoreImages]) -> pa.Schema:
    """Columns of all the stores; where a store lacks one its galaxies have none there."""
    own = [pq.read_schema(store.path / CATALOGUE).remove_metadata() for store in stores]
    of_stores = [pa.schema([one for one in schema if one.name not in ADDED]) for schema in own]
    added = pa.schema([(name, pa.int64()) for name in ADDED])
    return pa.unify_schemas([*of_stores, added], promote_options="permissive")


def _pieces(store: StoreImages) -> Iterator[tuple[int, pd.DataFrame]]:
    row = 0
    with pq.ParquetFile(store.path / CATALOGUE, pre_buffer=False) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE):
            yield row, batch.to_pandas()
            row += len(batch)


def _kept(
    catalogue: pd.DataFrame, bands: tuple[str, ...], selection: str | None, missing_bands: str
) -> tuple[NDArray[np.bool_], RowCount]:
    """Whether each galaxy is used, and the count of those that are not, by reason."""
    keep = np.ones(len(catalogue), bool) if selection is None else select(selection, catalogue)
    rows = RowCount.of(len(catalogue)).without("data.select", int((~keep).sum()))
    blank = lacking_bands(catalogue, bands)
    if blank is not None and missing_bands != "blank":
        lacks = keep & blank.any(axis=1)
        rows, keep = rows.without(LACKS_A_BAND, int(lacks.sum())), keep & ~lacks
    return keep, rows
