"""``task=export``: write a run's catalogue as Parquet and FITS, and its PDFs as a qp file."""

from __future__ import annotations

import shutil
from contextlib import ExitStack

from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.catalogue_files import write_fits, write_parquet
from photoz_lit.evaluation.predictions.qp_file import pdf_count
from photoz_lit.evaluation.predictions.table import read_predictions
from photoz_lit.evaluation.report.html import read_json
from photoz_lit.files import require_no_links, whole_file
from photoz_lit.tasks.options import ExportOptions


def run(config: Config, options: ExportOptions) -> None:  # noqa: ARG001
    """Export ``task.run`` into ``task.output``, or into ``export/`` of the run: all files or none."""
    source = options.run
    table = read_predictions(source)
    data = str(read_json(source / "provenance.json").get("data", ""))
    if pdf_count(source / "pdfs.hdf5") != len(table):
        raise InputError(f"{source}: pdfs.hdf5 and predictions.parquet differ in length; run the prediction again.")
    if options.output is None:
        require_no_links(source)
    target = options.output or source / "export"
    written = [target / name for name in ("photoz.parquet", "photoz.fits", "photoz_pdfs.hdf5")]
    with ExitStack() as files:
        parquet, table_file, pdfs = (files.enter_context(whole_file(path)) for path in written)
        write_parquet(table, parquet)
        write_fits(table, table_file, data)
        shutil.copyfile(source / "pdfs.hdf5", pdfs)
    console = Console()
    for path in written:
        console.print(f"{len(table):,} galaxies: [bold]{shown(path)}[/bold]")
