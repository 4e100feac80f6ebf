"""From an archive to a store in one call."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from photoz_lit.console import shown
from photoz_lit.data.store import CutoutStore
from photoz_lit.engines.settings import EngineSettings
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.catalogue import build_catalogue
from photoz_lit.ingest.reader import open_source
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.writing import write_archive


def ingest(
    settings: IngestSettings,
    field: Field,
    path: str | Path,
    console: Console | None = None,
    engine: EngineSettings | None = None,
) -> CutoutStore:
    """Read an archive and write it as a store.

    Parameters
    ----------
    settings : the reader, its files, columns and selection.
    field : the field that the images are of.
    path : the store to be.
    console : where the progress is shown.
    engine : whose workers read blocks; by default this process alone.

    Raises
    ------
    InputError : see :mod:`photoz_lit.ingest.catalogue` and :mod:`photoz_lit.ingest.writing`.
    """
    store_path = Path(path)
    if store_path.exists():
        raise InputError(f"{store_path} exists already; choose another 'store' or remove it.")
    console = console or Console()
    source = open_source(settings, field)
    for note in source.layout.notes:
        console.print(f"[yellow]{shown(note)}[/yellow]")
    wanted = build_catalogue(source, settings)
    return write_archive(source, wanted, settings, field, store_path, console, engine)
