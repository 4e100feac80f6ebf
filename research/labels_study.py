"""``task=labels_study``: train the same network on four label sets of a simulated deep field, test it on the truth."""

from __future__ import annotations

import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.data.sample import Sample
from photoz_lit.data.split import Split
from photoz_lit.errors import InputError
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.evaluation.metrics.scores import galaxy_scores
from photoz_lit.evaluation.metrics.summary import metrics_of
from photoz_lit.evaluation.nz.statistics import nz_distances
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.files import whole_file, write_json
from photoz_lit.labels.mock import DeepField, deep_field
from photoz_lit.labels.plots import write_plots
from photoz_lit.provenance import git_commit, provenance
from photoz_lit.run_folder import RunFolder, run_folder
from photoz_lit.simulation.identity import data_kind
from photoz_lit.simulation.simulate import simulate_catalogue
from photoz_lit.tasks.data_source import sample_of
from photoz_lit.tasks.task import TaskOptions
from research.label_sets import N_Z_EDGES, label_figures, label_sets

VALIDATION_FOLD = 1


def run(config: Config, options: TaskOptions) -> None:  # noqa: ARG001
    """Write ``experiments/<experiment>/results.json``; networks that are trained already are not trained again."""
    console = Console()
    study = config.labels.study
    sample = sample_of(config)
    if "z_true" not in sample.catalogue:
        raise InputError("task=labels_study needs the truth, column z_true; use a simulated store.")
    field = deep_field(sample.catalogue, config.data.simulation_seed, config.labels.consensus)
    tables, merged = label_sets(field, config.labels, sample.data, config.data.simulation_seed)
    results = Path(config.paths.experiments) / config.experiment.name / "results.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    write_plots(merged, results.parent / "figures")
    content: dict[str, Any] = {
        "command": " ".join(["python -m photoz_lit", *sys.argv[1:]]),
        "git_commit": git_commit(),
        "scale": config.scale.name,
        "data": sample.data,
        "faint": study.faint,
        "labels": label_figures(tables, merged, field, study.faint),
        "coverage": merged.report["coverage"],
        "labels_of_large_catalogue": _large_catalogue(config),
        "rows": [],
    }
    write_json(results, content)
    for seed in study.seeds:
        for method in study.methods:
            metrics = _network(_method_config(config, method, seed), method, sample, field, tables[method])
            content["rows"] += [{"method": method, "seed": seed, **row} for row in metrics]
            write_json(results, content)
            _show(console, content["rows"][-2:])
    _show(console, content["rows"])
    console.print(f"Results: [bold]{shown(results)}[/bold]")


def _large_catalogue(config: Config) -> dict[str, Any] | None:
    """Figures of the label sets on a larger field, drawn without stamps with another seed."""
    n = config.labels.study.catalogue_galaxies
    if not n or config.simulation.catalogue is not None:
        return None
    settings = config.simulation.model_copy(update={"n_galaxies": n, "stamps": False})
    seed = config.data.simulation_seed + 1
    field = deep_field(simulate_catalogue(config.field, settings, seed), seed, config.labels.consensus)
    tables, merged = label_sets(field, config.labels, data_kind(settings), seed)
    figures = label_figures(tables, merged, field, config.labels.study.faint)
    return {"n_galaxies": n, "coverage": merged.report["coverage"], "labels": figures}


def _method_config(config: Config, method: str, seed: int) -> Config:
    """The config of one training: weighted where the method has weights."""
    weighted = method.startswith("som_merge")
    data = config.data.model_copy(update={"weighted_sampling": weighted})
    return config.model_copy(update={"seed": seed, "data": data})


def _network(
    config: Config, method: str, sample: Sample, field: DeepField, table: pd.DataFrame
) -> list[dict[str, Any]]:
    """Train on one label set, predict the target sample; return the rows of the results."""
    labelled, split = _labelled(sample, field, table)
    updates = -(-len(split.train) // config.data.batch_size) * config.data.batch_size
    epochs = max(1, round(config.labels.study.images / updates))
    trainer = config.trainer.model_copy(update={"max_epochs": epochs})
    config = config.model_copy(update={"trainer": trainer})
    folder = run_folder(config, f"{sample.data_hash}-{_hash_of(table)}-{method}")
    if not folder.finished:
        pdf = _trained_pdf(config, labelled, split, folder, sample, table)
        _write_results(config, method, sample, split, pdf, folder)
    rows: list[dict[str, Any]] = folder.read_json("metrics.json")["rows"]
    return rows


def _hash_of(table: pd.DataFrame) -> str:
    return f"{zlib.crc32(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes()):08x}"


def _labelled(sample: Sample, field: DeepField, table: pd.DataFrame) -> tuple[Sample, Split]:
    """The sample with the method's labels and nothing of the truth, and who trains, validates and is tested."""
    ids = pd.Index(sample.catalogue["object_id"].astype(str))
    names = ["z", "z_err", "z_source", "z_quality", "weight"]
    catalogue = sample.catalogue.drop(columns=[n for n in sample.catalogue if n in names or str(n).endswith("_true")])
    labels = table.set_index("object_id").reindex(ids)
    catalogue = catalogue.assign(**{name: labels[name].to_numpy() for name in names})
    catalogue["z_source"] = catalogue["z_source"].fillna("").astype(str)
    catalogue["weight"] = catalogue["weight"].fillna(1.0)  # unlabelled galaxies are predicted, never drawn
    # A label outside the network's grid cannot be learnt from; the target is never labelled here.
    low, high = sample.field.z_edges[[0, -1]]
    z = catalogue["z"].to_numpy(np.float64)
    known = np.isfinite(z) & (z >= low) & (z <= high)
    fold = catalogue["fold"].to_numpy()
    target = field.photometry.loc[field.photometry["in_target"], "object_id"]
    test = np.sort(ids.get_indexer(pd.Index(target.astype(str)))).astype(np.int64)
    validation = np.flatnonzero(known & (fold == VALIDATION_FOLD))
    train = np.flatnonzero(known & (fold != VALIDATION_FOLD))
    if not len(train) or not len(validation):
        raise InputError(f"{known.sum()} labels leave none to train or to validate on; simulate more galaxies.")
    return replace(sample, catalogue=catalogue), Split(train, validation, test, 0)


def _trained_pdf(
    config: Config, labelled: Sample, split: Split, folder: RunFolder, sample: Sample, table: pd.DataFrame
) -> NDArray[np.float32]:
    pdf = folder.member_pdf(0, 0)
    if pdf is None:
        folder.make()
        folder.member(0, 0).mkdir(parents=True, exist_ok=True)
        with whole_file(folder.path / "labels.parquet") as partial:
            table.to_parquet(partial, index=False)
        folder.write_json("provenance.json", provenance(config, sample.data, sample.data_hash))
        estimator = estimator_of(config)
        estimator.fit(labelled, split, config.seed, folder.member(0, 0))
        pdf = estimator.predict(labelled, split.test)
        folder.keep_member(0, 0, estimator.fit_report, pdf)
    return pdf


def _write_results(
    config: Config, method: str, sample: Sample, split: Split, pdf: NDArray[np.float32], folder: RunFolder
) -> None:
    """Score the target's PDFs against the truth, all and faint."""
    edges = sample.field.z_edges
    catalogue = sample.catalogue.iloc[split.test].copy()
    catalogue["z"], catalogue["z_source"] = catalogue["z_true"], "truth"
    table = predictions_table(pdf, edges, catalogue, -1, sample.field.reference_band)
    with whole_file(folder.path / "predictions.parquet") as partial:
        table.to_parquet(partial, index=False)
    cost: dict[str, Any] = {"n_train": len(split.train), "train_images": config.trainer.max_epochs * len(split.train)}
    known = estimator_of(config).cost(sample).figures
    cost |= {name: known[name] for name in ("gflop_per_image",) if name in known}
    scored = table[["z_phot", "z_true", "mag"]].join(galaxy_scores(pdf, edges, table["z_true"]))
    faint = table["mag"].to_numpy() >= config.labels.study.faint
    rows = []
    for field_name, keep in (("target_all", np.ones(len(table), bool)), ("target_faint", faint)):
        if keep.sum() < 2:
            continue
        reference = np.histogram(table["z_true"][keep], edges)[0]
        distance = nz_distances(pdf[keep].sum(axis=0), reference, edges, N_Z_EDGES)
        part = scored[keep].reset_index(drop=True)
        rows.append(
            {
                "field": field_name,
                "n_test": int(keep.sum()),
                **metrics_of(part, "z_true", sample.field.outlier_threshold),
                **{f"nz_{name}": float(value) for name, value in distance.items()},
                **cost,
            }
        )
    folder.write_json("metrics.json", {"data": sample.data, "method": method, "seed": config.seed, "rows": rows})


def _show(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table(title="against the truth (simulated)", title_justify="left")
    for column in ("method", "field", "seed", "n_train", "n_test", "sigma_mad", "eta", "bias", "nz_tv"):
        table.add_column(column, justify="left" if column in ("method", "field") else "right")
    for row in rows:
        figures = [f"{row[name]:.4f}" for name in ("sigma_mad", "eta", "bias", "nz_tv")]
        table.add_row(
            row["method"], row["field"], *(str(row[name]) for name in ("seed", "n_train", "n_test")), *figures
        )
    console.print(table)
