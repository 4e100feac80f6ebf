"""``task=inspect``: what is in a store, and what is wrong with it."""

from __future__ import annotations

import pandas as pd
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.ingest.inspection.inspect import inspect_store, write_inspection
from photoz_lit.ingest.inspection.page import formatted
from photoz_lit.tasks.options import InspectOptions


def run(config: Config, options: InspectOptions) -> None:
    """Inspect ``task.store`` (or ``data.store``).

    Figures and a page go to ``<paths.runs>/inspect/<name of the store>``.

    Raises
    ------
    InputError : it is missing or no store.
    """
    path = options.store or next(iter(config.data.stores), None)
    if not path:
        raise InputError("task=inspect needs store=<store>, the one to look at.")
    console = Console()
    store = open_store(path)
    inspection = inspect_store(store, console)
    title = f"{store.path}: {len(store):,} galaxies of {store.header.field} ({store.header.data})"
    console.print(f"[bold]{shown(title)}[/bold]")
    for heading, table in inspection.tables.items():
        console.print(rich_table(heading, table))
    for fault in inspection.faults:
        console.print(f"[bold red]{fault.kind}[/bold red] {shown(fault.sentence)}", highlight=False)
    if not inspection.faults:
        console.print("[green]None of the checks found a fault.[/green]")
    page = write_inspection(store, inspection, config.paths.runs / "inspect" / store.path.resolve().name)
    console.print(f"Figures and page: {shown(page)}")


def rich_table(title: str, table: pd.DataFrame) -> NamesTable:
    """Return a frame as a terminal table, its first column to the left."""
    out = NamesTable(title=title, title_justify="left")
    for k, name in enumerate(table.columns):
        out.add_column(str(name).replace("_", " "), justify="left" if k == 0 else "right")
    for row in formatted(table):
        out.add_row(*row)
    return out
