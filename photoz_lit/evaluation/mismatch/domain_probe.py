"""How well a linear classifier tells from which of two fields a galaxy comes: 0.5 is as good as a coin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from photoz_lit.errors import InputError

FOLDS = 5
FEWEST = 10  # galaxies of a field
_PENALTY = 0.05  # C of scikit-learn: strong enough that hundreds of features of few galaxies do not overfit
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ProbeResult:
    """What a probe reached on galaxies it was not fitted to.

    Attributes
    ----------
    auc : area under the ROC curve, mean of the folds; 0.5 if the fields look alike, 1 if fully separated.
    accuracy : mean of the share of each field's galaxies that are recognised (balanced), 0.5 by chance.
    a_distance : proxy A-distance 2 (1 − 2 error) (Ben-David et al. 2007, NIPS 19), with error = 1 − ``accuracy``; 0 by
        chance (below it by noise), 2 at most.
    """

    auc: float
    accuracy: float
    a_distance: float


def domain_probe(features_a: ArrayLike, features_b: ArrayLike, seed: int = 0) -> ProbeResult:
    """Fit standardised logistic regression to tell two sets of galaxies apart, by five-fold cross-fitting.

    Parameters
    ----------
    features_a, features_b : (n, F) and (m, F), any finite numbers; the sizes may differ.
    seed : of the folds; the result depends on nothing else.

    Raises
    ------
    InputError : a set has fewer than 10 galaxies, or values that are not finite, or another number of features.
    """
    a, b = (_checked(values, name) for values, name in ((features_a, "first"), (features_b, "second")))
    if a.shape[1] != b.shape[1]:
        raise InputError(f"the fields have {a.shape[1]} and {b.shape[1]} features; give the same ones for both.")
    x = np.concatenate([a, b])
    y = np.repeat([0, 1], [len(a), len(b)])
    areas, shares = [], []
    for fit, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y):
        centre, scatter = x[fit].mean(axis=0), x[fit].std(axis=0)
        scaled = (x - centre) / np.where(scatter > 1e-6 * np.abs(centre) + 1e-30, scatter, np.inf)
        model = LogisticRegression(C=_PENALTY, class_weight="balanced", tol=_TOLERANCE, max_iter=200)
        score = model.fit(scaled[fit], y[fit]).decision_function(scaled[test])
        areas.append(float(roc_auc_score(y[test], score)))
        shares.append(0.5 * float(np.mean(score[y[test] == 1] > 0) + np.mean(score[y[test] == 0] <= 0)))
    accuracy = float(np.mean(shares))
    return ProbeResult(float(np.mean(areas)), accuracy, 2.0 * (1.0 - 2.0 * (1.0 - accuracy)))


def _checked(features: ArrayLike, name: str) -> NDArray[np.float64]:
    values = np.asarray(features, np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise InputError(f"the {name} field's features have shape {values.shape}; give (galaxies, features).")
    if len(values) < FEWEST:
        raise InputError(f"the {name} field has {len(values)} galaxies; a probe needs at least {FEWEST}.")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise InputError(f"the {name} field's features are not finite in row {row}; leave that galaxy out.")
    return values
