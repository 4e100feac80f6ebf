"""The table of predictions: one row per galaxy with point estimates, label and scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics import pdf as pdfs
from photoz_lit.evaluation.metrics.scores import galaxy_scores

PREDICTION_COLUMNS = (
    "object_id",
    "z",
    "z_phot",
    "z_mode",
    "z_mean",
    "z_lo68",
    "z_hi68",
    "pdf_width",
    "fold",
    "z_source",
)
CARRIED_COLUMNS = ("ra", "dec", "z_true")


#: Quantiles of a PDF that are columns: ``z_lo68``, ``z_phot``, ``z_hi68``, ``z_lo95`` and ``z_hi95``.
LEVELS = (0.16, 0.5, 0.84, 0.025, 0.975)


def predictions_table(
    pdf: NDArray[Any],
    z_edges: ArrayLike,
    catalogue: pd.DataFrame,
    fold: ArrayLike,
    reference_band: str,
    estimates: pdfs.PointEstimates | None = None,
) -> pd.DataFrame:
    """Turn PDFs and their rows of the catalogue into the content of ``predictions.parquet``.

    Parameters
    ----------
    pdf : probabilities, (N, n_bins).
    z_edges : (n_bins + 1,).
    catalogue : a store's catalogue, one row per PDF in the same order; unlabelled galaxies have z NaN.
    fold : test fold of each galaxy, (N,), or one number for all; −1 where folds do not apply.
    reference_band : band whose ``mag_<band>`` becomes ``mag``.
    estimates : of the PDFs where they are known already; their first quantiles are at :data:`LEVELS`.

    Returns
    -------
    ``object_id``, ``z`` (label, NaN if none), ``z_phot`` (median of the PDF), ``z_mode``, ``z_mean``, ``z_lo68``,
    ``z_hi68`` (16 % and 84 % quantile), ``pdf_width`` (half of their distance), ``fold``, ``z_source``, ``z_lo95``,
    ``z_hi95`` (2.5 % and 97.5 % quantile; runs of older versions have none), ``mag`` [AB],
    ``crps`` and ``pit`` against the label (NaN if none), and ``ra``, ``dec``, ``z_true`` where the catalogue has them.

    Raises
    ------
    InputError : the catalogue has not one row per PDF, or lacks ``object_id``.
    """
    n = pdf.shape[0]
    if len(catalogue) != n:
        raise InputError(f"{n} PDFs but {len(catalogue)} rows of the catalogue; they must be the same galaxies.")
    if "object_id" not in catalogue:
        raise InputError("the catalogue has no column 'object_id'; map one of its columns to it.")
    estimates = pdfs.point_estimates(pdf, z_edges, LEVELS) if estimates is None else estimates
    low, mid, high, lowest, highest = estimates.quantiles.T[: len(LEVELS)]
    label = _numbers(catalogue, "z")
    scores = galaxy_scores(pdf, z_edges, label)
    table = {
        "object_id": catalogue["object_id"].astype(str).to_numpy(object),
        "z": label,
        "z_phot": mid,
        "z_mode": estimates.mode,
        "z_mean": estimates.mean,
        "z_lo68": low,
        "z_hi68": high,
        "pdf_width": 0.5 * (high - low),
        "fold": np.broadcast_to(np.asarray(fold, np.int64), n).copy(),
        "z_source": catalogue["z_source"].astype(str).to_numpy(object) if "z_source" in catalogue else np.full(n, ""),
        "z_lo95": lowest,
        "z_hi95": highest,
        "mag": _numbers(catalogue, f"mag_{reference_band}"),
        "crps": scores["crps"].to_numpy(),
        "pit": scores["pit"].to_numpy(),
    }
    for name in CARRIED_COLUMNS:
        if name in catalogue:
            table[name] = _numbers(catalogue, name)
    return pd.DataFrame(table)


def read_predictions(path: str | Path, ids_as_texts: bool = True) -> pd.DataFrame:
    """Read the ``predictions.parquet`` of a run folder (or that file itself).

    Parameters
    ----------
    path : the folder or the file.
    ids_as_texts : give ``object_id`` as stores have it, so that tables of any two runs are joined; else as written.

    Raises
    ------
    InputError : there is no such file, or it lacks a column.
    """
    file = Path(path)
    file = file / "predictions.parquet" if file.is_dir() else file
    if not file.is_file():
        raise InputError(f"{file} is not there; give the folder of a finished run.")
    try:
        table = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read ({error}); run the prediction again.") from error
    missing = [name for name in PREDICTION_COLUMNS if name not in table]
    if missing:
        raise InputError(f"{file} has no column '{missing[0]}'; run the prediction again.")
    if ids_as_texts and table["object_id"].dtype.kind in "iu":
        table["object_id"] = table["object_id"].astype(str)
    return table


def _numbers(catalogue: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in catalogue:
        return np.full(len(catalogue), np.nan)
    return catalogue[name].to_numpy(np.float64)
