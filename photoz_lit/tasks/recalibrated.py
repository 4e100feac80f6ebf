"""What a recalibrated run says of its galaxies: conformal intervals, limits of reliable redshifts, who is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.sample import Sample
from photoz_lit.data.split import Split
from photoz_lit.evaluation.calibration.by_fold import FoldCalibrations
from photoz_lit.evaluation.calibration.conformal import coverage, fit_levels
from photoz_lit.evaluation.calibration.local import places_of
from photoz_lit.evaluation.metrics.pdf import median
from photoz_lit.evaluation.plots.kept import kept_figure
from photoz_lit.evaluation.plots.style import save
from photoz_lit.evaluation.predictions.run_files import write_predictions
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.evaluation.reliability.kept import kept_curve
from photoz_lit.evaluation.reliability.limits import ReliabilityLimits
from photoz_lit.evaluation.reliability.odds import odds
from photoz_lit.run_folder import RECALIBRATED, RunFolder
from photoz_lit.tasks.training_data import TrainingData
from photoz_lit.tasks.unseen_networks import limits_file


@dataclass(frozen=True)
class FoldPdfs:
    """PDFs of a fold as its networks make them, and the galaxies that they are of."""

    split: Split
    validation: NDArray[np.float32]
    test: NDArray[np.float32]
    weight: NDArray[np.float64]


def places(sample: Sample, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Magnitudes and colours of some galaxies."""
    return places_of(sample.catalogue.iloc[rows], sample.bands, sample.field.reference_band)


def judged(
    data: TrainingData,
    pdfs: Mapping[int, FoldPdfs],
    chosen: FoldCalibrations,
    levels: Sequence[float],
    folder: RunFolder,
) -> dict[str, Any]:
    """Write test galaxies with recalibrated PDFs and conformal intervals, the limits, and the figure of kept galaxies.

    Returns
    -------
    ``conformal``, the coverage of the intervals; ``kept``, the metrics against the share of galaxies with the largest
    odds that is kept.
    """
    sample, field = data.sample, data.sample.field
    edges, z = field.z_edges, sample.catalogue["z"].to_numpy(np.float64)
    parts, all_pdfs, factors, of_validation = [], [], {level: {} for level in levels}, {}  # type: ignore[var-annotated]
    for fold, one in pdfs.items():
        pdf = chosen.apply(one.test, edges, fold, places(sample, one.split.test))
        known = one.weight > 0
        held = chosen.apply(one.validation[known], edges, fold, places(sample, one.split.validation[known]))
        of_validation[fold] = odds(held, edges, median(held, edges), field.outlier_threshold)
        rows = data.evaluated.catalogue.iloc[one.split.test]
        table = predictions_table(pdf, edges, rows, fold, field.reference_band)
        table["odds"] = odds(pdf, edges, table["z_phot"], field.outlier_threshold)
        for level, interval in fit_levels(held, edges, z[one.split.validation][known], levels).items():
            name = f"{100 * level:g}"
            table[f"z_conformal_lo{name}"], table[f"z_conformal_hi{name}"] = interval.apply(pdf, edges)
            factors[level][fold] = round(interval.factor, 4)
        parts.append(table)
        all_pdfs.append(pdf)
    table, pdf = pd.concat(parts, ignore_index=True), np.concatenate(all_pdfs)
    ReliabilityLimits.of(of_validation).write(limits_file(folder))
    write_predictions(folder.path / RECALIBRATED, table, pdf, edges, sample.id_type)
    there = [level for level in levels if f"z_conformal_lo{100 * level:g}" in table]
    curves = _kept(table, field.outlier_threshold)
    save(kept_figure(curves, sample.data), folder.path / RECALIBRATED / "kept.png")
    return {
        "conformal": [_covered(table, level, factors[level]) for level in there],
        "kept": curves["odds"].round(5).to_dict("records"),
    }


def _kept(table: pd.DataFrame, outlier_threshold: float) -> dict[str, pd.DataFrame]:
    """Curves of kept galaxies by what they are sorted by."""
    order = {
        "odds": table["odds"],
        "width of the PDF": -table["pdf_width"] / (1 + table["z_phot"]),
        "magnitude": -table["mag"],
    }
    known = {name: values for name, values in order.items() if values.notna().all()}
    return {name: kept_curve(table, values, outlier_threshold) for name, values in known.items()}


def _covered(table: pd.DataFrame, level: float, factors: dict[int, float]) -> dict[str, Any]:
    name = f"{100 * level:g}"
    low, high = table[f"z_conformal_lo{name}"], table[f"z_conformal_hi{name}"]
    share, error = coverage(low, high, table["z"])
    return {
        "level": level,
        "coverage": round(share, 4),
        "error": round(error, 4),
        "median_width": round(float((high - low).median()), 5),
        "factor_by_fold": factors,
    }
