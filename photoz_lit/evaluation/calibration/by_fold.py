"""Recalibrations of a run, one per tested fold, and the file that keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.calibration.local import LocalCalibration
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

    of_fold: Mapping[int, PitCalibration | LocalCalibration] = field(default_factory=dict)
    galaxies: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether magnitudes and colours take part."""
        return any(isinstance(one, LocalCalibration) for one in self.of_fold.values())

    def apply(
        self, pdf: NDArray[Any], z_edges: ArrayLike, fold: int, places: NDArray[np.float64] | None = None
    ) -> NDArray[Any]:
        """Recalibrate PDFs (N, n_bins) that the networks of a fold made; without a recalibration they stay.

        ``places`` are magnitude and colour of each galaxy, see
        :func:`~photoz_lit.evaluation.calibration.local.places_of`; None: unknown for all.
        """
        if not self.of_fold:
            return pdf
        one = self.of_fold[fold]
        return one.apply(pdf, z_edges, places) if isinstance(one, LocalCalibration) else one.apply(pdf, z_edges)

    def write(self, file: Path) -> None:
        """Write them as JSON, whole or not at all."""
        folds = {fold: {"galaxies": self.galaxies[fold], **one.content} for fold, one in self.of_fold.items()}
        write_json(file, {"method": "local" if self.is_local else "pit", "folds": folds})

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
            return cls({fold: _of(content) for fold, content in folds.items()}, galaxies)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{file} cannot be read ({error}); train the run again (rerun=true).") from error


def _of(content: Mapping[str, Any]) -> PitCalibration | LocalCalibration:
    return LocalCalibration.of(content) if "elsewhere" in content else PitCalibration.of(content)
