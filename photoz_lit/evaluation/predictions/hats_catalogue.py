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

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions import hats_margin
from photoz_lit.evaluation.predictions.hats_columns import hats_table
from photoz_lit.evaluation.predictions.hats_files import NAME, write_about, write_partition
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


def write_hats(folder: Path, shards: Sequence[Path], columns: PdfColumns, margin: float = 0.0) -> dict[str, Any]:
    """Write the catalogue ``hats`` below a folder, whole or not at all; its rows are those of Parquet shards.

    With a margin, the catalogue ``hats_margin`` and ``collection.properties`` stand beside it, so that LSDB opens both
    by the folder's name.

    Shards go one by one into a bucket per partition, and buckets one by one into files, so that the memory holds one
    shard or partition at a time. An older catalogue there is replaced when the new one is whole.

    Parameters
    ----------
    folder : of the predictions.
    shards : their Parquet files.
    columns : what is kept of a PDF.
    margin : width of the margin [arcsec]; 0: none is written.

    Returns
    -------
    Its entry in the manifest: ``rows``, ``without_position``, ``margin`` [arcsec], ``rows_of_margin``, and ``files``
    with their lengths and checksums.

    Raises
    ------
    InputError : no galaxy has a position, or the disk is full.
    """
    work, target = folder / WORK, folder / FOLDER
    shutil.rmtree(work, ignore_errors=True)
    try:
        entry = _fill(work, shards, columns, margin)
        _replace(folder, work)
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error}); make room, and the same command goes on.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    places = (target, folder / hats_margin.FOLDER)
    files = sorted(path for place in places for path in place.rglob("*") if path.is_file())
    files += [path for path in (folder / hats_margin.COLLECTION,) if path.exists()]
    return {**entry, "files": {str(path.relative_to(folder)): file_state(path) for path in files}}


def _replace(folder: Path, work: Path) -> None:
    """Put what was written in the place of an older catalogue and its margin."""
    for name in (hats_margin.COLLECTION, hats_margin.FOLDER, FOLDER):
        path = folder / name
        path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
    for name in (FOLDER, hats_margin.FOLDER, hats_margin.COLLECTION):
        if (work / name).exists():
            (work / name).rename(folder / name)


def _fill(work: Path, shards: Sequence[Path], columns: PdfColumns, margin: float) -> dict[str, Any]:
    """Write everything below a new folder: the catalogue, its margin, and that they belong together."""
    catalogue = work / FOLDER
    counts, without = PixelCounts(), 0
    for path in shards:
        healpix, there = _positions(pq.read_table(path, columns=["ra", "dec"]))
        counts.add(healpix)
        without += int((~there).sum())
    if not len(counts.pixels):
        raise InputError(f"no galaxy in {shards[0].parent} has a position, which HATS sorts by; leave hats out.")
    partitions = counts.partitions(max(PARTITION_BYTES // (4 * columns.size + BYTES_BESIDE_PDF), 1))
    (catalogue / "buckets").mkdir(parents=True)
    buckets = Buckets(catalogue / "buckets", partitions, next(_tables(shards[:1], columns)).schema)
    for table in _tables(shards, columns):
        buckets.add(table)
    rows = 0
    largest = 0
    for partition, table in buckets.take():
        write_partition(catalogue, partition, table)
        rows, largest = rows + len(table), max(largest, len(table))
    (catalogue / "buckets").rmdir()
    _write_metadata(catalogue, partitions, counts, rows, largest)
    beside = 0
    if margin:
        beside = hats_margin.write_margin(catalogue, work / hats_margin.FOLDER, partitions, margin)
        if beside:
            hats_margin.write_collection(work, FOLDER)
        else:
            shutil.rmtree(work / hats_margin.FOLDER)
    return {"rows": rows, "without_position": without, "margin": margin, "rows_of_margin": beside}


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


def _write_metadata(work: Path, partitions: list[Partition], counts: PixelCounts, rows: int, largest: int) -> None:
    """Write what a reader of HATS looks at first, and a map of the sky."""
    from hats.io.skymap import write_skymap

    skymap = min(max(one.order for one in partitions), SKYMAP_ORDER)
    about = {"catalog_name": NAME, "catalog_type": "object", "total_rows": rows}
    write_about(work, partitions, {**about, "skymap_order": skymap, "hats_max_rows": largest})
    write_skymap(counts.at(skymap), work)
