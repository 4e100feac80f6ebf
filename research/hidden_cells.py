"""The merge on real galaxies: hide the spec-z of half of the cells, fill them with photo-z, compare with what was hid.

Photo-z come from four regressors of different kinds. Every galaxy's four are out of fold: the folds are five, and each
regressor learnt on another one of the four folds that the galaxy is not in, so that the four are also fitted on
galaxies disjoint from each other, and agree only where the data make them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import track
from sklearn.base import RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from photoz_lit.errors import InputError
from photoz_lit.labels.build import LabelSet, build_labels
from photoz_lit.labels.consensus import consensus
from photoz_lit.labels.features import catalogue_bands, raw_features
from photoz_lit.labels.settings import LabelsSettings
from photoz_lit.labels.sources import LabelCatalogue

FOLDS = 5
TREES = 200
REGRESSORS = ("random_forest", "extra_trees", "nearest_neighbours", "gradient_boosting")
LABEL_COLUMNS = ["object_id", "z", "z_err", "z_quality"]


@dataclass(frozen=True)
class HiddenCells:
    """A merge in which half of the cells had no spectra.

    Attributes
    ----------
    labels : the label set.
    catalogue : its catalogue with ``z_spec``, the spec-z of every galaxy, hid or not, and ``hidden``.
    spectra : the galaxies whose spec-z were left, all of them, with ``z``.
    truth : (n_target,) spec-z of the target sample.
    hidden_share : share of the target sample in cells without spectra.
    consensus_share : share of the galaxies whose four photo-z agree.
    """

    labels: LabelSet
    catalogue: pd.DataFrame
    spectra: pd.DataFrame
    truth: NDArray[np.float64]
    hidden_share: float
    consensus_share: float


def regressors(seed: int, trees: int = TREES) -> dict[str, RegressorMixin]:
    """Four regressors of different kinds, by the names in :data:`REGRESSORS`; the forests have ``trees`` trees."""
    return {
        "random_forest": RandomForestRegressor(trees, min_samples_leaf=3, random_state=seed, n_jobs=1),
        "extra_trees": ExtraTreesRegressor(trees, min_samples_leaf=2, random_state=seed, n_jobs=1),
        "nearest_neighbours": make_pipeline(StandardScaler(), KNeighborsRegressor(12, weights="distance")),
        "gradient_boosting": HistGradientBoostingRegressor(random_state=seed, max_iter=trees, learning_rate=0.06),
    }


def cross_fitted_photo_z(
    features: NDArray[np.float64], z: NDArray[np.float64], seed: int = 0, trees: int = TREES
) -> pd.DataFrame:
    """Four photo-z per galaxy, (N rows, :data:`REGRESSORS`), none from a regressor that saw the galaxy.

    Parameters
    ----------
    features : (N, n_features) [mag], without NaN.
    z : (N,) spec-z.
    seed : of folds and regressors.
    trees : per regressor that has trees.

    Raises
    ------
    InputError : fewer than a hundred galaxies.
    """
    if len(z) < 100:
        raise InputError(f"{len(z)} galaxies are too few for four photo-z from disjoint fifths; a hundred are needed.")
    fold = np.random.default_rng(seed).permutation(len(z)) % FOLDS
    out = np.full((len(z), len(REGRESSORS)), np.nan)
    jobs = [(test, k) for test in range(FOLDS) for k in range(len(REGRESSORS))]
    # OpenMP threads that wait for each other cost boosting a hundredfold of its time on a busy machine.
    with threadpool_limits(1):
        for test, k in track(jobs, "photo-z out of fold", transient=True):
            # Regressor k of test fold t learns on fold t + 1 + k: no two of a galaxy's four share a training galaxy.
            learn = fold == (test + 1 + k) % FOLDS
            model = regressors(seed, trees)[REGRESSORS[k]]
            model.fit(features[learn], np.log1p(z[learn]))
            out[fold == test, k] = np.expm1(model.predict(features[fold == test]))
    return pd.DataFrame(out, columns=list(REGRESSORS))


def hide_half_of_the_cells(
    catalogue: pd.DataFrame,
    photo_z: pd.DataFrame,
    settings: LabelsSettings,
    data: str,
    seed: int = 0,
    which: Literal["random", "faint"] = "random",
) -> HiddenCells:
    """Place the galaxies, hide spec-z by cells, merge what is left with the consensus of the photo-z.

    Parameters
    ----------
    catalogue : galaxies with ``object_id``, ``ra``, ``dec``, ``mag_*`` and spec-z ``z``; all are the target sample.
    photo_z : the four photo-z of each, see :func:`cross_fitted_photo_z`.
    settings : section ``labels``.
    data : kind of data.
    seed : of the map and of which cells are hidden.
    which : hide random cells, or those whose galaxies are faintest, as a spectroscopic survey would.
    """
    photometry = catalogue[[n for n in catalogue if n in ("object_id", "ra", "dec") or str(n).startswith("mag_")]]
    photometry = photometry.assign(object_id=catalogue["object_id"].astype(str), in_target=True)
    ids, z = photometry["object_id"].to_numpy(object), catalogue["z"].to_numpy(np.float64)
    everything = _spectra(ids, z)
    # The map depends on the photometry alone: made once with all labels, once with half of them, it is the same.
    cell = build_labels(photometry, [everything], settings, data, seed).som.place(photometry)
    chosen = _half_of(cell, catalogue[f"mag_{settings.som.magnitude}"].to_numpy(np.float64), which, seed)
    hidden = np.isin(cell, chosen)
    result = consensus(photo_z.to_numpy(np.float64), settings.consensus)
    table = pd.DataFrame({"object_id": ids, "z": result.z, "z_err": result.spread, "z_quality": "consensus"})
    counts = {"whose photo-z disagree": int((~result.agrees).sum()), "kept": int(result.agrees.sum())}
    photo = LabelCatalogue("photo", "photo", table[result.agrees].reset_index(drop=True), "id", counts)
    spectra = _spectra(ids[~hidden], z[~hidden])
    # The reference is for the comparison of N(z) alone; neither map nor merge reads it.
    labels = build_labels(photometry.assign(z_true=z), [spectra, photo], settings, data, seed, "z_true")
    of_object = pd.Series(z, index=ids)
    merged = labels.catalogue.assign(z_spec=of_object.loc[labels.catalogue["object_id"]].to_numpy())
    merged["hidden"] = np.isin(merged["cell"].to_numpy(), chosen)
    return HiddenCells(labels, merged, spectra.table, z, float(hidden.mean()), float(result.agrees.mean()))


def _half_of(cell: NDArray[np.int64], magnitude: NDArray[np.float64], which: str, seed: int) -> NDArray[np.int64]:
    """Return half of the occupied cells: random ones, or those with the faintest median magnitude."""
    median = pd.Series(magnitude).groupby(cell).median()
    median = median[median.index >= 0]
    if which == "faint":
        order = median.sort_values(ascending=False).index.to_numpy(np.int64)
    else:
        order = np.random.default_rng([seed, 7]).permutation(median.index.to_numpy(np.int64))
    return np.asarray(order[: len(order) // 2])


def _spectra(object_id: NDArray[np.object_], z: NDArray[np.float64]) -> LabelCatalogue:
    table = pd.DataFrame({"object_id": object_id, "z": z, "z_err": 0.0004 * (1 + z), "z_quality": "secure"})
    return LabelCatalogue("spec", "spec", table[LABEL_COLUMNS], "id", {"kept": len(table)})


def photo_z_features(catalogue: pd.DataFrame, magnitude: str) -> NDArray[np.float64]:
    """Magnitude and adjacent colours of galaxies that have them all, (N, n_bands).

    Raises
    ------
    InputError : a galaxy lacks one.
    """
    features = raw_features(catalogue, magnitude, catalogue_bands(catalogue))
    missing = ~np.isfinite(features).all(axis=1)
    if missing.any():
        raise InputError(
            f"{missing.sum()} galaxies lack a magnitude, the first is row {np.argmax(missing)}; drop them."
        )
    return features
