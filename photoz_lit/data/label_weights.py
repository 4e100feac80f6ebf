"""Weights of the label sources in a network's loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.sample import Sample
from photoz_lit.errors import InputError


def galaxy_weights(sources: pd.Series[Any], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the weight of every galaxy by the source of its label, 1 where the source is not named, (n,)."""
    if not weights:
        return np.ones(len(sources))
    return sources.map(lambda source: weights.get(str(source), 1.0)).to_numpy(np.float64)


def require_label_weights(
    sample: Sample, parts: Mapping[str, NDArray[np.int64]], weights: Mapping[str, float] | None
) -> None:
    """Refuse weights of the loss that name a source which no label has, or leave nothing to train on.

    Parameters
    ----------
    sample : as training sees it.
    parts : what is done with galaxies ("train on", "validate on") -> their rows.
    weights : ``data.label_weights``.

    Raises
    ------
    InputError : a source is unknown (the known ones are named), or all galaxies of a part have the weight 0.
    """
    if not weights:
        return
    known = sorted(set(sample.catalogue["z_source"][sample.labelled].astype(str)))
    for name in weights:
        if name not in known:
            raise InputError(f"data.label_weights: no label is of the source '{name}'; known are {', '.join(known)}.")
    for purpose, rows in parts.items():
        if not galaxy_weights(sample.catalogue["z_source"].iloc[rows], weights).any():
            raise InputError(
                f"data.label_weights gives the weight 0 to all {len(rows):,} galaxies to {purpose}; give a source a"
                " positive weight, or choose labels with data.select."
            )
