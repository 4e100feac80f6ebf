"""The source's galaxies weighted so that, in magnitude and colours, they are distributed as the targets' are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Entry
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from photoz_lit.alignment.part import Alignment
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.sample import Sample
from photoz_lit.settings import Settings

Floats = NDArray[np.float64]
FOLDS = 5
_PENALTY = 1.0  # C of scikit-learn


class ImportanceOptions(Settings):
    """Options of the weights.

    Attributes
    ----------
    degree : of the polynomial of magnitude and colours whose value is the ln of the density ratio; 2 is exact for
        Gaussians.
    most : largest ratio; its inverse is the least one.
    """

    degree: int = Entry(ge=1, le=3)
    most: float = Entry(gt=1)


class Importance(Alignment):
    """The redshift loss is weighted by the density ratio of target and source (Shimodaira 2000).

    The ratio comes from a classifier that tells the catalogues apart, fitted to other galaxies than those it weighs. It
    corrects for another population of galaxies, not for other conditions.
    """

    Options = ImportanceOptions
    needs_magnitudes = True

    @classmethod
    def source_weights(cls, options: ImportanceOptions, sample: Sample, split: AdaptationSplit) -> Floats:
        """Weights of the source's galaxies to train and to validate on; 1 for all others, (N,)."""
        values = magnitude_and_colours(sample)
        own = np.concatenate([split.train, split.validation])
        own = own[sample.part[own] == SOURCE]
        others = np.concatenate(split.images_only)
        weights = np.ones(len(sample))
        weights[own] = density_ratio(values[own], values[others], options.degree, options.most)
        return weights


def magnitude_and_colours(sample: Sample) -> Floats:
    """Reference magnitude, adjacent colours and, per colour that any galaxy lacks, whether it is known, (N, values).

    A missing value is the median of the others.
    """
    magnitude = sample.catalogue[[f"mag_{band}" for band in sample.bands]].to_numpy(np.float64)
    reference = sample.catalogue[[f"mag_{sample.field.reference_band}"]].to_numpy(np.float64)
    values = np.concatenate([reference, magnitude[:, :-1] - magnitude[:, 1:]], axis=1)
    known = np.isfinite(values)
    values = np.where(known, values, np.nanmedian(np.where(known, values, np.nan), axis=0))
    return np.concatenate([values, known[:, ~known.all(axis=0)].astype(np.float64)], axis=1)


def density_ratio(source: Floats, target: Floats, degree: int, most: float, seed: int = 0) -> Floats:
    """Density of the target's galaxies over the source's where the source's galaxies are, by logistic regression.

    Parameters
    ----------
    source, target : (n, values) and (m, values), finite.
    degree : of the polynomial in the standardised values.
    most : largest ratio; its inverse is the least one.
    seed : of the folds: a galaxy's ratio comes from a classifier that was fitted without it.

    Returns
    -------
    (n,), divided by their mean, which is 1 for the true ratio.
    """
    x = np.concatenate([source, target])
    y = np.repeat([0, 1], [len(source), len(target)])
    log_odds = np.zeros(len(source))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for fit, held in folds.split(x, y):
        model = make_pipeline(
            StandardScaler(),
            PolynomialFeatures(degree, include_bias=False),
            StandardScaler(),
            LogisticRegression(C=_PENALTY, class_weight="balanced", max_iter=1000, tol=1e-5),
        )
        rows = held[held < len(source)]
        log_odds[rows] = model.fit(x[fit], y[fit]).decision_function(x[rows])
    # with classes of equal weight the odds are the ratio of the densities
    ratio = np.exp(np.clip(log_odds, -np.log(most), np.log(most)))
    return np.asarray(ratio / ratio.mean())
