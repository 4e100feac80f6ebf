"""How many redshifts a PDF leaves open."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.evaluation.metrics.pdf import check_pdfs, probability_blocks

HEIGHT = 0.1  # of the highest density: what lies lower separates peaks
SHARE = 0.05  # of the probability that a peak holds at least


def number_of_peaks(pdf: NDArray[Any], z_edges: ArrayLike) -> NDArray[np.int64]:
    """Return the number of peaks of each PDF (N, n_bins), (N,), at least 1.

    A peak is a stretch of redshift in which the density is above a tenth of the PDF's highest and which holds 5 % of
    the probability.

    Parameters
    ----------
    pdf : probabilities, (N, n_bins).
    z_edges : (n_bins + 1,).

    Examples
    --------
    >>> number_of_peaks(np.array([[0.5, 0.01, 0.49], [0.3, 0.4, 0.3]]), [0, 1, 2, 3]).tolist()
    [2, 1]
    """
    edges = check_pdfs(pdf, z_edges)
    found = np.empty(pdf.shape[0], np.int64)
    for part, block in probability_blocks(pdf):
        density = block / np.diff(edges)
        above = density > HEIGHT * density.max(axis=1, keepdims=True)
        starts = above & ~np.concatenate([np.zeros((len(above), 1), bool), above[:, :-1]], axis=1)
        stretch = np.cumsum(starts, axis=1) * above  # number of the stretch that a bin is in, 0 outside
        held = np.zeros((len(block), int(stretch.max(initial=0)) + 1))
        np.add.at(held, (np.arange(len(block))[:, None], stretch), block)
        found[part] = (held[:, 1:] >= SHARE).sum(axis=1)
    return np.maximum(found, 1)
