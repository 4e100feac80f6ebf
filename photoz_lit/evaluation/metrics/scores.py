"""Scores of each galaxy's PDF in one pass over the PDFs, and their averages over any set of galaxies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from photoz_lit.evaluation.metrics import binned
from photoz_lit.evaluation.metrics.pdf import (
    DENSITY_FLOOR,
    check_pdfs,
    outside_grid,
    pit_outlier_rate,
    pit_uniformity,
    probability_blocks,
)

FORMULAS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "crps": binned.crps,
    "pit": binned.cdf_at,
    "pit_half_bin": binned.cdf_half_bin_at,
    "density": binned.density_at,
    "squared_density": lambda pdf, edges, _z: binned.squared_density(pdf, edges),
}


def galaxy_scores(pdf: NDArray[Any], z_edges: ArrayLike, z_true: ArrayLike) -> pd.DataFrame:
    """Score each PDF against its redshift; rows without one (NaN) get NaN scores.

    Parameters
    ----------
    pdf : probabilities, (N, n_bins); memory maps and HDF5 data sets are read block by block.
    z_edges : (n_bins + 1,).
    z_true : (N,), NaN where unlabelled.

    Returns
    -------
    Columns ``crps`` [redshift], ``pit``, ``pit_half_bin``, ``density`` = p(z_true) and ``squared_density`` = ∫ p² dz
    [1 / redshift], ``outside`` (z_true lies outside the grid); one row per PDF.
    """
    edges = torch.from_numpy(check_pdfs(pdf, z_edges))
    truth = np.asarray(z_true, np.float64)
    scores = np.full((len(FORMULAS), len(truth)), np.nan)
    for part, block in probability_blocks(pdf):
        known = np.flatnonzero(np.isfinite(truth[part]))
        if len(known):
            values, z = torch.from_numpy(block[known]), torch.from_numpy(truth[part][known])
            for row, formula in zip(scores, FORMULAS.values(), strict=True):
                row[part.start + known] = formula(values, edges, z).numpy()
    table = pd.DataFrame(dict(zip(FORMULAS, scores, strict=True)))
    table["outside"] = outside_grid(z_edges, truth) & np.isfinite(truth)
    return table


def pdf_metrics(scores: pd.DataFrame) -> dict[str, float]:
    """Average galaxies' scores (:func:`galaxy_scores`, at least one row, no NaN) into the PDF metrics, by name.

    ``crps``, ``cde_loss``, ``nll``, ``pit_ks`` … ``pit_ad`` (against uniform), ``pit_ks_half_bin``,
    ``pit_outlier_rate`` and ``outside_grid``, the fraction of redshifts outside the grid.
    """
    uniformity = {f"pit_{name}": value for name, value in pit_uniformity(scores["pit"].to_numpy()).items()}
    return {
        "crps": float(scores["crps"].mean()),
        "cde_loss": float(scores["squared_density"].mean() - 2 * scores["density"].mean()),
        "nll": float(-np.log(np.maximum(scores["density"], DENSITY_FLOOR)).mean()),
        **uniformity,
        "pit_ks_half_bin": pit_uniformity(scores["pit_half_bin"].to_numpy())["ks"],
        "pit_outlier_rate": pit_outlier_rate(scores["pit"].to_numpy()),
        "outside_grid": float(scores["outside"].mean()),
    }
