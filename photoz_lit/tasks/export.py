"""``task=export``: a run's catalogue, its PDFs and its networks as files that other programs read."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.catalogue_files import write_fits, write_parquet, write_votable
from photoz_lit.evaluation.predictions.qp_file import pdf_count
from photoz_lit.evaluation.predictions.table import read_predictions
from photoz_lit.evaluation.report.record import read_json
from photoz_lit.files import require_no_links, whole_file, write_text
from photoz_lit.run_folder import RunFolder, config_of_run
from photoz_lit.tasks.options import ExportOptions

CATALOGUES = {"parquet": "photoz.parquet", "fits": "photoz.fits", "votable": "photoz.vot", "qp": "photoz_pdfs.hdf5"}
CARD = "model_card.md"


def run(config: Config, options: ExportOptions) -> None:
    """Export ``task.run`` into ``task.output``, or into ``export/`` of the run: all files or none."""
    if options.output is None:
        require_no_links(options.run)
    target = options.output or options.run / "export"
    models: list[str] = [kind for kind in options.format if kind not in CATALOGUES]
    console = Console()
    if models:
        _write_models(config, options.run, models, target, console)
    if len(models) < len(options.format):
        _write_catalogues(options, target, console)


def _write_catalogues(options: ExportOptions, target: Path, console: Console) -> None:
    source = options.run
    table = read_predictions(source, ids_as_texts=False)
    data = str(read_json(source / "provenance.json").get("data", ""))
    if pdf_count(source / "pdfs.hdf5") != len(table):
        raise InputError(f"{source}: pdfs.hdf5 and predictions.parquet differ in length; run the prediction again.")
    written = {kind: target / name for kind, name in CATALOGUES.items() if kind in options.format}
    with ExitStack() as files:
        partial = {kind: files.enter_context(whole_file(path)) for kind, path in written.items()}
        if "parquet" in partial:
            write_parquet(table, partial["parquet"], data)
        if "fits" in partial:
            write_fits(table, partial["fits"], data)
        if "votable" in partial:
            write_votable(table, partial["votable"], data)
        if "qp" in partial:
            shutil.copyfile(source / "pdfs.hdf5", partial["qp"])
    for path in written.values():
        console.print(f"{len(table):,} galaxies: [bold]{shown(path)}[/bold]")


def _write_models(config: Config, source: Path, models: list[str], target: Path, console: Console) -> None:
    from photoz_lit.tasks.export_models import NAMES, example, exported_run, require_exportable, write_models
    from photoz_lit.tasks.model_card import model_card

    folder = RunFolder(source)
    trained = config_of_run(source, config)
    require_exportable(trained, models)
    model = exported_run(trained, folder)
    written = {kind: target / NAMES[kind] for kind in models}
    with ExitStack() as files:
        partial = {kind: files.enter_context(whole_file(path)) for kind, path in written.items()}
        bands = list(trained.data.bands or trained.field.band_names)
        differences = write_models(model, example(trained, bands), partial)
    write_text(target / CARD, model_card(trained, folder, written, differences))
    for kind, path in written.items():
        checked = (
            f", PDFs equal to {differences[kind]:.0e}" if kind in differences else ", not checked (no onnxruntime)"
        )
        console.print(f"{kind}: [bold]{shown(path)}[/bold] ({path.stat().st_size / 1e6:.1f} MB, {checked})")
    console.print(f"model card: [bold]{shown(target / CARD)}[/bold]")
