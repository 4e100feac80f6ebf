"""Redshift labels as surveys give them: several sources, each with its scatter, outliers and success rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError

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
        measured, error = _measured(model, z_true, magnitude, normal, uniform[:, -2:], z_max)
        z[rows], z_err[rows] = measured[rows], error[rows]
        source[rows], quality[rows] = name, model.quality
        open_rows &= ~rows
    return {"z": z, "z_err": z_err, "z_source": source, "z_quality": quality}


def _measured(
    model: LabelModel,
    z_true: FloatArray,
    magnitude: FloatArray,
    normal: FloatArray,
    uniform: FloatArray,
    z_max: float,
) -> tuple[FloatArray, FloatArray]:
    """Redshifts as a source measures them, and their errors, (n,) each, from random numbers (n,) and (n, 2)."""
    error = model.scatter * 10 ** (model.growth * np.clip(magnitude - 22.0, 0.0, 5.0)) * (1 + z_true)
    measured = z_true + error * normal
    wrong = uniform[:, 0] < model.outliers
    measured = np.where(wrong, z_true + (uniform[:, 1] - 0.5) * 1.2 * (1 + z_true), measured)
    return np.clip(np.abs(measured), 0.001, z_max), error


def labels_like(
    z_true: FloatArray,
    magnitude: FloatArray,
    like: tuple[NDArray[np.object_], FloatArray],
    z_max: float,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.generic]]:
    """Label galaxies of one field by the sources that another field's labels come from.

    The galaxy at a quantile of magnitude gets the source of the other field's galaxy at that quantile: each source has
    its share, and serves bright or faint galaxies as it does there. Scatter and outliers are the source's at the
    galaxy's magnitude and redshift.

    Parameters
    ----------
    z_true, magnitude : (n,) of the galaxies to label.
    like : ``z_source`` and magnitudes of the other field's labelled galaxies, (m,) each.
    z_max : labels stay between 0.001 and it.
    rng : source of randomness.

    Returns
    -------
    ``z``, ``z_err`` (n,) floats, ``z_source``, ``z_quality`` (n,) strings.

    Raises
    ------
    InputError : a source is none of :data:`LABEL_MODELS`.
    """
    names, magnitudes = like
    for name in np.unique(names.astype(str)):
        if name not in LABEL_MODELS:
            raise InputError(
                f"labels like the source's need to know how z_source '{name}' errs; known are"
                f" {', '.join(LABEL_MODELS)}."
            )
    n = len(z_true)
    faintest = np.nan_to_num(magnitude, nan=np.inf)
    rank = np.empty(n, np.int64)
    rank[np.argsort(faintest, kind="stable")] = np.arange(n)
    ordered = names[np.argsort(np.nan_to_num(magnitudes, nan=np.inf), kind="stable")]
    source = ordered[((rank + 0.5) * len(ordered) / n).astype(np.int64)]
    normal, uniform = rng.standard_normal(n), rng.random((n, 2))
    z, z_err, quality = np.empty(n), np.empty(n), np.full(n, "", object)
    known = np.nan_to_num(magnitude, nan=float(np.nanmax(magnitude)))
    for name in np.unique(source.astype(str)):
        rows = source == name
        model = LABEL_MODELS[name]
        z[rows], z_err[rows] = _measured(model, z_true[rows], known[rows], normal[rows], uniform[rows], z_max)
        quality[rows] = model.quality
    return {"z": z, "z_err": z_err, "z_source": source, "z_quality": quality}


def rows_with_share(photometric: NDArray[np.bool_], share: float, n: int) -> NDArray[np.int64]:
    """First ``n`` rows of which ``share`` is photometric, in order; where one kind runs out, the other fills up."""
    some, others = np.flatnonzero(photometric), np.flatnonzero(~photometric)
    n_others = min(len(others), max(n - round(share * n), n - len(some)))
    return np.sort(np.concatenate([some[: n - n_others], others[:n_others]]))
