"""Recalibrations of a run, one per tested fold, and the file that keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.calibration.pit import PitCalibration
from photoz_lit.files import write_json


@dataclass(frozen=True)
class FoldCalibrations:
    """Recalibration of the PDFs of each fold's networks.

    Attributes
    ----------
    of_fold : fold -> its recalibration; empty for a run without any.
    galaxies : fold -> how many it was fitted on.
    """

    of_fold: Mapping[int, PitCalibration] = field(default_factory=dict)
    galaxies: Mapping[int, int] = field(default_factory=dict)

    def apply(self, pdf: NDArray[Any], z_edges: ArrayLike, fold: int) -> NDArray[Any]:
        """Recalibrate PDFs (N, n_bins) that the networks of a fold made; without a recalibration they stay."""
        return self.of_fold[fold].apply(pdf, z_edges) if self.of_fold else pdf

    def write(self, file: Path) -> None:
        """Write them as JSON, whole or not at all."""
        folds = {fold: {"galaxies": self.galaxies[fold], **one.content} for fold, one in self.of_fold.items()}
        write_json(file, {"method": "pit", "folds": folds})

    @classmethod
    def read(cls, file: Path) -> FoldCalibrations:
        """Read what :meth:`write` wrote.

        Raises
        ------
        InputError : the file is not there or damaged.
        """
        try:
            folds = {int(fold): content for fold, content in json.loads(file.read_text())["folds"].items()}
            galaxies = {fold: int(content["galaxies"]) for fold, content in folds.items()}
            return cls({fold: PitCalibration.of(content) for fold, content in folds.items()}, galaxies)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{file} cannot be read ({error}); train the run again (rerun=true).") from error
