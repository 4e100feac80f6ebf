"""Redshift labels as surveys give them: several sources, each with its scatter, outliers and success rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LabelModel:
    """How one source measures redshifts.

    Attributes
    ----------
    coverage : share of the galaxies that it targets.
    faint : magnitude at which half of the targets give a redshift [AB mag], with ``width`` of the decline [mag].
    z_low, z_high : redshifts between which it works.
    scatter : σ(z)/(1+z) at magnitude 22.
    growth : growth of the scatter [dex / mag] beyond magnitude 22.
    outliers : share of catastrophic failures.
    quality : content of ``z_quality``.
    """

    coverage: float
    faint: float
    width: float
    z_low: float
    z_high: float
    scatter: float
    growth: float
    outliers: float
    quality: str


#: Best source first. spec: zCOSMOS, VIPERS, DEIMOS (Lilly et al. 2009); grism: 3D-HST (Momcheva et al. 2016,
#: σ = 0.003); prism: PRIMUS (Coil et al. 2011, σ = 0.005, i < 23, z < 1.2); cosmos2020: Weaver et al. 2022 (0.01 at
#: i < 22.5 to 0.03 at i = 25, some per cent outliers).
LABEL_MODELS: dict[str, LabelModel] = {
    "spec": LabelModel(0.45, 22.8, 0.35, 0.0, 4.5, 0.0003, 0.0, 0.003, "4"),
    "grism": LabelModel(0.06, 24.2, 0.3, 0.6, 3.4, 0.003, 0.0, 0.01, "grism"),
    "prism": LabelModel(0.45, 22.9, 0.15, 0.0, 1.2, 0.005, 0.0, 0.02, "prism"),
    "cosmos2020": LabelModel(1.0, 27.0, 0.3, 0.0, 7.0, 0.009, 0.17, 0.02, "photometric"),
}


def draw_labels(
    z_true: FloatArray, magnitude: FloatArray, sources: Sequence[str], z_max: float, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """Give every galaxy the best label that a source has for it.

    The last source of the list serves all galaxies that no other one reached.

    Parameters
    ----------
    z_true : (n,) true redshift.
    magnitude : (n,) true reference magnitude [AB mag].
    sources : names in :data:`LABEL_MODELS`, best first.
    z_max : labels stay between 0.001 and it.
    rng : source of randomness.

    Returns
    -------
    ``z``, ``z_err`` (n,) floats, ``z_source``, ``z_quality`` (n,) strings.
    """
    n = z_true.size
    uniform, normal = rng.random((n, len(LABEL_MODELS) + 2)), rng.standard_normal(n)
    z, z_err = np.full(n, np.nan), np.full(n, np.nan)
    source, quality = np.full(n, "", object), np.full(n, "", object)
    open_rows = np.ones(n, bool)
    for k, name in enumerate(sources):
        model = LABEL_MODELS[name]
        chance = model.coverage / (1 + np.exp((magnitude - model.faint) / model.width))
        works = (z_true >= model.z_low) & (z_true <= model.z_high)
        last = k == len(sources) - 1
        rows = open_rows & (last | (works & (uniform[:, k] < chance)))
        error = model.scatter * 10 ** (model.growth * np.clip(magnitude - 22.0, 0.0, 5.0)) * (1 + z_true)
        measured = z_true + error * normal
        wrong = uniform[:, -2] < model.outliers
        measured = np.where(wrong, z_true + (uniform[:, -1] - 0.5) * 1.2 * (1 + z_true), measured)
        z[rows], z_err[rows] = np.clip(np.abs(measured), 0.001, z_max)[rows], error[rows]
        source[rows], quality[rows] = name, model.quality
        open_rows &= ~rows
    return {"z": z, "z_err": z_err, "z_source": source, "z_quality": quality}


def rows_with_share(photometric: NDArray[np.bool_], share: float, n: int) -> NDArray[np.int64]:
    """First ``n`` rows of which ``share`` is photometric, in order; where one kind runs out, the other fills up."""
    some, others = np.flatnonzero(photometric), np.flatnonzero(~photometric)
    n_others = min(len(others), max(n - round(share * n), n - len(some)))
    return np.sort(np.concatenate([some[: n - n_others], others[:n_others]]))
