"""What a run trains, be it a network or the forest: fit on a split, keep it in a folder, predict PDFs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photoz_lit.data.module import Split
from photoz_lit.data.sample import Sample


class Estimator(Protocol):
    """Fits and applies one member (one fold, one seed) of a run.

    Attributes
    ----------
    fit_report : of the last fit: ``epochs``, how often it went through its training galaxies; of a network also
        ``restarts`` (dead networks whose place it took), ``val_loss`` and ``val_loss_one_pdf`` (that of one PDF for
        all galaxies); of an adapted one these are its start's.
    """

    fit_report: dict[str, float]

    def fit(self, sample: Sample, split: Split, seed: int, folder: Path) -> None:
        """Fit on ``split.train``, choose on ``split.validation`` and keep the result in ``folder``."""

    def load(self, folder: Path) -> None:
        """Take up what :meth:`fit` kept in ``folder``.

        Raises
        ------
        InputError : nothing, or not all of it, is there.
        """

    def predict(
        self, sample: Sample, galaxies: NDArray[np.int64], dropped: Collection[str] = ()
    ) -> NDArray[np.float32]:
        """PDFs of some galaxies, (n, n_bins) probabilities, in the order of ``galaxies``."""
