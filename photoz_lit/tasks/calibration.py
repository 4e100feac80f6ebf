"""Recalibration of a run's PDFs: fitted per fold on its validation galaxies, kept with the run, applied to all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.config import Config
from photoz_lit.data.label_weights import galaxy_weights
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling_weights import sampling_weights
from photoz_lit.data.split import Split
from photoz_lit.evaluation.calibration.by_fold import FoldCalibrations
from photoz_lit.evaluation.calibration.pit import fit_pit_calibration
from photoz_lit.evaluation.metrics.scores import galaxy_scores
from photoz_lit.files import read_array
from photoz_lit.metric import evaluate, metric
from photoz_lit.run_folder import CALIBRATION, RECALIBRATED, RunFolder
from photoz_lit.tasks.ensemble_mean import average

VALIDATION = "validation"  # PDFs of these galaxies, kept with each member
COMPARED = ("pit_ks", "nll", "crps")


def rows_to_calibrate(config: Config, split: Split) -> dict[str, NDArray[np.int64]]:
    """Return the rows whose PDFs a member keeps for the calibration, by name; none for a run without one."""
    return {VALIDATION: split.validation} if config.calibrates else {}


def fit_calibrations(config: Config, sample: Sample, splits: dict[int, Split], folder: RunFolder) -> FoldCalibrations:
    """Fit each fold's calibration on the mean PDFs of its validation galaxies, and write ``calibration.json``.

    Galaxies count as in the validation loss. No test galaxy takes part.

    Parameters
    ----------
    config : of the run.
    sample : galaxies as training sees them.
    splits : fold -> its galaxies.
    folder : of the run; its members have their validation PDFs.

    Returns
    -------
    What was written; for a run without calibration one that leaves PDFs as they are.
    """
    if not config.calibrates:
        return FoldCalibrations()
    z = sample.catalogue["z"].to_numpy(np.float64)
    fitted, galaxies = {}, {}
    for fold, split in splits.items():
        members = [read_array(folder.further_pdf(fold, m, VALIDATION)) for m in range(config.ensemble.members)]
        pdf = average(members, config.ensemble.mean)
        weight = validation_weights(config, sample, split)
        fitted[fold] = fit_pit_calibration(pdf, sample.field.z_edges, z[split.validation], weight)
        galaxies[fold] = int(np.count_nonzero(weight))
    calibrations = FoldCalibrations(fitted, galaxies)
    calibrations.write(folder.path / CALIBRATION)
    return calibrations


def calibrations_of(trained: Config, folder: RunFolder) -> FoldCalibrations:
    """Read the calibrations of a finished run, those of ``task=calibrate`` first; without any PDFs stay as they are.

    Raises
    ------
    InputError : ``calibration.json`` is not there or damaged.
    """
    later = folder.path / RECALIBRATED / CALIBRATION
    if later.is_file():
        return FoldCalibrations.read(later)
    return FoldCalibrations.read(folder.path / CALIBRATION) if trained.calibrates else FoldCalibrations()


def validation_weights(config: Config, sample: Sample, split: Split) -> NDArray[np.float64]:
    """Weights of the validation galaxies, as in the validation loss, (n,)."""
    weight = galaxy_weights(sample.catalogue["z_source"].iloc[split.validation], config.data.label_weights or {})
    if config.data.weighted_sampling:
        both = np.concatenate([split.train, split.validation])
        weight = weight * sampling_weights(sample.catalogue, both)[len(split.train) :]
    return weight


def before_and_after(
    calibrations: FoldCalibrations,
    before: Sequence[NDArray[Any]],
    after: NDArray[Any],
    z_edges: ArrayLike,
    z: ArrayLike,
) -> dict[str, Any]:
    """Compare PDFs of test galaxies before and after, for ``metrics.json``.

    Parameters
    ----------
    calibrations : that were applied.
    before : PDFs of each fold.
    after : PDFs of all folds, in their order, (N, n_bins).
    z_edges : (n_bins + 1,).
    z : labels, (N,).

    Returns
    -------
    ``calibration``: ``method``, ``galaxies`` (that it was fitted on, mean over the folds), ``before`` and ``after``,
    each with ``pit_ks``, ``nll`` and ``crps``. Empty without a calibration.
    """
    if not calibrations.of_fold:
        return {}
    measured = {}
    for name, pdf in (("before", np.concatenate(before)), ("after", after)):
        scores = galaxy_scores(pdf, z_edges, z)
        measured[name] = evaluate(map(metric, COMPARED), {str(column): scores[column].to_numpy() for column in scores})
    galaxies = round(float(np.mean(list(calibrations.galaxies.values()))))
    return {"calibration": {"method": "pit", "galaxies": galaxies, **measured}}


def calibration_line(found: Mapping[str, Any]) -> str:
    """What a calibration changed, as one line for the terminal, from ``calibration`` in ``metrics.json``."""
    before, after = found["before"], found["after"]
    changed = ", ".join(f"{metric(name).label} {before[name]:.4f} → {after[name]:.4f}" for name in COMPARED)
    return f"calibrated on {found['galaxies']:,} galaxies: {changed}"
