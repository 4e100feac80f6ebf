"""The content of ``metrics.json``: every metric of a set of predictions, overall, by label source and by magnitude."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.pdf import probability_blocks
from photoz_lit.evaluation.metrics.point import delta_z, point_metrics
from photoz_lit.evaluation.metrics.scores import galaxy_scores, pdf_metrics
from photoz_lit.evaluation.nz.statistics import coarse_edges, nz_distances, nz_moments, rebinned
from photoz_lit.fields import Field

MINIMUM_IN_BIN = 10  # a magnitude bin with fewer galaxies says nothing and is left out
Z_BINS = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)


def summarise(
    predictions: pd.DataFrame, pdf: NDArray[Any], z_edges: ArrayLike, field: Field, data: str
) -> dict[str, Any]:
    """Compute the content of ``metrics.json``, in plain units (σ_MAD 0.0079, η a fraction).

    Parameters
    ----------
    predictions : the table of :func:`photoz_lit.evaluation.predictions.table.predictions_table`, (N rows).
    pdf : probabilities, (N, n_bins), in the same order.
    z_edges : (n_bins + 1,).
    field : gives its name and the outlier threshold.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.

    Returns
    -------
    ``data``, ``field``, ``outlier_threshold``, ``n_predicted`` (N), ``n_test`` (galaxies with a label, which all
    metrics are about), the metrics of :func:`~photoz_lit.evaluation.metrics.point.point_metrics`, of
    :func:`~photoz_lit.evaluation.metrics.scores.pdf_metrics` and of :func:`nz_metrics`; ``by_source`` (label source ->
    the same with ``n``), ``by_mag`` and ``by_z`` (``"21-22"`` -> the same); and ``against_truth`` where the
    simulation's ``z_true`` is known. A metric that does not exist (no labels at all) is null.
    """
    if len(predictions) != pdf.shape[0]:
        raise InputError(f"{len(predictions)} predictions but {pdf.shape[0]} PDFs; they must be the same galaxies.")
    known = np.isfinite(predictions["z"].to_numpy(np.float64))
    scores = galaxy_scores(pdf, z_edges, predictions["z"])[known]
    new = scores.loc[:, ~scores.columns.isin(predictions.columns)].reset_index(drop=True)
    table = pd.concat([predictions[known].reset_index(drop=True), new], axis=1)
    summary: dict[str, Any] = {
        "data": data,
        "field": field.name,
        "outlier_threshold": field.outlier_threshold,
        "n_predicted": len(predictions),
        "n_test": len(table),
        **(metrics_of(table, "z", field.outlier_threshold) if len(table) else _nothing(field.outlier_threshold)),
        **nz_metrics(pdf, z_edges, predictions["z"].to_numpy(np.float64)),
        "by_source": {
            str(source): _row(part, field) for source, part in table.groupby("z_source", sort=True) if len(part)
        },
        "by_mag": _binned(table, table["mag"].to_numpy(), _magnitude_edges(table["mag"].to_numpy()), field),
        "by_z": _binned(table, table["z"].to_numpy(), np.array(Z_BINS), field),
    }
    if "z_true" in predictions and np.isfinite(predictions["z_true"]).any():
        truth = predictions["z_true"].to_numpy(np.float64)
        true = np.isfinite(truth)
        against = predictions[["z_phot", "z_true"]].join(galaxy_scores(pdf, z_edges, truth))[true]
        summary["against_truth"] = {
            "n": int(true.sum()),
            **metrics_of(against, "z_true", field.outlier_threshold),
            **nz_metrics(pdf, z_edges, truth),
        }
    plain: dict[str, Any] = _plain(summary)
    return plain


def metrics_of(table: pd.DataFrame, truth: str, threshold: float) -> dict[str, float]:
    """Return point and PDF metrics of rows with ``z_phot``, the column ``truth`` and the galaxies' scores."""
    delta = delta_z(table["z_phot"].to_numpy(), table[truth].to_numpy())
    return {**point_metrics(delta, threshold), **pdf_metrics(table)}


def nz_metrics(pdf: NDArray[Any], z_edges: ArrayLike, truth: NDArray[np.float64]) -> dict[str, float]:
    """Return how far the stacked PDFs of the galaxies with a redshift are from the histogram of those redshifts.

    ``nz_mean_shift`` (difference of the means), ``nz_ks``, ``nz_tv`` (total variation, in 80 bins over the grid) and
    ``nz_w1`` (Wasserstein-1); see :mod:`photoz_lit.evaluation.nz.statistics`. NaN where no redshift is known.
    """
    edges = np.asarray(z_edges, np.float64)
    known = np.isfinite(truth)
    if not known.any():
        return dict.fromkeys(("nz_mean_shift", "nz_ks", "nz_tv", "nz_w1"), math.nan)
    stacked = np.zeros(len(edges) - 1)
    for part, block in probability_blocks(pdf):
        stacked += block[known[part]].sum(axis=0)
    labels = np.histogram(np.clip(truth[known], edges[0], edges[-1]), edges)[0].astype(np.float64)
    shift = nz_moments(stacked, edges)["mean"] - nz_moments(labels, edges)["mean"]
    distances = nz_distances(stacked, labels, edges, coarse_edges(edges))
    return {"nz_mean_shift": float(shift), **{f"nz_{name}": float(value) for name, value in distances.items()}}


def coarse_nz(pdf: NDArray[Any], z_edges: ArrayLike, truth: NDArray[np.float64]) -> dict[str, Any]:
    """Return N(z) of the galaxies with a redshift in 80 even bins over the grid, small enough to be kept in a table.

    Parameters
    ----------
    pdf : probabilities, (N, n_bins).
    z_edges : (n_bins + 1,).
    truth : (N,), NaN where unknown.

    Returns
    -------
    ``z_min``, ``z_max`` of the grid, ``stacked`` (sum of the PDFs per bin) and ``truth`` (galaxies per bin).
    """
    edges = np.asarray(z_edges, np.float64)
    coarse = coarse_edges(edges)
    known = np.isfinite(truth)
    stacked = np.zeros(len(edges) - 1)
    for part, block in probability_blocks(pdf):
        stacked += block[known[part]].sum(axis=0)
    counts = np.histogram(np.clip(truth[known], edges[0], edges[-1]), coarse)[0]
    return {
        "z_min": float(edges[0]),
        "z_max": float(edges[-1]),
        "stacked": [round(float(value), 2) for value in rebinned(stacked, edges, coarse)],
        "truth": [int(value) for value in counts],
    }


def _row(table: pd.DataFrame, field: Field) -> dict[str, Any]:
    return {"n": len(table), **metrics_of(table, "z", field.outlier_threshold)}


def _binned(
    table: pd.DataFrame, values: NDArray[np.float64], edges: NDArray[np.float64], field: Field
) -> dict[str, dict[str, Any]]:
    rows = {}
    for low, high in pairwise(edges):
        inside = (values >= low) & (values < high)
        if inside.sum() >= MINIMUM_IN_BIN:
            rows[f"{low:g}-{high:g}"] = _row(table[inside], field)
    return rows


def _magnitude_edges(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole magnitudes around all valid values; no bins where there are none."""
    valid = magnitude[np.isfinite(magnitude)]
    if not len(valid):
        return np.zeros(1)
    return np.arange(np.floor(valid.min()), np.floor(valid.max()) + 2)


def _nothing(threshold: float) -> dict[str, float]:
    """Every metric's name with NaN."""
    one = pd.DataFrame({"z_phot": [0.5], "z": [0.5]}).join(galaxy_scores(np.ones((1, 2)), [0.0, 0.5, 1.0], [0.5]))
    return dict.fromkeys(metrics_of(one, "z", threshold), math.nan)


def _plain(value: Any) -> Any:
    """Return the same content with null for what is not finite, as JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
