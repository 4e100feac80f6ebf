"""Four label sets of one simulated deep field, and how good each is, the truth being known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.labels.build import LabelSet, build_labels
from photoz_lit.labels.candidates import gather
from photoz_lit.labels.comparison import WeightedSample, compare_features, total_variation, weighted_ks
from photoz_lit.labels.features import MAD_TO_SIGMA
from photoz_lit.labels.mock import DeepField
from photoz_lit.labels.settings import LabelsSettings

TABLE_COLUMNS = ["object_id", "z", "z_err", "z_source", "z_quality", "weight"]
N_Z_EDGES = np.arange(0.0, 6.01, 0.1)
OUTLIER = 0.15


def label_sets(field: DeepField, settings: LabelsSettings, data: str, seed: int = 0) -> tuple[dict[str, Any], LabelSet]:
    """Make the label table of every method.

    Parameters
    ----------
    field : photometry and label samples.
    settings : of map, merge and smoothing.
    data : kind of data.
    seed : of the map and the merge.

    Returns
    -------
    tables : method -> table of :data:`TABLE_COLUMNS`; ``spec_only`` holds all secure spec-z, ``consensus_only`` the
        consensus of every galaxy that has one, ``som_merge`` and ``som_merge_kde`` the merge with its weights.
    merged : the label set behind the last two.
    """
    smooth = settings.model_copy(update={"smoothing": settings.smoothing.model_copy(update={"enabled": True})})
    merged = build_labels(field.photometry, field.sources, smooth, data, seed, "z_true")
    alone = {}
    for method, source in (("spec_only", "spec"), ("consensus_only", "cosmos2020")):
        sources = [entry for entry in field.sources if entry.name == source]
        table = gather(sources, field.photometry, settings.merge.match_radius).best
        alone[method] = table.assign(weight=1.0)[TABLE_COLUMNS]
    catalogue = merged.catalogue
    tables = {
        **alone,
        "som_merge": catalogue.assign(weight=catalogue["weight_merge"])[TABLE_COLUMNS],
        "som_merge_kde": catalogue[TABLE_COLUMNS],
    }
    return tables, merged


def label_figures(tables: dict[str, pd.DataFrame], merged: LabelSet, field: DeepField, faint: float) -> dict[str, Any]:
    """State, for every label set, how representative it is, how wrong its labels are, and its N(z) error.

    Parameters
    ----------
    tables : see :func:`label_sets`.
    merged : its second result.
    field : its truth.
    faint : magnitude from which the target is faint.

    Returns
    -------
    method -> ``n``, ``n_effective``, ``ks`` (feature -> KS distance from the target sample), ``label_error`` (weighted
    ``sigma_mad``, ``eta``, ``bias`` against the truth), and ``n_of_z`` and ``n_of_z_faint`` (``ks``, ``tv`` and
    ``mean_error`` against the truth of the target and of its part fainter than ``faint``).
    """
    truth = field.photometry.set_index("object_id")
    target = field.photometry[field.photometry["in_target"]]
    band = f"mag_{merged.som.space.magnitude}"
    figures = {}
    for method, table in tables.items():
        rows = truth.loc[table["object_id"]].reset_index(drop=True)
        weight = table["weight"].to_numpy(np.float64)
        sample = WeightedSample(rows.assign(z=table["z"].to_numpy(np.float64)), weight)
        dim, target_dim = (part[band].to_numpy(np.float64) >= faint for part in (rows, target))
        z, target_z = table["z"].to_numpy(np.float64), target["z_true"].to_numpy(np.float64)
        figures[method] = {
            "n": len(table),
            "n_effective": float(weight.sum() ** 2 / (weight**2).sum()),
            "ks": compare_features(merged.som.space, target, {method: sample})[method],
            "label_error": _label_error(z, rows["z_true"].to_numpy(np.float64), weight),
            "n_of_z": _distance(z, weight, target_z),
            "n_of_z_faint": _distance(z[dim], weight[dim], target_z[target_dim]),
        }
    return figures


def _label_error(z: NDArray[np.float64], truth: NDArray[np.float64], weight: NDArray[np.float64]) -> dict[str, float]:
    delta = (z - truth) / (1 + truth)
    middle = _weighted_median(delta, weight)
    return {
        "sigma_mad": MAD_TO_SIGMA * _weighted_median(np.abs(delta - middle), weight),
        "eta": float(np.average(np.abs(delta) >= OUTLIER, weights=weight)),
        "bias": float(np.average(delta, weights=weight)),
    }


def _weighted_median(values: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    cumulative = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(cumulative, 0.5 * cumulative[-1])])


def _distance(
    z: NDArray[np.float64], weight: NDArray[np.float64], target_z: NDArray[np.float64]
) -> dict[str, float | None]:
    if not len(z) or not len(target_z):
        return {"ks": None, "tv": None, "mean_error": None}
    return {
        "ks": weighted_ks(z, target_z, weight, np.ones(len(target_z))),
        "tv": total_variation(z, target_z, N_Z_EDGES, weight),
        "mean_error": float(np.average(z, weights=weight) - target_z.mean()),
    }
