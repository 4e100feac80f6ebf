"""Accuracy against the share of galaxies that are kept, the surest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from photoz_lit.evaluation.metrics.point import Floats, delta_z
from photoz_lit.metric import metric

#: Metrics of the curve.
SHOWN = ("sigma_mad", "eta", "crps")
SHARES = tuple(np.round(np.arange(0.3, 1.001, 0.05), 2).tolist())


def kept_curve(
    predictions: pd.DataFrame, order: ArrayLike, outlier_threshold: float, shares: Sequence[float] = SHARES
) -> pd.DataFrame:
    """Return metrics of the galaxies that are kept for each share.

    Parameters
    ----------
    predictions : ``z``, ``z_phot`` and ``crps`` of N galaxies with known redshift.
    order : what they are sorted by, (N,); the largest values are kept, e.g. the odds.
    outlier_threshold : absolute Δz from which a galaxy is an outlier.
    shares : of the galaxies, each above 0 and 1 at most.

    Returns
    -------
    A row per share, ascending: ``share``, ``n``, ``cut`` (the least value of ``order`` that is kept), and the metrics.
    """
    value = np.asarray(order, np.float64)
    surest = np.argsort(-value, kind="stable")
    delta = delta_z(predictions["z_phot"], predictions["z"])
    crps = predictions["crps"].to_numpy(np.float64)
    rows = []
    for share in sorted(shares):
        kept = surest[: max(1, round(share * len(surest)))]
        rows.append(
            {
                "share": share,
                "n": len(kept),
                "cut": float(value[kept[-1]]),
                **{name: metric(name).of(_values(delta[kept], crps[kept], outlier_threshold)) for name in SHOWN},
            }
        )
    return pd.DataFrame(rows)


def _values(delta: Floats, crps: Floats, threshold: float) -> dict[str, Any]:
    return {"delta": delta, "crps": crps, "threshold": threshold}
