"""From a target sample and catalogues of labels to a representative label set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.sampling_weights import RECIPE, SMOOTHING
from photoz_lit.data.smoothing import RedshiftDensity, smoothing_weights
from photoz_lit.errors import InputError
from photoz_lit.labels.candidates import Candidates, gather
from photoz_lit.labels.comparison import WeightedSample, compare_features, compare_redshifts
from photoz_lit.labels.exclusions import label_rows
from photoz_lit.labels.features import catalogue_bands, fit_features
from photoz_lit.labels.merge import Merge, merge, require_enough_labels
from photoz_lit.labels.settings import TIERS, LabelsSettings
from photoz_lit.labels.som import SelfOrganisingMap, grid_shape
from photoz_lit.labels.som_training import train_som
from photoz_lit.labels.sources import LabelCatalogue
from photoz_lit.rows import record

N_Z_STEP = 0.05
CATALOGUE_COLUMNS = ("object_id", "ra", "dec", "z", "z_err", "z_source", "z_quality", "weight", "cell")


@dataclass(frozen=True)
class LabelSet:
    """A label set and how it came about.

    Attributes
    ----------
    catalogue : ``object_id``, ``ra``, ``dec``, ``z``, ``z_err``, ``z_source``, ``z_quality``, ``weight`` (sampling
        weight, mean 1), ``cell``, ``weight_merge`` (before smoothing), what a training makes its own weights from
        (:mod:`photoz_lit.data.sampling_weights`) and ``mag_*``.
    som : the map.
    merged : what the merge did.
    density : N(z | magnitude) raw and smooth, None where smoothing is off.
    samples : label samples before and after, by name, for comparisons.
    target : the target sample.
    reference_z : (n_target,) redshifts of the target to compare N(z) with, or None.
    report : everything that ``report.json`` says.
    """

    catalogue: pd.DataFrame
    som: SelfOrganisingMap
    merged: Merge
    density: RedshiftDensity | None
    samples: dict[str, WeightedSample]
    target: pd.DataFrame
    reference_z: NDArray[np.float64] | None
    report: dict[str, Any]


def build_labels(
    photometry: pd.DataFrame,
    sources: Sequence[LabelCatalogue],
    settings: LabelsSettings,
    data: str,
    seed: int = 0,
    reference_z: str | None = None,
) -> LabelSet:
    """Train the map on the target sample, merge the labels, smooth N(z).

    Parameters
    ----------
    photometry : ``object_id``, ``ra``, ``dec``, ``mag_*`` and ``in_target`` (bool) of all objects; ``z_phot``, where
        it is there, serves the gold test.
    sources : catalogues of labels.
    settings : section ``labels``.
    data : ``real``, ``simulated`` or ``simulated_from_catalogue``.
    seed : of the map, and of the draw among equally good labels.
    reference_z : column of ``photometry`` with the target's redshifts, for the comparison of N(z) alone: the truth of
        a simulation, or photo-z.

    Raises
    ------
    InputError : as the parts do.
    """
    target = photometry[photometry["in_target"]].reset_index(drop=True)
    candidates = gather(sources, photometry, settings.merge.match_radius)
    som = _map_of(target, candidates, settings, seed)
    target_features = som.space.whiten(target)
    target_cells, distance = som.nearest(target_features)
    z_phot = target["z_phot"].to_numpy(np.float64) if "z_phot" in target else None
    merged = merge(target_cells, candidates, som.place(candidates.table), som.n_cells, settings.merge, z_phot, seed)
    catalogue = merged.catalogue.rename(columns={"weight": "weight_merge"})
    catalogue["weight"], density = catalogue["weight_merge"], None
    if settings.smoothing.enabled:
        magnitude = catalogue[f"mag_{som.space.magnitude}"].to_numpy(np.float64)
        z, weight = catalogue["z"].to_numpy(np.float64), catalogue["weight_merge"].to_numpy(np.float64)
        catalogue["weight"], density = smoothing_weights(z, magnitude, weight, settings.smoothing)
        catalogue["smooth_mag"] = magnitude
        catalogue["smooth_bandwidth"] = settings.smoothing.bandwidth
        catalogue["smooth_max_weight"] = settings.smoothing.max_weight
    recipe = [name for name in (*RECIPE[1:], *SMOOTHING) if name in catalogue]
    columns = [*CATALOGUE_COLUMNS, "weight_merge", *recipe, *(n for n in catalogue if str(n).startswith("mag_"))]
    catalogue = catalogue[columns]
    samples = _samples(candidates, catalogue, settings.smoothing.enabled)
    reference = target[reference_z].to_numpy(np.float64) if reference_z else None
    rows, rows_of = label_rows(candidates.counts, merged.counts)
    report = {
        "data": data,
        **record(rows, rows_of),
        "map": {
            "rows": som.shape[0],
            "columns": som.shape[1],
            "features": som.space.names,
            "quantisation_error": float(np.nanmean(distance)),
            "target_galaxies": len(target),
            "target_with_missing_features": int((~np.isfinite(target_features).all(1)).sum()),
            "target_not_placed": int((target_cells < 0).sum()),
        },
        "labels_left_out": candidates.counts,
        "merge": merged.counts,
        "by_source": _by_source(catalogue),
        "coverage": merged.coverage,
        "gold_test": _gold(merged),
        "feature_ks": compare_features(som.space, target, samples),
        "n_of_z": compare_redshifts(samples, reference, n_of_z_edges(samples)),
        "smoothing": _smoothing(density),
    }
    return LabelSet(catalogue, som, merged, density, samples, target, reference, report)


def _map_of(target: pd.DataFrame, candidates: Candidates, settings: LabelsSettings, seed: int) -> SelfOrganisingMap:
    bands = settings.som.bands or catalogue_bands(target)
    for band in (settings.som.magnitude, *bands):
        if f"mag_{band}" not in candidates.table:
            raise InputError(f"the labels have no magnitude 'mag_{band}'; map it, or match them to the target.")
    space = fit_features(target, settings.som.magnitude, bands)
    n_objects = int(candidates.table["best"].sum())
    shape = grid_shape(len(target), len(space.names), n_objects)
    shape = (settings.som.rows or shape[0], settings.som.columns or shape[1])
    require_enough_labels(n_objects, shape[0] * shape[1])  # before the map is trained for nothing
    return train_som(space.whiten(target), space, shape, settings.som, seed)


def _samples(candidates: Candidates, catalogue: pd.DataFrame, smoothed: bool) -> dict[str, WeightedSample]:
    best = candidates.best
    samples = {
        "spec only": WeightedSample(best[best["tier"] == TIERS.index("spec")]),
        "all labels": WeightedSample(best),
        "SOM merge": WeightedSample(catalogue, catalogue["weight_merge"].to_numpy(np.float64)),
    }
    if smoothed:
        samples["merge + KDE"] = WeightedSample(catalogue, catalogue["weight"].to_numpy(np.float64))
    return {name: sample for name, sample in samples.items() if len(sample.table)}


def n_of_z_edges(samples: Mapping[str, WeightedSample]) -> NDArray[np.float64]:
    """Bins of 0.05 that hold 99.5 % of every sample."""
    highest = max(float(np.quantile(sample.table["z"], 0.995)) for sample in samples.values())
    return np.asarray(N_Z_STEP * np.arange(int(highest / N_Z_STEP) + 3))


def _by_source(catalogue: pd.DataFrame) -> dict[str, dict[str, float]]:
    total = catalogue["weight"].sum()
    return {
        str(name): {"n": len(rows), "share_of_weight": float(rows["weight"].sum() / total)}
        for name, rows in catalogue.groupby("z_source")
    }


def _gold(merged: Merge) -> dict[str, float]:
    agreement = merged.agreement
    return {
        "cells_tested": int(agreement.tested.sum()),
        "cells_failed": int(agreement.failed.sum()),
        "sigma_mad": agreement.sigma_mad,
        "limit": agreement.limit,
    }


def _smoothing(density: RedshiftDensity | None) -> dict[str, Any] | None:
    if density is None:
        return None
    middle = len(density.magnitude) // 2
    return {
        "magnitude": [float(density.magnitude[k]) for k in (0, middle, -1)],
        "bandwidth": [float(density.bandwidth[k]) for k in (0, middle, -1)],
        "raw_bandwidth": [float(density.raw_bandwidth[k]) for k in (0, middle, -1)],
    }
