"""``task=predict``: apply a run to any store, labelled or not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.sampling import is_main_process
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions import predictions_table
from photoz_lit.evaluation.qp_file import write_pdfs_hdf5
from photoz_lit.evaluation.summary import summarise
from photoz_lit.run_folder import RunFolder, config_of_run, provenance, write_config
from photoz_lit.tasks.results import average, print_metrics
from photoz_lit.tasks.train import estimator_of

SEEN_BY_ALL = -2
NEVER_SEEN = -1


def run(config: Config) -> None:
    """Predict every galaxy of ``data.store`` with the networks of ``run``."""
    predict(config)


def predict(config: Config) -> RunFolder:
    """Predict every galaxy of ``data.store`` with the networks of ``run``.

    Returns
    -------
    The run folder of the predictions.
    """
    console = Console()
    if not config.run or not config.data.stores:
        missing = "run=<run folder>" if not config.run else "data.store=<store>"
        raise InputError(f"task=predict needs {missing}.")
    trained = config_of_run(Path(config.run))
    source = RunFolder(Path(config.run))
    sample = _sample(config, trained)
    trained = trained.model_copy(update={"trainer": config.trainer})  # it may run elsewhere than it was trained
    pdf, fold = predict_unseen(trained, source, sample, config.drop)
    folder = _folder(config, source, sample)
    if not is_main_process():
        return folder
    table = predictions_table(pdf, sample.field.z_edges, sample.catalogue, fold, sample.field.reference_band)
    table["in_training"] = fold == SEEN_BY_ALL
    folder.path.mkdir(parents=True, exist_ok=True)
    record = provenance(trained, sample.data, sample.data_hash)
    folder.write_json("provenance.json", {**record, "run": str(source.path), "drop": config.drop})
    write_config(folder.path, trained)
    table.to_parquet(folder.path / "predictions.parquet", index=False)
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
    console.print(f"{len(table)} galaxies predicted: [bold]{folder.path}[/bold] (predictions.parquet, pdfs.hdf5)")
    return folder


def predict_unseen(
    trained: Config, source: RunFolder, sample: Sample, dropped: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """PDFs of all galaxies, each by networks that never saw it wherever there is one.

    Returns
    -------
    pdf (N, n_bins), and per galaxy the fold whose networks predicted it: -1 where all did because none saw it, -2
    where every network was trained on it.
    """
    split = pd.read_parquet(source.path / "split.parquet")
    known = dict(zip(split["object_id"], split["fold"], strict=True))
    roles = dict(zip(split["object_id"], split["role"], strict=True))
    ids = sample.catalogue["object_id"]
    folds = range(5) if trained.cv.folds else [0]
    trained_on = ids.map(lambda i: roles.get(i, "") in ("train", "validation", "cv")).to_numpy(bool)
    fold = np.where(trained_on, ids.map(lambda i: known.get(i, NEVER_SEEN)).to_numpy(int), NEVER_SEEN)
    fold = np.where(trained_on & ~np.isin(fold, list(folds)), SEEN_BY_ALL, fold)
    if not trained.cv.folds:
        fold = np.where(trained_on, SEEN_BY_ALL, NEVER_SEEN)
    pdfs: list[NDArray[np.float32]] = []
    total = np.zeros((len(sample), sample.field.n_bins), np.float32)
    for k in folds:
        rows = np.flatnonzero((fold < 0) | (fold == k))
        pdfs = []
        for member in range(trained.ensemble.members):
            estimator = estimator_of(trained)
            estimator.load(source.member(k, member))
            pdfs.append(estimator.predict(sample, rows, dropped))
        total[rows] += average(pdfs, trained.ensemble.mean)
    return total / total.sum(axis=1, keepdims=True), fold


def _sample(config: Config, trained: Config) -> Sample:
    stores = [open_store(path) for path in config.data.stores]
    bands = trained.data.bands or list(trained.field.band_names)
    return load_sample(
        stores, trained.field, trained.scale.stamp_size, bands, config.data.select, config.data.missing_bands
    )


def _folder(config: Config, source: RunFolder, sample: Sample) -> RunFolder:
    text = f"{source.path.resolve()} {sample.data_hash} {config.drop} {config.data.select}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return RunFolder(config.paths.runs / "predict" / f"{source.path.parent.name}-{digest}")
