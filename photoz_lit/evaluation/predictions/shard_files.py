"""Files of a part of a catalogue of predictions, with PDFs: Parquet, qp and FITS. The same rows give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import qp
from astropy.io import fits
from astropy.table import Table
from numpy.typing import NDArray

from photoz_lit.evaluation.predictions.catalogue_files import catalogue_table
from photoz_lit.evaluation.predictions.pdf_columns import PdfColumns
from photoz_lit.evaluation.predictions.qp_file import storable, write_pdfs_hdf5
from photoz_lit.files import whole_file

ShardFormat = Literal["parquet", "qp", "fits"]
GROUP = 5000  # rows that are encoded in memory at once


@dataclass(frozen=True)
class ShardRows:
    """Rows of one file.

    Attributes
    ----------
    table : point estimates and flags, a row per galaxy.
    values : its PDF, (N, columns.size).
    columns : what the values are.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    """

    table: pd.DataFrame
    values: NDArray[np.float32]
    columns: PdfColumns
    data: str


def write_parquet_shard(rows: ShardRows, path: Path) -> None:
    """Write a Parquet file; the PDFs are a column of lists of one length, and its metadata say what they are."""
    name, values = rows.columns.kind, np.ascontiguousarray(rows.values)
    table = pa.Table.from_pandas(rows.table, preserve_index=False)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), rows.columns.size)
    about = {key: json.dumps(numbers) for key, numbers in rows.columns.grid.items()}
    table = table.append_column(name, lists).replace_schema_metadata({"data": rows.data, **about})
    text = [name for name in rows.table.columns if rows.table[name].dtype.kind not in "biuf"]
    with whole_file(path) as partial:
        # random digits do not compress: a dictionary of them, or statistics, would cost more than the file
        pq.write_table(
            table, partial, use_dictionary=text, write_statistics=text, compression="lz4", row_group_size=GROUP
        )


def write_qp_shard(rows: ShardRows, path: Path) -> None:
    """Write a qp ensemble, ``qp.hist`` of bins or ``qp.quant`` of quantiles; rows without a PDF are left out."""
    there = np.flatnonzero(np.isfinite(rows.values).all(axis=1))
    table, values = rows.table.iloc[there], rows.values[there]
    if rows.columns.kind == "bins":
        write_pdfs_hdf5(path, values, rows.columns.z_edges, table)
        return
    with whole_file(path) as partial, h5py.File(partial, "w") as file:
        meta = {"pdf_name": [b"quant"], "pdf_version": [qp.quant.version], "ensure_extent": [True]}
        for name, content in {**meta, "pdf_constructor_name": [b"piecewise_linear"]}.items():
            file[f"meta/{name}"] = np.array(content)
        file["meta/quants"] = np.array([rows.columns.grid["levels"]])
        file["data/locs"] = values
        for name in table.columns:
            file[f"ancil/{name}"] = storable(table[name])


def write_fits_shard(rows: ShardRows, path: Path) -> None:
    """Write a FITS file: the table ``PHOTOZ`` with the PDFs as an array column, and ``GRID`` with their grid."""
    table = catalogue_table(rows.table, rows.data)
    table[rows.columns.kind] = rows.values
    grid = Table(rows.columns.grid)
    grid.meta["EXTNAME"] = "GRID"
    with whole_file(path) as partial:
        tables = [fits.table_to_hdu(one) for one in (table, grid)]
        fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(partial, overwrite=True)


#: Format -> the folder and suffix of its files, and what writes one.
FORMATS: dict[ShardFormat, tuple[str, str, Callable[[ShardRows, Path], None]]] = {
    "parquet": ("shards", ".parquet", write_parquet_shard),
    "qp": ("qp", ".hdf5", write_qp_shard),
    "fits": ("fits", ".fits", write_fits_shard),
}


def shard_file(kind: ShardFormat, number: int) -> str:
    """Name of a shard's file below the folder of predictions, e.g. ``shards/shard_00012.parquet``."""
    folder, suffix, _ = FORMATS[kind]
    return f"{folder}/shard_{number:05d}{suffix}"


def write_shard(rows: ShardRows, folder: Path, number: int, kinds: list[ShardFormat]) -> list[str]:
    """Write the files of a shard, each whole or not at all.

    Returns
    -------
    Their names below the folder.

    Raises
    ------
    InputError : the disk is full.
    """
    names = [shard_file(kind, number) for kind in kinds]
    for kind, name in zip(kinds, names, strict=True):
        FORMATS[kind][2](rows, folder / name)
    return names
