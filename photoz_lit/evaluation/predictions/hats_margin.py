"""The margin of a HATS catalogue: for every partition, galaxies of its neighbours that lie near the edge.

A match across an edge is found only with them, for LSDB looks at one partition at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from photoz_lit.evaluation.predictions.hats_columns import HEALPIX, HEALPIX_ORDER
from photoz_lit.evaluation.predictions.hats_files import NAME, partition_file, write_about, write_partition
from photoz_lit.evaluation.predictions.hats_partitions import Buckets, Partition, at_order

FOLDER = "hats_margin"
COLLECTION = "collection.properties"
#: A pixel of the margin must be wider than the margin and smaller than the smallest partition, of order 10 [arcsec].
WIDEST = 60.0


def write_margin(catalogue: Path, work: Path, partitions: list[Partition], margin: float) -> int:
    """Write the margin of a catalogue below a new folder; the memory holds one partition at a time.

    A galaxy is in the margin of a partition if its pixel, the smallest that is wider than the margin, touches the
    partition: all galaxies within the margin are there, and some farther ones. Empty parts of the sky have margins
    too, for another catalogue may have galaxies there.

    Parameters
    ----------
    catalogue : folder with the partitions.
    work : folder of the margin.
    partitions : of the catalogue, in the order of the sky.
    margin : width [arcsec], at most :data:`WIDEST`.

    Returns
    -------
    Rows of the margin; with none, nothing is written.
    """
    from hats.pixel_math import healpix_shim

    order = int(healpix_shim.margin2order(np.array([margin / 60.0]))[0])
    sky = _whole_sky(partitions)
    schema = pq.read_schema(partition_file(catalogue, partitions[0]))
    (work / "buckets").mkdir(parents=True)
    buckets = Buckets(work / "buckets", sky, schema)
    for partition in partitions:
        table = pq.ParquetFile(partition_file(catalogue, partition)).read()
        rows, owners = _neighbours(table[HEALPIX].to_numpy(), order, sky)
        if len(rows):
            buckets.add_to(owners, table.take(rows))
    found, total = [], 0
    for partition, table in buckets.take():
        write_partition(work, partition, table)
        found.append(partition)
        total += len(table)
    (work / "buckets").rmdir()
    if total:
        about = {"catalog_name": FOLDER, "catalog_type": "margin", "total_rows": total}
        write_about(work, found, {**about, "primary_catalog": NAME, "margin_threshold": margin})
    return total


def write_collection(folder: Path, catalogue: str) -> None:
    """Say that a catalogue and its margin, side by side in a folder, belong together, so that LSDB opens both."""
    from hats.catalog.dataset.collection_properties import CollectionProperties

    about: dict[str, Any] = {"name": NAME, "hats_primary_table_url": catalogue}
    CollectionProperties(**about, all_margins=[FOLDER], default_margin=FOLDER).to_properties_file(folder)


def _whole_sky(partitions: list[Partition]) -> list[Partition]:
    """Partitions and the pixels between them that hold no galaxy, in the order of the sky."""
    from hats.pixel_math import HealpixPixel
    from hats.pixel_tree.negative_tree import compute_negative_tree_pixels
    from hats.pixel_tree.pixel_tree import PixelTree

    tree = PixelTree.from_healpix([HealpixPixel(one.order, one.pixel) for one in partitions])
    empty = [Partition(int(one.order), int(one.pixel)) for one in compute_negative_tree_pixels(tree)]
    return sorted([*partitions, *empty], key=lambda one: one.first)


def _neighbours(
    healpix: NDArray[np.int64], order: int, sky: list[Partition]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which rows of a partition are in the margins of which others.

    Parameters
    ----------
    healpix : pixels of order 29 of the rows, (N,).
    order : of the margin's pixels.
    sky : partitions that cover the sky.

    Returns
    -------
    rows, owners : row and number of a partition, once for each pair, (M,).
    """
    import cdshealpix

    pixels, place = np.unique(at_order(healpix, order), return_inverse=True)
    around = np.asarray(cdshealpix.neighbours(pixels.astype(np.uint64), order), np.int64)
    around[around < 0] = np.broadcast_to(pixels[:, None], around.shape)[around < 0]  # some corners have no neighbour
    firsts = np.array([one.first for one in sky], np.int64)
    shift = 2 * (HEALPIX_ORDER - order)
    owners = np.searchsorted(firsts, around << shift, side="right") - 1
    own = np.searchsorted(firsts, pixels << shift, side="right") - 1
    at, column = np.nonzero(owners != own[:, None])
    pairs = np.unique(np.stack([at, owners[at, column]], axis=1), axis=0)
    # rows of each pair's pixel: rows are sorted on the sky, so they follow each other
    start = np.searchsorted(place, pairs[:, 0], side="left")
    count = np.searchsorted(place, pairs[:, 0], side="right") - start
    rows = np.repeat(start - np.cumsum(count) + count, count) + np.arange(count.sum())
    return rows, np.repeat(pairs[:, 1], count)
