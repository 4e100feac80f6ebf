"""Write a run folder's results: predictions, PDFs, metrics, plots, report; and print the metrics."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.estimators.estimator import Estimator
from photoz_lit.evaluation.metrics.summary import summarise
from photoz_lit.evaluation.mismatch.verdict import Verdict
from photoz_lit.evaluation.plots.run import draw_run
from photoz_lit.evaluation.predictions.run_files import write_predictions
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.evaluation.report.gallery import write_gallery
from photoz_lit.evaluation.report.html import write_report
from photoz_lit.files import whole_file
from photoz_lit.metric import shown_in
from photoz_lit.modules.epochs import CURVE
from photoz_lit.printed import DATA_MARK, number
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.adaptation_results import adaptation_results
from photoz_lit.tasks.calibration import before_and_after, calibration_line, fit_calibrations
from photoz_lit.tasks.ensemble_mean import average
from photoz_lit.tasks.run_warnings import warnings_of_run
from photoz_lit.tasks.training_data import TrainingData
from photoz_lit.tasks.wandb_run import WandbRun

ANNOUNCED = ("report.html", "plots/", "predictions.parquet", "pdfs.hdf5")


def write_results(
    config: Config,
    estimator: Estimator,
    data: TrainingData,
    member_pdfs: dict[int, list[NDArray[np.float32]]],
    folder: RunFolder,
    wandb_run: WandbRun,
) -> None:
    """Fit the calibration; write ``fold_<k>.json``, predictions, PDFs, plots and report, and last ``metrics.json``.

    Parameters
    ----------
    config : of the run.
    estimator : that was fitted.
    data : all galaxies, and the split of each tested fold.
    member_pdfs : fold -> PDFs of its test galaxies, one array (n_test, n_bins) per member.
    folder : where to.
    wandb_run : gets the metrics and plots too.
    """
    sample, splits = data.evaluated, data.splits
    edges = sample.field.z_edges
    calibrations = fit_calibrations(config, data.sample, splits, folder)
    raw = {fold: average(members, config.ensemble.mean) for fold, members in member_pdfs.items()}
    pdf = {fold: calibrations.apply(one, edges, fold) for fold, one in raw.items()}
    rows = np.concatenate([splits[fold].test for fold in pdf])
    folds = np.concatenate([np.full(len(splits[fold].test), fold) for fold in pdf])
    joined = np.concatenate([pdf[fold] for fold in pdf])
    table = predictions_table(joined, edges, sample.catalogue.iloc[rows], folds, sample.field.reference_band)
    if len(pdf) > 1:
        for fold in pdf:
            here = folds == fold
            content = summarise(table[here].reset_index(drop=True), joined[here], edges, sample.field, sample.data)
            folder.write_json(f"fold_{fold}.json", content)
    metrics = summarise(table, joined, edges, sample.field, sample.data)
    about = {
        "experiment": config.experiment.name,
        "scale": config.scale.name,
        "seed": config.seed,
        "network": config.network.name,
        **({"method": config.network.name} if config.network.is_method else {}),
        **({} if (version := sample.simulation_version) is None else {"simulation_version": version}),
        **training_cost(estimator, data, folder),
    }
    further = adaptation_results(config, data, table, joined, folder) if data.adapted else {}
    compared = before_and_after(calibrations, list(raw.values()), joined, edges, table["z"])
    metrics = {**about, **metrics, **compared, **further}
    write_predictions(folder.path, table, joined, edges, sample.id_type_of(rows))
    curve = training_curve(folder)
    if len(curve):
        with whole_file(folder.path / CURVE) as partial:
            curve.to_csv(partial, index=False)
    draw_run(
        folder.path / "plots",
        table,
        joined,
        sample.field,
        sample.data,
        f"{sample.field.label or sample.field.name} · {config.experiment.name}",
        None if sample.stamp_size == 1 else lambda chosen: sample.flux(rows[chosen]),  # a catalogue without pixels
        sample.bands,
        curve,
    )
    write_gallery(folder.path, table, joined, sample.field, lambda chosen: sample.flux(rows[chosen]), sample.bands)
    wandb_run.finish(metrics, table, joined, sample)
    folder.write_json("metrics.json", metrics)
    write_report(folder.path)


def training_cost(estimator: Estimator, data: TrainingData, folder: RunFolder) -> dict[str, Any]:
    """Cost of one fit (the mean over the members): training galaxies, seconds, and what the estimator adds to it."""
    n_train = round(float(np.mean([len(split.train) for split in data.splits.values()])))
    fits = [json.loads(path.read_text()) for path in sorted((folder.path / "checkpoints").glob("*/fit.json"))]
    return {
        "n_train": n_train,
        "train_seconds": round(float(np.mean([fit["seconds"] for fit in fits])), 1),
        **estimator.training_figures(n_train, fits),
        **estimator.cost(data.sample).figures,
    }


def training_curve(folder: RunFolder) -> pd.DataFrame:
    """Training curves of all members below each other, with columns ``fold`` and ``member``."""
    parts = []
    for path in sorted((folder.path / "checkpoints").glob("fold_*_member_*")):
        _, fold, _, member = path.name.split("_")
        curves = [pd.read_csv(c) for c in path.glob(CURVE)]
        parts += [curve.assign(fold=int(fold), member=int(member)) for curve in curves]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def print_metrics(console: Console, folder: RunFolder) -> None:
    """Print the metrics of a finished run, overall, by label source and, after an adaptation, of the source field."""
    metrics: dict[str, Any] = folder.read_json("metrics.json")
    title = f"{metrics.get('experiment', '')} · {metrics['n_test']} test galaxies · {DATA_MARK[metrics['data']]}"
    table = NamesTable(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)
    table.add_column("labels")
    table.add_column("n", justify="right")
    columns = shown_in("headline")
    for name in columns:
        table.add_column(name, justify="right")
    sources = metrics["by_source"] if len(metrics["by_source"]) > 1 else {}
    rows = {"all": {"n": metrics["n_test"], **metrics}, **sources}
    if own := metrics.get("source"):
        rows["source field"] = {"n": own["n_test"], **own}
    for label, row in rows.items():
        table.add_row(label, str(row["n"]), *(number(row.get(name), 4) for name in columns))
    console.print(table)
    if found := metrics.get("calibration"):
        console.print(calibration_line(found), highlight=False)
    if said := metrics.get("verdict"):
        found = Verdict(said["answer"], tuple(said["reasons"]))
        console.print(f"Verdict without the target's labels: {shown(found.sentence)}", highlight=False)
    for sentence in warnings_of_run(metrics):
        console.print(f"[yellow]Note:[/yellow] {shown(sentence)}")
    there = [name for name in ANNOUNCED if (folder.path / name).exists()]
    # a path stays in one line, so that it can be copied
    console.print(f"Results: [bold]{shown(folder.path)}[/bold] ({', '.join(there)})", soft_wrap=True)
