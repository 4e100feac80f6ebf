"""``task=modalities run=<run>``: what each modality brings, by leaving it out and by keeping it alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.data.split import split_sample
from photoz_lit.errors import InputError
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.estimators.estimator import Estimator
from photoz_lit.evaluation.calibration.local import places_of
from photoz_lit.evaluation.metrics.summary import summarise
from photoz_lit.evaluation.plots.modalities import ALL, ONLY, WITHOUT, modality_figure
from photoz_lit.evaluation.plots.style import save
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.files import require_no_links
from photoz_lit.metric import shown_in
from photoz_lit.networks.modalities import modalities_of, modality_name
from photoz_lit.printed import number
from photoz_lit.progress import counted
from photoz_lit.run_folder import MODALITIES, RunFolder, config_of_run
from photoz_lit.studies.galaxies import write_galaxies
from photoz_lit.studies.rows import by_source
from photoz_lit.tasks.calibration import calibrations_of
from photoz_lit.tasks.data_source import sample_of
from photoz_lit.tasks.ensemble_mean import average
from photoz_lit.tasks.options import ModalitiesOptions


def run(config: Config, options: ModalitiesOptions) -> None:
    """Print, draw and write ``modalities.json`` into the run folder."""
    folder = RunFolder(options.run)
    # one bar for all choices: Lightning's own, for each of them, cannot stand inside it
    quiet = config.trainer.model_copy(update={"progress": False})
    require_no_links(folder.path)
    trained = config_of_run(folder.path, config).model_copy(update={"trainer": quiet})
    rows = modality_rows(trained, folder)
    folder.write_json(MODALITIES, rows)
    data = folder.read_json("metrics.json")["data"]
    save(modality_figure(rows, data), folder.path / "plots" / "modalities.png")
    table = NamesTable(
        title=f"{shown(trained.experiment.name)}: {rows[0]['n_test']} test galaxies", title_justify="left"
    )
    columns = shown_in("comparison")
    for name in ("modalities", *columns):
        table.add_column(name)
    for row in rows:
        table.add_row(row["kept"], *(number(row[name], 4) for name in columns))
    Console().print(table)


def modality_rows(trained: Config, folder: RunFolder) -> list[dict[str, Any]]:
    """Metrics of the test galaxies with all modalities, without each one, and with each one alone.

    Returns
    -------
    Rows with ``kept`` (``all``, ``without u_g``, ``only u_g``), ``drop`` (names left out), the metrics, those by
    label source, and ``galaxies``, a file below the run folder with the test galaxies that p-values need.

    Raises
    ------
    InputError : the run has one modality only.
    """
    sample = sample_of(trained)
    names = [modality_name(m) for m in modalities_of(trained.modality, sample.bands)]
    if len(names) < 2:
        raise InputError(f"{folder.path} has one modality only; give a run of module=multimodal.")
    choices: list[tuple[str, list[str]]] = [(ALL, [])]
    choices += [(f"{WITHOUT}{name}", [name]) for name in names]
    choices += [(f"{ONLY}{name}", [other for other in names if other != name]) for name in names]
    folds = range(5) if trained.cv.folds else [0]
    splits = {fold: split_sample(sample, fold) for fold in folds}
    fitted = {fold: [_loaded(trained, folder, fold, m) for m in range(trained.ensemble.members)] for fold in folds}
    calibrations, edges, field = calibrations_of(trained, folder), sample.field.z_edges, sample.field
    places = places_of(sample.catalogue, sample.bands, field.reference_band)
    rows = []
    with counted("sets") as progress:
        step = progress.add_task("modalities", total=len(choices))
        for kept, drop in choices:
            pdfs = []
            for fold, members in fitted.items():
                mean = average([one.predict(sample, splits[fold].test, drop) for one in members], trained.ensemble.mean)
                pdfs.append(calibrations.apply(mean, edges, fold, places[splits[fold].test]))
            pdf, test = np.concatenate(pdfs), np.concatenate([splits[fold].test for fold in folds])
            table = predictions_table(pdf, edges, sample.catalogue.iloc[test], -1, field.reference_band)
            metrics = summarise(table, pdf, edges, field, sample.data)
            measured = {name: metrics[name] for name in ("n_test", *shown_in("comparison"))}
            galaxies = f"modalities/{kept.replace(' ', '_')}.parquet"
            write_galaxies(table, folder.path / galaxies)
            rows.append({"kept": kept, "drop": drop, **measured, "by_source": by_source(metrics), "galaxies": galaxies})
            progress.advance(step)
    return rows


def _loaded(trained: Config, folder: RunFolder, fold: int, member: int) -> Estimator:
    estimator = estimator_of(trained)
    estimator.load(folder.member(fold, member))
    return estimator
