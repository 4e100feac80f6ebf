"""``task=labels_hidden``: the merge on a real spectroscopic catalogue, the spec-z of half of the cells hidden."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.point import point_metrics
from photoz_lit.evaluation.nz.statistics import nz_distances, nz_moments
from photoz_lit.files import write_json
from photoz_lit.labels.plots import write_plots
from photoz_lit.provenance import git_commit
from photoz_lit.rows import record
from photoz_lit.simulation.catalogue import read_catalogue
from photoz_lit.tasks.task import TaskOptions
from research.hidden_cells import HiddenCells, cross_fitted_photo_z, hide_half_of_the_cells, photo_z_features

BOOTSTRAPS = 500
N_Z_STEP = 0.05


def run(config: Config, options: TaskOptions) -> None:  # noqa: ARG001
    """Write ``experiments/<experiment>/results.json`` and figures."""
    console = Console()
    settings = config.simulation
    if settings.catalogue is None or settings.mapping is None:
        raise InputError("task=labels_hidden needs a spectroscopic catalogue: simulation.catalogue=<file>.")
    catalogue, read = read_catalogue(settings.catalogue, settings.mapping, config.field, settings.table)
    features = photo_z_features(catalogue, config.labels.som.magnitude)
    photo_z = cross_fitted_photo_z(features, catalogue["z"].to_numpy(np.float64), config.seed)
    folder = Path(config.paths.experiments) / config.experiment.name
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    seeds = config.labels.study.seeds
    # Which cells are faint does not depend on the seed: one is enough.
    jobs: list[tuple[int, Literal["random", "faint"]]] = [(seeds[0], "faint"), *((seed, "random") for seed in seeds)]
    for seed, which in track(jobs, "hidden cells", transient=True):
        result = hide_half_of_the_cells(catalogue, photo_z, config.labels, "real", seed, which)
        if seed == seeds[0]:
            write_plots(result.labels, folder / "figures" / which)
        rows.append({"hidden_cells": which, "seed": seed, **_row(result, config.field.outlier_threshold)})
    z = catalogue["z"].to_numpy(np.float64)
    content = {
        "command": " ".join(["python -m photoz_lit", *_without_paths(sys.argv[1:])]),
        "git_commit": git_commit(),
        "data": "real",
        "n_galaxies": len(catalogue),
        "dropped": read.left_out,
        **record(read),
        "photo_z": {
            name: point_metrics((photo_z[name].to_numpy() - z) / (1 + z), config.field.outlier_threshold)
            for name in photo_z
        },
        "rows": rows,
    }
    write_json(folder / "results.json", content)
    for row in rows:
        console.print(_sentence(row))
    console.print(f"Results: [bold]{shown(folder / 'results.json')}[/bold]")


def _sentence(row: dict[str, Any]) -> str:
    error, covered, distances = row["label_error_hidden"], row["coverage"], row["n_of_z"]
    merge = distances["merge"]
    return (
        f"{row['hidden_cells']} cells hidden, seed {row['seed']}: target in cells with spec-z {covered['spec']:.1%},"
        f" with any label {covered['any']:.1%}; labels of hidden cells σ_MAD {error['sigma_mad']:.4f},"
        f" η {error['eta']:.2%}, bias {error['bias']:+.4f}; N(z) W1 of spec-z alone"
        f" {distances['spec_only']['w1']:.4f}, of the merge {merge['w1']:.4f} ± {merge['w1_err']:.4f}"
    )


def _row(result: HiddenCells, threshold: float) -> dict[str, Any]:
    table = result.catalogue
    delta = ((table["z"] - table["z_spec"]) / (1 + table["z_spec"])).to_numpy(np.float64)
    hidden = table["hidden"].to_numpy(bool)
    smooth, merge = table["weight"].to_numpy(np.float64), table["weight_merge"].to_numpy(np.float64)
    z = table["z"].to_numpy(np.float64)
    samples = {
        "spec_only": (result.spectra["z"].to_numpy(np.float64), np.ones(len(result.spectra))),
        "merge": (z, merge),
        "merge_kde": (z, smooth),
    }
    return {
        "n_merged": len(table),
        "hidden_share": result.hidden_share,
        "consensus_share": result.consensus_share,
        "coverage": result.labels.report["coverage"],
        "gold_test": result.labels.report["gold_test"],
        "map": result.labels.report["map"],
        "feature_ks": {k: v["mean"] for k, v in result.labels.report["feature_ks"].items()},
        "label_error": {"n": len(delta), **point_metrics(delta, threshold)},
        "label_error_hidden": {"n": int(hidden.sum()), **point_metrics(delta[hidden], threshold)},
        "n_of_z": {name: _n_of_z(*sample, result.truth) for name, sample in samples.items()},
    }


def _n_of_z(z: NDArray[np.float64], weight: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, float]:
    """Distances of a weighted N(z) from the hidden truth, with errors from a Poisson bootstrap over the labels."""
    edges = N_Z_STEP * np.arange(int(max(z.max(), truth.max()) / N_Z_STEP) + 2)
    random = np.random.default_rng(0)
    draws = np.concatenate([np.ones((len(z), 1)), random.poisson(1.0, (len(z), BOOTSTRAPS))], axis=1)
    bins = np.clip(np.digitize(z, edges) - 1, 0, len(edges) - 2)
    counts = np.zeros((len(edges) - 1, 1 + BOOTSTRAPS))
    np.add.at(counts, bins, draws * weight[:, None])
    reference = np.repeat(np.histogram(truth, edges)[0][:, None], 1 + BOOTSTRAPS, axis=1)
    result: dict[str, float] = {}
    shift = nz_moments(counts, edges)["mean"] - nz_moments(reference, edges)["mean"]
    for name, values in {"mean_shift": shift, **nz_distances(counts, reference, edges)}.items():
        result[name], result[f"{name}_err"] = float(values[0]), float(values[1:].std())
    return result


def _without_paths(arguments: list[str]) -> list[str]:
    """The command's arguments, the catalogue by its name alone."""
    head = "simulation.catalogue="
    return [head + Path(a.removeprefix(head)).name if a.startswith(head) else a for a in arguments]
