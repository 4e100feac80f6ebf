"""A list of galaxies on the disk, of any length, of which a slice is read at a time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from photoz_lit.files import whole_file

ROWS_AT_ONCE = 32768


def write_list(file: Path, schema: pa.Schema, tables: Iterable[pd.DataFrame]) -> None:
    """Write tables of galaxies one after another into an Arrow file.

    Raises
    ------
    InputError : the disk is full.
    """
    pending = schema.empty_table()
    with whole_file(file) as partial, pa.ipc.new_file(str(partial), schema) as out:
        for table in tables:
            found = pa.Table.from_pandas(table.reindex(columns=schema.names), schema=schema, preserve_index=False)
            pending = pa.concat_tables([pending, found]).combine_chunks()
            while len(pending) >= ROWS_AT_ONCE:  # every batch but the last is as long, so that a row is found
                out.write_table(pending.slice(0, ROWS_AT_ONCE))
                pending = pending.slice(ROWS_AT_ONCE)
        out.write_table(pending)


def read_list(file: Path, start: int, stop: int) -> pd.DataFrame:
    """Some galaxies of a list that follow each other; only the batches that hold them are looked at."""
    with pa.memory_map(str(file)) as mapped:  # closed again: pages that are mapped count as memory
        opened = pa.ipc.open_file(mapped)
        first = start // ROWS_AT_ONCE
        last = min(-(-stop // ROWS_AT_ONCE), opened.num_record_batches)
        batches = [opened.get_batch(number) for number in range(first, last)]
        table = pa.Table.from_batches(batches, opened.schema)
        found: pd.DataFrame = table.slice(start - first * ROWS_AT_ONCE, stop - start).to_pandas()
        return found
