"""``task=predict``: apply a run to any store, labelled or not."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.sampling import is_main_process
from photoz_lit.data.store import open_store
from photoz_lit.evaluation.metrics.summary import summarise
from photoz_lit.evaluation.predictions.run_files import write_predictions
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.provenance import provenance
from photoz_lit.rows import record
from photoz_lit.run_folder import RunFolder, config_of_run, write_config
from photoz_lit.tasks.nodes import require_started_on_nodes
from photoz_lit.tasks.options import DroppingOptions, PredictOptions
from photoz_lit.tasks.prediction_cache import are_there, key_of, seal, unseal
from photoz_lit.tasks.prediction_stream import predict_in_shards
from photoz_lit.tasks.reliability_columns import reliability_columns
from photoz_lit.tasks.results import print_metrics
from photoz_lit.tasks.threads_and_ranks import threads_and_ranks
from photoz_lit.tasks.unseen_networks import SEEN_BY_ALL, UnseenNetworks

LARGE = 200_000  # galaxies whose PDFs in memory are worth a word


def run(config: Config, options: PredictOptions) -> None:
    """Predict every galaxy of ``data.store`` with the networks of ``task.run``: in shards, or into one run folder."""
    require_started_on_nodes(config.trainer)
    if options.output is None:
        predict(config, options)
    else:
        predict_in_shards(config, options, options.output)


def predict(config: Config, options: DroppingOptions, reuse: bool = False) -> RunFolder:
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
    if len(sample) > LARGE:
        console.print(
            f"The PDFs of {len(sample):,} galaxies are held in memory; task.output=<folder> holds few of them."
        )
    pdf, fold = predict_unseen(trained, source, sample, options.drop)
    if not is_main_process():
        return folder
    columns = reliability_columns(UnseenNetworks(trained, source, options.drop), sample, fold, pdf)
    table = predictions_table(pdf, sample.field.z_edges, sample.catalogue, fold, sample.field.reference_band)
    table = table.assign(in_training=fold == SEEN_BY_ALL, **columns)
    folder.make()
    unseal(folder)
    (folder.path / "metrics.json").unlink(missing_ok=True)  # of an earlier pass; what is not scored has none
    made = provenance(trained, sample.data, sample.data_hash)
    about = {"run": str(source.path), "drop": options.drop, "lacking_a_band": sample.lacking, **threads_and_ranks()}
    folder.write_json("provenance.json", {**made, **about, **record(sample.rows.checked(len(table)))})
    write_config(folder.path, trained)
    write_predictions(folder.path, table, pdf, sample.field.z_edges, sample.id_type)
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
    networks = UnseenNetworks(trained, source, dropped)
    fold = networks.folds(sample.catalogue)
    return networks.predict(sample, fold), fold


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
