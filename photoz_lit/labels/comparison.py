"""Representativity: how far samples of labels are from the target sample in magnitude, colours and redshift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.labels.features import FeatureSpace, raw_features


@dataclass(frozen=True)
class WeightedSample:
    """Galaxies with weights.

    Attributes
    ----------
    table : ``mag_*`` and, for labels, ``z``.
    weight : (N,), or None for 1 each.
    """

    table: pd.DataFrame
    weight: NDArray[np.float64] | None = None

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weights, (N,)."""
        return np.ones(len(self.table)) if self.weight is None else self.weight


def weighted_ks(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    a_weight: NDArray[np.float64],
    b_weight: NDArray[np.float64],
) -> float:
    """Largest distance between the weighted cumulative distributions of two samples; NaN values are left out."""
    known_a, known_b = np.isfinite(a), np.isfinite(b)
    if not known_a.any() or not known_b.any():
        return float("nan")
    values = np.concatenate([a[known_a], b[known_b]])
    steps = np.concatenate([a_weight[known_a] / a_weight[known_a].sum(), -b_weight[known_b] / b_weight[known_b].sum()])
    order = np.argsort(values, kind="stable")
    gap = np.cumsum(steps[order])
    last_of_equals = np.append(np.diff(values[order]) > 0, True)
    return float(np.abs(gap[last_of_equals]).max())


def compare_features(
    space: FeatureSpace, target: pd.DataFrame, samples: Mapping[str, WeightedSample]
) -> dict[str, dict[str, float]]:
    """KS distance of each sample from the target, per feature.

    Returns
    -------
    sample -> feature (``i``, ``u-g`` …) -> KS, and ``mean`` over the features.
    """
    reference = raw_features(target, space.magnitude, space.bands)
    ones = np.ones(len(reference))
    result: dict[str, dict[str, float]] = {}
    for name, sample in samples.items():
        raw = raw_features(sample.table, space.magnitude, space.bands)
        row = {
            feature: weighted_ks(raw[:, k], reference[:, k], sample.weights, ones)
            for k, feature in enumerate(space.names)
        }
        result[name] = {**row, "mean": float(np.nanmean(list(row.values())))}
    return result


def compare_redshifts(
    samples: Mapping[str, WeightedSample], reference: NDArray[np.float64] | None, z_edges: NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    """Mean and width of each sample's N(z) and, with a reference, its distance from it.

    Parameters
    ----------
    samples : labels.
    reference : (n,) redshifts of the target sample (photo-z, or the truth of a simulation), or None.
    z_edges : bins of the total variation.

    Returns
    -------
    sample -> ``mean``, ``width`` (standard deviation) and, with a reference, ``ks``, ``total_variation``,
    ``mean_error``; the reference itself under ``target``.
    """
    result: dict[str, dict[str, float]] = {}
    known = reference[np.isfinite(reference)] if reference is not None else None
    for name, sample in samples.items():
        z, weight = sample.table["z"].to_numpy(np.float64), sample.weights
        mean = float(np.average(z, weights=weight))
        row = {"mean": mean, "width": float(np.sqrt(np.average((z - mean) ** 2, weights=weight)))}
        if known is not None and len(known):
            row["ks"] = weighted_ks(z, known, weight, np.ones(len(known)))
            row["total_variation"] = total_variation(z, known, z_edges, weight)
            row["mean_error"] = mean - float(known.mean())
        result[name] = row
    if known is not None and len(known):
        result["target"] = {"mean": float(known.mean()), "width": float(known.std())}
    return result


def total_variation(
    z: NDArray[np.float64],
    reference: NDArray[np.float64],
    z_edges: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
    reference_weight: NDArray[np.float64] | None = None,
) -> float:
    """Half the summed difference of two normalised histograms; 0 for the same, 1 for disjoint ones."""

    def histogram(values: NDArray[np.float64], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        counts = np.histogram(np.clip(values, z_edges[0], z_edges[-1]), z_edges, weights=weights)[0]
        return np.asarray(counts / max(counts.sum(), 1e-300))

    return float(0.5 * np.abs(histogram(z, weight) - histogram(reference, reference_weight)).sum())
