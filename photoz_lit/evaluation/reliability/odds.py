"""The odds of a redshift: how much of the PDF agrees with its point estimate (Benítez 2000, ApJ 536, 571)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.evaluation.metrics.pdf import Floats, pit


def odds(pdf: NDArray[Any], z_edges: ArrayLike, z_phot: ArrayLike, threshold: float) -> Floats:
    """Return the probability that a galaxy is no outlier, by its own PDF: |z − z_phot| ≤ threshold (1 + z_phot), (N,).

    Parameters
    ----------
    pdf : probabilities, (N, n_bins).
    z_edges : (n_bins + 1,).
    z_phot : point estimate of each PDF, (N,).
    threshold : of the field's outliers (``field.outlier_threshold``).

    Examples
    --------
    >>> odds(np.array([[0.25, 0.5, 0.25]]), [0.0, 1.0, 2.0, 3.0], [1.5], 0.2).round(3).tolist()
    [0.5]
    """
    middle = np.asarray(z_phot, np.float64)
    reach = threshold * (1 + middle)
    return pit(pdf, z_edges, middle + reach) - pit(pdf, z_edges, middle - reach)
