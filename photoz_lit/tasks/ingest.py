"""``task=ingest``: turn an archive into a store."""

from __future__ import annotations

import time

from rich.console import Console

from photoz_lit.command_line.quoting import typed
from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.data.id_type import KEY
from photoz_lit.data.store import CutoutStore
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.writing import NUMBERED, describe
from photoz_lit.rows import RowCount, lines
from photoz_lit.tasks.options import IngestOptions


def run(config: Config, options: IngestOptions) -> None:
    """Read ``ingest.path`` with the reader ``ingest`` and write ``task.output``.

    Raises
    ------
    InputError : see :func:`photoz_lit.ingest.archive.ingest`.
    """
    console = Console()
    start = time.perf_counter()
    store = ingest(config.ingest, config.field, str(options.output), console, config.engine)
    print_store(console, store, time.perf_counter() - start)


def print_store(console: Console, store: CutoutStore, seconds: float) -> None:
    """Print what was written, in a table."""
    size = sum(path.stat().st_size for path in store.path.iterdir())
    table = NamesTable(title=f"{shown(store.path)} ({store.header.field}, {store.header.data})", show_header=False)
    for key, value in describe(store).items():
        table.add_row(key.replace("_", " "), f"{value:,}" if isinstance(value, int) else value)
    table.add_row("size", f"{size / 1e9:.3g} GB")
    table.add_row("time", f"{seconds:.0f} s, {len(store) / max(seconds, 1e-3):,.0f} galaxies/s")
    console.print(table)
    for line in lines(store.header.rows or RowCount.of(len(store)), store.header.rows_of):
        console.print(line, highlight=False)
    if store.header.provenance.get(KEY) == NUMBERED:
        console.print(
            "The catalogue has no column of ids: object_id is the row number, from 0; ingest.columns.object_id can name"
            " a column.",
            highlight=False,
        )
    console.print(f"Look at it with [bold]task=inspect {shown(typed('store', store.path))}[/bold].")
