"""Mean of the PDFs of an ensemble's members."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def average(pdfs: list[NDArray[np.float32]], mean: str = "arithmetic") -> NDArray[np.float32]:
    """Arithmetic or harmonic mean of the members' PDFs, (n, n_bins), each row normalised to 1."""
    stack = np.stack(pdfs).astype(np.float64)
    joined = 1.0 / np.mean(1.0 / np.maximum(stack, 1e-12), axis=0) if mean == "harmonic" else stack.mean(axis=0)
    return np.asarray(joined / joined.sum(axis=1, keepdims=True), np.float32)
