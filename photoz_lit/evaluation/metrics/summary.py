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
from photoz_lit.evaluation.metrics.point import delta_z
from photoz_lit.evaluation.metrics.scores import galaxy_scores
from photoz_lit.evaluation.nz.statistics import coarse_edges, rebinned
from photoz_lit.fields import Field
from photoz_lit.metric import evaluate, metrics

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
    metrics are about), every metric of ``conf/metric``; ``by_source`` (label source -> the same with ``n``, without
    those of N(z)), ``by_mag`` and ``by_z`` (``"21-22"`` -> the same); and ``against_truth`` where the simulation's
    ``z_true`` is known. A metric that does not exist (no labels at all) is null.
    """
    if len(predictions) != pdf.shape[0]:
        raise InputError(f"{len(predictions)} predictions but {pdf.shape[0]} PDFs; they must be the same galaxies.")
    table, found = _measured(predictions, pdf, z_edges, "z", field)
    summary: dict[str, Any] = {
        "data": data,
        "field": field.name,
        "outlier_threshold": field.outlier_threshold,
        "n_predicted": len(predictions),
        "n_test": len(table),
        **found,
        "by_source": {
            str(source): _row(part, field) for source, part in table.groupby("z_source", sort=True) if len(part)
        },
        "by_mag": _binned(table, table["mag"].to_numpy(), _magnitude_edges(table["mag"].to_numpy()), field),
        "by_z": _binned(table, table["z"].to_numpy(), np.array(Z_BINS), field),
    }
    if "z_true" in predictions and np.isfinite(predictions["z_true"]).any():
        against, found = _measured(predictions, pdf, z_edges, "z_true", field)
        summary["against_truth"] = {"n": len(against), **found}
    plain: dict[str, Any] = _plain(summary)
    return plain


def metrics_of(table: pd.DataFrame, truth: str, threshold: float) -> dict[str, float]:
    """Return the metrics of rows with ``z_phot``, the column ``truth`` and the galaxies' scores; none of N(z)."""
    return evaluate(metrics().values(), galaxy_values(table, truth, threshold))


def galaxy_values(table: pd.DataFrame, truth: str, threshold: float) -> dict[str, Any]:
    """Return what metrics may be of, by name: the columns of a table, (N,), with ``z``, ``delta`` and ``threshold``.

    Parameters
    ----------
    table : predictions with the galaxies' scores against ``truth``, (N rows).
    truth : column of the redshifts that are right.
    threshold : |Δz| from which a galaxy is an outlier.
    """
    z = table[truth].to_numpy(np.float64)
    delta = delta_z(table["z_phot"].to_numpy(), z)
    columns = {
        str(name): column.to_numpy(np.float64) if column.dtype.kind == "f" else column.to_numpy()
        for name, column in table.items()
    }
    return {**columns, "z": z, "delta": delta, "threshold": threshold}


def nz_values(pdf: NDArray[Any], z_edges: ArrayLike, truth: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return N(z) of the galaxies with a redshift: ``stacked`` PDFs, ``reference``, (n_bins,), and ``z_edges``."""
    edges = np.asarray(z_edges, np.float64)
    known = np.isfinite(truth)
    stacked = np.zeros(len(edges) - 1)
    for part, block in probability_blocks(pdf):
        stacked += block[known[part]].sum(axis=0)
    reference = np.histogram(np.clip(truth[known], edges[0], edges[-1]), edges)[0].astype(np.float64)
    return {"stacked": stacked, "reference": reference, "z_edges": edges}


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
    edges, coarse = np.asarray(z_edges, np.float64), coarse_edges(z_edges)
    counts = np.histogram(np.clip(truth[np.isfinite(truth)], edges[0], edges[-1]), coarse)[0]
    stacked = nz_values(pdf, edges, truth)["stacked"]
    return {
        "z_min": float(edges[0]),
        "z_max": float(edges[-1]),
        "stacked": [round(float(value), 2) for value in rebinned(stacked, edges, coarse)],
        "truth": [int(value) for value in counts],
    }


def _measured(
    predictions: pd.DataFrame, pdf: NDArray[Any], z_edges: ArrayLike, truth: str, field: Field
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Galaxies with a redshift in the column ``truth``, scored against it, and all of their metrics."""
    z = predictions[truth].to_numpy(np.float64)
    scores = galaxy_scores(pdf, z_edges, z)
    others = predictions.loc[:, ~predictions.columns.isin(scores.columns)].reset_index(drop=True)
    table = others.join(scores)[np.isfinite(z)]
    if not len(table):
        return table, dict.fromkeys(metrics(), math.nan)
    values = {**galaxy_values(table, truth, field.outlier_threshold), **nz_values(pdf, z_edges, z)}
    return table, evaluate(metrics().values(), values)


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


def _plain(value: Any) -> Any:
    """Return the same content with null for what is not finite, as JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
