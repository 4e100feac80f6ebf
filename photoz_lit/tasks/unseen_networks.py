"""Predict galaxies with those networks of a run that were not trained on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.config import Config
from photoz_lit.data.folds import N_FOLDS
from photoz_lit.data.sample import Sample
from photoz_lit.data.seen_galaxies import NEVER_SEEN, read_split, seen_in_fold
from photoz_lit.estimators.applied import Predictor
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.evaluation.calibration.local import places_of
from photoz_lit.evaluation.reliability.limits import ReliabilityLimits
from photoz_lit.evaluation.reliability.reach import TrainingReach
from photoz_lit.run_folder import RECALIBRATED, RunFolder
from photoz_lit.tasks.calibration import calibrations_of
from photoz_lit.tasks.ensemble_mean import average

SEEN_BY_ALL = -2


class UnseenNetworks:
    """Networks of a run; each is read once, when it first predicts.

    Parameters
    ----------
    trained : config of the run.
    source : its folder.
    dropped : modalities left out.
    predictor : makes what reads and applies one member; by default the estimator of the run.
    """

    def __init__(
        self,
        trained: Config,
        source: RunFolder,
        dropped: Sequence[str] = (),
        predictor: Callable[[Config], Predictor] = estimator_of,
    ) -> None:
        self.trained = trained
        self.predictor = predictor
        self.source = source
        self.dropped = dropped
        self._calibrations = calibrations_of(trained, source)
        self._split: pd.DataFrame | None = None
        self._loaded: dict[tuple[int, int], Predictor] = {}

    def folds(self, catalogue: pd.DataFrame) -> NDArray[np.int64]:
        """Fold whose networks predict each galaxy, (N,): -1 all, because none saw it, -2 all, and every one saw it."""
        if self._split is None:
            self._split = read_split(self.source.path / "split.parquet")
        seen = seen_in_fold(self._split, catalogue)
        # With cross-validation the networks of a galaxy's own fold never saw it; without, all of them did.
        return np.where((seen != NEVER_SEEN) & (not self.trained.cv.folds), SEEN_BY_ALL, seen)

    def predict(self, sample: Sample, fold: NDArray[np.int64]) -> NDArray[np.float32]:
        """Calibrated PDFs of all galaxies of a sample, (N, n_bins).

        Parameters
        ----------
        sample : with the bands of the run.
        fold : of :meth:`folds`, (N,).
        """
        total = np.zeros((len(sample), sample.field.n_bins), np.float32)
        for k in range(N_FOLDS) if self.trained.cv.folds else [0]:
            rows = np.flatnonzero((fold < 0) | (fold == k))
            if not len(rows):
                continue
            members = range(self.trained.ensemble.members)
            pdfs = [self._member(k, member).predict(sample, rows, self.dropped) for member in members]
            mean = average(pdfs, self.trained.ensemble.mean)
            total[rows] += self._calibrations.apply(mean, sample.field.z_edges, k, self._places(sample, rows))
        return np.asarray(total / total.sum(axis=1, keepdims=True), np.float32)

    def limits(self) -> ReliabilityLimits | None:
        """Limits of reliable redshifts, None where ``task=calibrate`` was not run or modalities are left out."""
        file = limits_file(self.source)
        return ReliabilityLimits.read(file) if file.is_file() and not self.dropped else None

    def _places(self, sample: Sample, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Magnitudes and colours that a local calibration reads."""
        if not self._calibrations.is_local:
            return None
        return places_of(sample.catalogue.iloc[rows], sample.bands, sample.field.reference_band)

    def training_percentile(self, sample: Sample, fold: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """How far galaxies lie from the training set, as a percentile of validation galaxies, (N,).

        None where ``task=calibrate`` was not run, the run has no features, or modalities are left out. A galaxy that
        all folds' networks predict is judged by those of fold 0.
        """
        if self.dropped or not reach_file(self.source, 0).is_file():
            return None
        percentile = np.full(len(sample), np.nan)
        for k in range(N_FOLDS) if self.trained.cv.folds else [0]:
            rows = np.flatnonzero((fold == k) | ((fold < 0) & (k == 0)))
            found = self._member(k, 0).features(sample, rows) if len(rows) else None
            if found is not None:
                percentile[rows] = TrainingReach.read(reach_file(self.source, k)).percentile(found)
        return percentile

    def _member(self, fold: int, member: int) -> Predictor:
        key = (fold, member)
        if key not in self._loaded:
            self._loaded[key] = self.predictor(self.trained)
            self._loaded[key].load(self.source.member(fold, member))
        return self._loaded[key]


def reach_file(run: RunFolder, fold: int) -> Path:
    """File that says where the training galaxies of a fold's first network lie."""
    return run.path / RECALIBRATED / f"reach_{fold}.npz"


def limits_file(run: RunFolder) -> Path:
    """File of the limits beyond which a redshift of the run counts as unreliable."""
    return run.path / RECALIBRATED / "limits.json"
