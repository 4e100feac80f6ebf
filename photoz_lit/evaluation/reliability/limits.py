"""Limits beyond which a redshift counts as unreliable: learnt from validation galaxies, a small share of them outside.

A galaxy is unreliable where its odds are lower than those of 98 % of the validation galaxies, or where it lies farther
from the training set than 98 % of them. Of galaxies like the training at most about 4 % are; the outliers among
fainter or other galaxies mostly are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.pdf import Floats
from photoz_lit.files import write_json

SHARE = 0.02  # of validation galaxies beyond each of the two limits
FARTHEST = 100.0 * (1 - SHARE)  # percentile of the distance from the training set


@dataclass(frozen=True)
class ReliabilityLimits:
    """Limits of the networks of each fold.

    Attributes
    ----------
    odds : fold -> least odds of a reliable redshift.
    """

    odds: Mapping[int, float]

    @classmethod
    def of(cls, odds: Mapping[int, Floats]) -> ReliabilityLimits:
        """Learn them from the odds of validation galaxies, fold -> (n,)."""
        return cls({fold: float(np.quantile(values, SHARE)) for fold, values in odds.items()})

    def unreliable(self, odds: Floats, percentile: Floats | None, fold: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which galaxies are unreliable, (N,).

        Parameters
        ----------
        odds : of the galaxies, (N,).
        percentile : of their distance from the training set, (N,), or None where it is not known.
        fold : whose networks predicted them, (N,); those that all folds predicted are judged by the first one's limit.
        """
        first = next(iter(self.odds.values()))
        least = np.full(len(odds), first)
        for number, limit in self.odds.items():
            least[fold == number] = limit
        far = np.zeros(len(odds), bool) if percentile is None else percentile > FARTHEST
        return np.asarray(~(odds >= least) | far)

    def write(self, file: Path) -> None:
        """Write them as JSON, whole or not at all."""
        write_json(file, {"odds": {str(fold): limit for fold, limit in self.odds.items()}, "percentile": FARTHEST})

    @classmethod
    def read(cls, file: Path) -> ReliabilityLimits:
        """Read what :meth:`write` wrote.

        Raises
        ------
        InputError : the file is damaged.
        """
        try:
            return cls({int(fold): float(limit) for fold, limit in json.loads(file.read_text())["odds"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{file} cannot be read ({error}); run task=calibrate again.") from error
