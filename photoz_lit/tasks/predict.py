"""``task=predict``: apply a run to any store, labelled or not."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.data.folds import LINKING_RADIUS, N_FOLDS
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.sampling import is_main_process
from photoz_lit.data.store import open_store
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.evaluation.metrics.summary import summarise
from photoz_lit.evaluation.predictions.qp_file import write_pdfs_hdf5
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.files import whole_file
from photoz_lit.provenance import provenance
from photoz_lit.rows import record
from photoz_lit.run_folder import RunFolder, config_of_run, write_config
from photoz_lit.sky_matching import SkyIndex, separations
from photoz_lit.tasks.calibration import calibrations_of
from photoz_lit.tasks.ensemble_mean import average
from photoz_lit.tasks.options import PredictOptions
from photoz_lit.tasks.prediction_cache import are_there, key_of, seal, unseal
from photoz_lit.tasks.results import print_metrics
from photoz_lit.tasks.threads_and_ranks import threads_and_ranks

SEEN_BY_ALL = -2
NEVER_SEEN = -1


def run(config: Config, options: PredictOptions) -> None:
    """Predict every galaxy of ``data.store`` with the networks of ``task.run``."""
    predict(config, options)


def predict(config: Config, options: PredictOptions, reuse: bool = False) -> RunFolder:
    """Predict every galaxy of ``data.store`` with the networks of ``task.run``.

    Parameters
    ----------
    config, options : of the task.
    reuse : take predictions that are there where nothing that shaped them has changed.

    Returns
    -------
    The run folder of the predictions.
    """
    console = Console()
    trained = config_of_run(options.run, config)
    source = RunFolder(options.run)
    sample = _sample(config, trained)
    trained = trained.model_copy(update={"trainer": config.trainer})  # it may run elsewhere than it was trained
    folder = _folder(config, options.drop, source, sample)
    key = key_of(config, options.drop, trained, source, sample)
    if reuse and are_there(folder, key):
        console.print(f"Predictions of this run for this store are there already: {shown(folder.path)}")
        return folder
    pdf, fold = predict_unseen(trained, source, sample, options.drop)
    if not is_main_process():
        return folder
    table = predictions_table(pdf, sample.field.z_edges, sample.catalogue, fold, sample.field.reference_band)
    table["in_training"] = fold == SEEN_BY_ALL
    folder.make()
    unseal(folder)
    (folder.path / "metrics.json").unlink(missing_ok=True)  # of an earlier pass; what is not scored has none
    made = provenance(trained, sample.data, sample.data_hash)
    about = {"run": str(source.path), "drop": options.drop, "lacking_a_band": sample.lacking, **threads_and_ranks()}
    folder.write_json("provenance.json", {**made, **about, **record(sample.rows.checked(len(table)))})
    write_config(folder.path, trained)
    with whole_file(folder.path / "predictions.parquet") as path:
        table.to_parquet(path, index=False)
    write_pdfs_hdf5(folder.path / "pdfs.hdf5", pdf, sample.field.z_edges, table)
    scored = (table["z"].notna() & ~table["in_training"]).to_numpy()
    seen = int(table["in_training"].sum())
    if seen:
        console.print(f"{seen} galaxies were trained on by every network of the run; column in_training marks them"
                      " and no metric counts them.")  # fmt: skip
    if scored.any():
        content = summarise(
            table[scored].reset_index(drop=True), pdf[scored], sample.field.z_edges, sample.field, sample.data
        )
        folder.write_json("metrics.json", {"experiment": f"{trained.experiment.name} applied", **content})
        print_metrics(console, folder)
    console.print(sample.rows.line(), highlight=False)
    if sample.lacking:
        console.print(
            f"{sample.lacking} galaxies lack a band and are left out; data.missing_bands=blank predicts them."
        )
    console.print(
        f"{len(table)} galaxies predicted: [bold]{shown(folder.path)}[/bold] (predictions.parquet, pdfs.hdf5)"
    )
    seal(folder, key)
    return folder


def predict_unseen(
    trained: Config, source: RunFolder, sample: Sample, dropped: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Calibrated PDFs of all galaxies, each by networks that never saw it wherever there is one.

    Returns
    -------
    pdf (N, n_bins), and per galaxy the fold whose networks predicted it: -1 where all did because none saw it, -2
    where every network was trained on it.
    """
    seen = seen_in_fold(pd.read_parquet(source.path / "split.parquet"), sample.catalogue)
    folds = range(N_FOLDS) if trained.cv.folds else [0]
    # With cross-validation the networks of a galaxy's own fold never saw it; without, all of them did.
    fold = np.where((seen != NEVER_SEEN) & (not trained.cv.folds), SEEN_BY_ALL, seen)
    calibrations = calibrations_of(trained, source)
    total = np.zeros((len(sample), sample.field.n_bins), np.float32)
    for k in folds:
        rows = np.flatnonzero((fold < 0) | (fold == k))
        pdfs = []
        for member in range(trained.ensemble.members):
            estimator = estimator_of(trained)
            estimator.load(source.member(k, member))
            pdfs.append(estimator.predict(sample, rows, dropped))
        total[rows] += calibrations.apply(average(pdfs, trained.ensemble.mean), sample.field.z_edges, k)
    return total / total.sum(axis=1, keepdims=True), fold


def seen_in_fold(split: pd.DataFrame, catalogue: pd.DataFrame) -> NDArray[np.int64]:
    """Fold of every galaxy that a run was trained or validated on, -1 for the others.

    A galaxy is known by its place: another catalogue's id for the same object within 1 arcsec does not make it a new
    one, nor does an equal id elsewhere on the sky, as of row numbers, make it a known one. Without a place, by its
    ``object_id``.

    Parameters
    ----------
    split : ``split.parquet`` of the run.
    catalogue : galaxies to look up, (N rows).
    """
    used = split[split["role"].isin(["train", "validation", "cv"])].reset_index(drop=True)
    if not len(used):
        return np.full(len(catalogue), NEVER_SEEN)
    row_of = {name: row for row, name in enumerate(used["object_id"])}
    row = np.array([row_of.get(name, -1) for name in catalogue["object_id"]], np.int64)
    row[_elsewhere(used.iloc[row], catalogue)] = -1
    seen = np.where(row >= 0, used["fold"].to_numpy()[row], NEVER_SEEN)
    nearest, _ = SkyIndex(used["ra"], used["dec"]).nearest(catalogue["ra"], catalogue["dec"], LINKING_RADIUS)
    return np.where((seen == NEVER_SEEN) & (nearest >= 0), used["fold"].to_numpy()[nearest], seen)


def _elsewhere(one: pd.DataFrame, other: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether two catalogues' galaxies, row by row, have places more than 1 arcsec apart; false where one has none."""
    return np.asarray(separations(one["ra"], one["dec"], other["ra"], other["dec"]) > LINKING_RADIUS)


def _sample(config: Config, trained: Config) -> Sample:
    stores = [open_store(path) for path in config.data.stores]
    bands = trained.data.bands or list(trained.field.band_names)
    return load_sample(
        stores, trained.field, trained.scale.stamp_size, bands, config.data.select, config.data.missing_bands
    )


def _folder(config: Config, drop: list[str], source: RunFolder, sample: Sample) -> RunFolder:
    text = f"{source.path.resolve()} {sample.data_hash} {drop} {config.data.select}"
    if config.data.missing_bands != "drop":
        text += f" {config.data.missing_bands}"
    if config.tta is not None:
        text += f" tta={config.tta}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return RunFolder(config.paths.runs / "predict" / f"{source.path.parent.name}-{digest}")
