"""All figures of a run, in its folder ``plots/``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.evaluation.plots.montage import choose_galaxies, montage
from photoz_lit.evaluation.plots.nz import rebin, redshift_distribution
from photoz_lit.evaluation.plots.pit import pit_histogram
from photoz_lit.evaluation.plots.redshift import redshift_plane, residual_trends
from photoz_lit.evaluation.plots.style import save
from photoz_lit.evaluation.plots.training import training_curve
from photoz_lit.evaluation.report.label_names import redshift_axis
from photoz_lit.fields import Field

NZ_BINS = 50


def draw_run(
    folder: Path,
    predictions: pd.DataFrame,
    pdf: NDArray[Any],
    field: Field,
    data: str,
    title: str = "",
    stamps: Callable[[NDArray[np.int64]], NDArray[Any]] | None = None,
    bands: Sequence[str] = (),
    curve: pd.DataFrame | None = None,
) -> list[Path]:
    """Draw every figure that the predictions allow into ``folder``.

    Parameters
    ----------
    folder : where the PNG files go (``plots/`` of a run folder).
    predictions : the table of predictions, (N rows).
    pdf : probabilities, (N, n_bins), in the same order.
    field : redshift grid, outlier threshold and reference band.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    title : stands over the figures, e.g. the experiment's name.
    stamps : gives the linear flux (n, bands, H, W) of rows of the table, for the montage; None draws none.
    bands : names of the stamps' bands, in order.
    curve : content of ``metrics.csv``, or None.

    Returns
    -------
    The files written: ``redshift.png``, ``residuals.png``, ``pit.png`` (with labels only), ``nz.png``,
    ``montage.png``, ``training.png``.
    """
    known = predictions[np.isfinite(predictions["z"])]
    z, z_phot = known["z"].to_numpy(np.float64), known["z_phot"].to_numpy(np.float64)
    threshold = field.outlier_threshold
    label = redshift_axis(known["z_source"])
    figures = {}
    if len(known):
        figures["redshift"] = redshift_plane(z, z_phot, threshold, data, title, label)
        magnitude = known["mag"].to_numpy(np.float64)
        figures["residuals"] = residual_trends(z, z_phot, magnitude, field.reference_band, threshold, data, label)
        figures["pit"] = pit_histogram(known["pit"].to_numpy(np.float64), data)
    figures["nz"] = redshift_distribution(*distributions(predictions, pdf, field.z_edges), data)
    if stamps is not None:
        rows = choose_galaxies(predictions)
        figures["montage"] = montage(stamps(rows), bands, pdf[rows], field.z_edges, predictions.iloc[rows], data)
    if curve is not None and len(curve):
        figures["training"] = training_curve(curve, data)
    return [save(figure, folder / f"{name}.png") for name, figure in figures.items()]


def distributions(
    predictions: pd.DataFrame, pdf: NDArray[Any], z_edges: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64]]:
    """Return stacked PDFs, point estimates and labels as counts in 50 bins, and the bins' edges.

    Where some galaxies have labels, all three are of those galaxies alone, so that they can be compared.
    """
    label = predictions["z"].to_numpy(np.float64)
    known = np.isfinite(label)
    some = known if known.any() else np.ones(len(predictions), bool)
    z_phot = predictions["z_phot"].to_numpy(np.float64)[some]
    top = np.percentile(np.concatenate([z_phot, label[known]]), 99.9) * 1.1
    coarse = np.linspace(z_edges[0], min(z_edges[-1], top), NZ_BINS + 1)
    stacked = rebin(pdf[some].sum(axis=0, dtype=np.float64), z_edges, coarse)
    point = np.histogram(z_phot, coarse)[0].astype(np.float64)
    reference = np.histogram(label[known], coarse)[0].astype(np.float64) if known.any() else None
    return stacked, point, reference, coarse
