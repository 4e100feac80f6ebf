"""What a pixel of Multimodal Universe's masks says: true where it is clean, or where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from photoz_lit.errors import InputError
from photoz_lit.ingest.hdf5 import open_hdf5, read_rows

_SAMPLE = 64  # stamps looked at
_LEAST_CLEAN = 0.1  # of the pixels; surveys drop galaxies under masks, so fewer are clean only by the other reading


def masked_value(masks: Sequence[tuple[Path, str | None]], mask_true: str | None, asked: bool) -> bool:
    """Return the value that a mask has where a pixel is bad.

    Parameters
    ----------
    masks : each file with the name of its mask, None where it has none.
    mask_true : ``clean`` or ``bad``, None where it is not known.
    asked : whether the user says so, so that it is not doubted.

    Raises
    ------
    InputError : it is not known, or a survey's convention leaves no tenth of the pixels and the other one neither.
    """
    having = [(path, name) for path, name in masks if name is not None]
    if not having or (asked and mask_true is not None):
        return mask_true == "bad"
    if mask_true is None:
        raise InputError(
            f"{having[0][0]}: what a true pixel of '{having[0][1]}' means is not known; say it:"
            " ingest.options.mask_true=clean or ingest.options.mask_true=bad."
        )
    true, count = 0, 0
    for path, name in having[:: max(1, len(having) // _SAMPLE)]:
        with open_hdf5(path) as file:
            rows = np.unique(np.linspace(0, len(file[name]) - 1, max(1, _SAMPLE // len(having))).astype(int))
            values = read_rows(file, name, rows).astype(bool)
        true, count = true + int(values.sum()), count + values.size
    share = true / max(1, count)
    # A mask that would leave nothing was written the other way round, or never filled.
    clean = share if mask_true == "clean" else 1.0 - share
    return (mask_true == "bad") == (clean >= _LEAST_CLEAN)
