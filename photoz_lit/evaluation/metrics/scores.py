"""Scores of each galaxy's PDF in one pass over the PDFs, and the metrics that are means of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from photoz_lit.evaluation.metrics import binned
from photoz_lit.evaluation.metrics.pdf import DENSITY_FLOOR, Floats, check_pdfs, outside_grid, probability_blocks

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
    for part, block in probability_blocks(pdf) if np.isfinite(truth).any() else ():
        known = np.flatnonzero(np.isfinite(truth[part]))
        if len(known):
            values, z = torch.from_numpy(block[known]), torch.from_numpy(truth[part][known])
            for row, formula in zip(scores, FORMULAS.values(), strict=True):
                row[part.start + known] = formula(values, edges, z).numpy()
    table = pd.DataFrame(dict(zip(FORMULAS, scores, strict=True)))
    table["outside"] = outside_grid(z_edges, truth) & np.isfinite(truth)
    return table


def ranked_score(crps: Floats) -> Floats:
    """Return the galaxies' CRPS (N,) as they are [redshift]."""
    return crps


def density_loss(squared_density: Floats, density: Floats) -> Floats:
    """Return ∫ p² dz − 2 p(z) of each galaxy, (N,); the CDE loss is the mean (Izbicki & Lee 2017)."""
    return squared_density - 2 * density


def log_loss(density: Floats) -> Floats:
    """Return −ln max(p(z), 1e-6) of each galaxy, (N,)."""
    return -np.log(np.maximum(density, DENSITY_FLOOR))


def is_outside(outside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether each label lies outside the redshift grid, (N,)."""
    return outside
