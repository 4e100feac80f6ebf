"""Files of a HATS catalogue, be it of objects or of margins: its partitions, and what says what they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import photoz_lit
from photoz_lit.evaluation.predictions.hats_columns import HEALPIX, HEALPIX_ORDER
from photoz_lit.evaluation.predictions.hats_partitions import Partition

NAME = "photoz_lit"  # of the catalogue of objects


def partition_file(folder: Path, partition: Partition) -> Path:
    """Place of a partition's rows below the folder of a catalogue."""
    parent = folder / "dataset" / f"Norder={partition.order}" / f"Dir={partition.pixel // 10_000 * 10_000}"
    return parent / f"Npix={partition.pixel}.parquet"


def write_partition(folder: Path, partition: Partition, table: pa.Table) -> None:
    """Write the rows of a partition."""
    path = partition_file(folder, partition)
    path.parent.mkdir(parents=True, exist_ok=True)
    statistics = [field.name for field in table.schema if not pa.types.is_nested(field.type)]
    levels = [f"{field.name}.quants.list.element" for field in table.schema if pa.types.is_struct(field.type)]
    text = [
        field.name for field in table.schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    ]
    pq.write_table(
        table,
        path,
        use_dictionary=[*text, *levels],  # random digits do not compress, levels that repeat do
        write_statistics=statistics,
        compression="zstd",
        compression_level=1,
    )


def write_about(folder: Path, partitions: Sequence[Partition], properties: dict[str, Any]) -> None:
    """Write what a reader of HATS looks at first: properties, partitions and the schema.

    Parameters
    ----------
    folder : of the catalogue; its partitions are written.
    partitions : those that have rows.
    properties : beside the columns of positions, which every catalogue has.
    """
    from hats.catalog import PartitionInfo, TableProperties
    from hats.io.parquet_metadata import write_parquet_metadata
    from hats.pixel_math import HealpixPixel

    PartitionInfo([HealpixPixel(one.order, one.pixel) for one in partitions]).write_to_file(
        folder / "partition_info.csv"
    )
    write_parquet_metadata(folder)
    columns = {"ra_column": "ra", "dec_column": "dec", "healpix_column": HEALPIX, "healpix_order": HEALPIX_ORDER}
    made = TableProperties.new_provenance_dict(folder, builder=f"photoz_lit v{photoz_lit.__version__}")
    TableProperties(**columns, **properties, **made).to_properties_file(folder)
