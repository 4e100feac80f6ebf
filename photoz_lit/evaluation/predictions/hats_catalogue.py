"""Predictions in shards as one HATS catalogue: HEALPix-partitioned Parquet that LSDB and other tools open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import photoz_lit
from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.hats_columns import HEALPIX, HEALPIX_ORDER, hats_table
from photoz_lit.evaluation.predictions.hats_partitions import Buckets, Partition, PixelCounts
from photoz_lit.evaluation.predictions.manifest import file_state
from photoz_lit.evaluation.predictions.pdf_columns import PdfColumns

FOLDER = "hats"
WORK = ".hats"  # the catalogue while it is written
PARTITION_BYTES = 64_000_000  # of a partition's rows in memory
BYTES_BESIDE_PDF = 200
SKYMAP_ORDER = 8  # at most; a map of the sky in pixels of 14 arcmin takes 6 MB


def require_hats() -> None:
    """Refuse to begin where the package ``hats`` is not installed.

    Raises
    ------
    InputError : it is not.
    """
    try:
        import hats  # noqa: F401
    except ImportError as error:
        raise InputError(
            "task.format=[hats] needs the package hats; install it: pip install 'photoz-lit[hats]'."
        ) from error


def write_hats(folder: Path, shards: Sequence[Path], columns: PdfColumns) -> dict[str, Any]:
    """Write the catalogue ``hats`` below a folder, whole or not at all; its rows are those of Parquet shards.

    Shards go one by one into a bucket per partition, and buckets one by one into files, so that the memory holds one
    shard or partition at a time. An older catalogue there is replaced when the new one is whole.

    Parameters
    ----------
    folder : of the predictions.
    shards : their Parquet files.
    columns : what is kept of a PDF.

    Returns
    -------
    Its entry in the manifest: ``rows``, ``without_position`` and ``files`` with their lengths and checksums.

    Raises
    ------
    InputError : no galaxy has a position, or the disk is full.
    """
    work, target = folder / WORK, folder / FOLDER
    shutil.rmtree(work, ignore_errors=True)
    try:
        (work / "buckets").mkdir(parents=True)
        entry = _fill(work, shards, columns)
        (work / "buckets").rmdir()
        shutil.rmtree(target, ignore_errors=True)
        work.rename(target)
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error}); make room, and the same command goes on.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    return {**entry, "files": {str(path.relative_to(folder)): file_state(path) for path in files}}


def _fill(work: Path, shards: Sequence[Path], columns: PdfColumns) -> dict[str, Any]:
    """Write everything below a new folder."""
    counts, without = PixelCounts(), 0
    for path in shards:
        healpix, there = _positions(pq.read_table(path, columns=["ra", "dec"]))
        counts.add(healpix)
        without += int((~there).sum())
    if not len(counts.pixels):
        raise InputError(f"no galaxy in {shards[0].parent} has a position, which HATS sorts by; leave hats out.")
    partitions = counts.partitions(max(PARTITION_BYTES // (4 * columns.size + BYTES_BESIDE_PDF), 1))
    buckets = Buckets(work / "buckets", partitions, next(_tables(shards[:1], columns)).schema)
    for table in _tables(shards, columns):
        buckets.add(table)
    rows = 0
    largest = 0
    for partition, table in buckets.take():
        _write_partition(work, partition, table)
        rows, largest = rows + len(table), max(largest, len(table))
    _write_metadata(work, partitions, counts, rows, largest)
    return {"rows": rows, "without_position": without}


def _tables(shards: Sequence[Path], columns: PdfColumns) -> Iterator[pa.Table]:
    """Rows of each shard that have a position, as the catalogue has them."""
    for path in shards:
        shard = pq.read_table(path)
        healpix, there = _positions(shard)
        yield hats_table(shard if there.all() else shard.filter(there), columns, healpix)


def _positions(shard: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """HEALPix pixel of order 29 of the rows that have a position, and which have one, (N,)."""
    from hats.pixel_math.spatial_index import compute_spatial_index

    ra, dec = (shard[name].to_numpy() for name in ("ra", "dec"))
    there = np.isfinite(ra) & np.isfinite(dec)
    return np.asarray(compute_spatial_index(ra[there], dec[there]), np.int64), there


def _write_partition(work: Path, partition: Partition, table: pa.Table) -> None:
    folder = work / "dataset" / f"Norder={partition.order}" / f"Dir={partition.pixel // 10_000 * 10_000}"
    folder.mkdir(parents=True, exist_ok=True)
    statistics = [field.name for field in table.schema if not pa.types.is_nested(field.type)]
    levels = [f"{field.name}.quants.list.element" for field in table.schema if pa.types.is_struct(field.type)]
    text = [
        field.name for field in table.schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    ]
    pq.write_table(
        table,
        folder / f"Npix={partition.pixel}.parquet",
        use_dictionary=[*text, *levels],  # random digits do not compress, levels that repeat do
        write_statistics=statistics,
        compression="zstd",
        compression_level=1,
    )


def _write_metadata(work: Path, partitions: list[Partition], counts: PixelCounts, rows: int, largest: int) -> None:
    """Write what a reader of HATS looks at first: properties, partitions, the schema and a map of the sky."""
    from hats.catalog import PartitionInfo, TableProperties
    from hats.io.parquet_metadata import write_parquet_metadata
    from hats.io.skymap import write_skymap
    from hats.pixel_math import HealpixPixel

    PartitionInfo([HealpixPixel(one.order, one.pixel) for one in partitions]).write_to_file(work / "partition_info.csv")
    write_parquet_metadata(work)
    skymap = min(max(one.order for one in partitions), SKYMAP_ORDER)
    write_skymap(counts.at(skymap), work)
    about = {
        "catalog_name": "photoz_lit",
        "catalog_type": "object",
        "total_rows": rows,
        "ra_column": "ra",
        "dec_column": "dec",
        "healpix_column": HEALPIX,
        "healpix_order": HEALPIX_ORDER,
        "skymap_order": skymap,
        "hats_max_rows": largest,
    }
    made = TableProperties.new_provenance_dict(work, builder=f"photoz_lit v{photoz_lit.__version__}")
    TableProperties(**about, **made).to_properties_file(work)
