"""Columns of predictions that say how far a redshift can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from photoz_lit.data.sample import Sample
from photoz_lit.evaluation.metrics.pdf import median
from photoz_lit.evaluation.reliability.odds import odds
from photoz_lit.evaluation.reliability.peaks import number_of_peaks
from photoz_lit.evaluation.reliability.reach import OUTSIDE
from photoz_lit.evaluation.reliability.stamps import stamp_flags
from photoz_lit.tasks.unseen_networks import UnseenNetworks

ROWS = 512  # stamps that are looked at together
TYPICAL_SEEING = 0.8  # arcsec, of a field that does not say its own


def reliability_columns(
    networks: UnseenNetworks, sample: Sample, fold: NDArray[np.int64], pdf: NDArray[np.float32]
) -> dict[str, NDArray[Any]]:
    """Return the columns by name, a value per galaxy.

    Parameters
    ----------
    networks : of the run.
    sample : the galaxies.
    fold : whose networks predict each, (N,).
    pdf : their PDFs, (N, n_bins); a row that is not finite has 0 peaks.

    Returns
    -------
    ``n_peaks`` and ``odds`` of the PDF; ``blended`` and ``edge`` of the stamp; after ``task=calibrate`` also
    ``training_percentile``, the distance from the training set as a percentile of that of validation galaxies,
    ``outside_training``, whether it is above 95, and ``unreliable``, by odds and distance.
    """
    there, edges = np.isfinite(pdf.sum(axis=1)), sample.field.z_edges
    peaks, agreeing = np.zeros(len(pdf), np.int64), np.full(len(pdf), np.nan)
    peaks[there] = number_of_peaks(pdf[there], edges)
    agreeing[there] = odds(pdf[there], edges, median(pdf[there], edges), sample.field.outlier_threshold)
    columns: dict[str, NDArray[Any]] = {"n_peaks": peaks, "odds": agreeing, **_of_stamps(sample)}
    percentile, limits = networks.training_percentile(sample, fold), networks.limits()
    if percentile is not None:
        columns |= {"training_percentile": percentile, "outside_training": percentile > OUTSIDE}
    if limits is not None:
        columns["unreliable"] = limits.unreliable(agreeing, percentile, fold)
    return columns


def _of_stamps(sample: Sample) -> dict[str, NDArray[np.bool_]]:
    """Flags of the stamps, which are read once more."""
    field, bands = sample.field, sample.bands
    reference = bands.index(field.reference_band) if field.reference_band in bands else len(bands) // 2
    seeing = (field.bands[bands[reference]].seeing or TYPICAL_SEEING) / field.pixel_scale
    blended, edge = np.zeros(len(sample), bool), np.zeros(len(sample), bool)
    for start in range(0, len(sample), ROWS):
        rows = np.arange(start, min(start + ROWS, len(sample)))
        absent = None if sample.blank is None else sample.blank[rows]
        flags = stamp_flags(sample.flux(rows), reference, seeing, absent)
        blended[rows], edge[rows] = flags.blended, flags.edge
    return {"blended": blended, "edge": edge}
