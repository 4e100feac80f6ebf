"""Redshift PDFs in memory, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.evaluation.metrics import pdf as formulas
from photoz_lit.evaluation.predictions.table import LEVELS

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PDFs:
    """Redshift PDFs of N galaxies, as probabilities in bins.

    Attributes
    ----------
    pdf : probability in each bin, (N, n_bins) float32; rows sum to 1.
    z_edges : edges of the bins, (n_bins + 1,).
    object_id : names of the galaxies, (N,): texts, or the integers that they came as.

    Examples
    --------
    >>> one = PDFs(np.array([[0.5, 0.5, 0.0]], np.float32), np.array([0.0, 1.0, 2.0, 3.0]), np.array(["a"]))
    >>> one.z_phot.tolist(), one.quantile(0.75).tolist(), one.cdf(1.5).tolist()
    ([1.0], [1.5], [0.75])
    """

    pdf: NDArray[np.float32]
    z_edges: Floats
    object_id: NDArray[Any]

    def __post_init__(self) -> None:
        formulas.check_pdfs(self.pdf, self.z_edges)

    def __len__(self) -> int:
        return len(self.pdf)

    def __getitem__(self, rows: Any) -> PDFs:
        """Some of the galaxies: a slice, a mask or row numbers."""
        return PDFs(self.pdf[rows], self.z_edges, self.object_id[rows])

    @cached_property
    def _estimates(self) -> formulas.PointEstimates:
        return formulas.point_estimates(self.pdf, self.z_edges, LEVELS)

    @property
    def z_phot(self) -> Floats:
        """Median of each PDF, (N,)."""
        return self._estimates.quantiles[:, 1]

    @property
    def z_mode(self) -> Floats:
        """Middle of the bin of highest density of each PDF, (N,)."""
        return self._estimates.mode

    @property
    def z_mean(self) -> Floats:
        """Mean of each PDF, (N,)."""
        return self._estimates.mean

    @property
    def width(self) -> Floats:
        """Half of the central 68 % interval of each PDF, (N,)."""
        return 0.5 * (self._estimates.quantiles[:, 2] - self._estimates.quantiles[:, 0])

    def quantile(self, q: ArrayLike) -> Floats:
        """Redshifts where each CDF reaches q, linear within a bin.

        Parameters
        ----------
        q : a level between 0 and 1, or (L,) of them.

        Returns
        -------
        (N,) for one level, (N, L) for several.

        Raises
        ------
        InputError : a level is not between 0 and 1.
        """
        found = formulas.quantiles(self.pdf, self.z_edges, q)
        return found[:, 0] if np.ndim(q) == 0 else found

    def cdf(self, z: ArrayLike) -> Floats:
        """Probability that a redshift is below z, linear within a bin.

        Parameters
        ----------
        z : one redshift, or (L,) of them, for all galaxies.

        Returns
        -------
        (N,) for one redshift, (N, L) for several.
        """
        at = np.atleast_1d(np.asarray(z, np.float64))
        columns = [formulas.pit(self.pdf, self.z_edges, np.full(len(self), one)) for one in at]
        both = np.stack(columns, axis=1) if columns else np.empty((len(self), 0))
        return both[:, 0] if np.ndim(z) == 0 else both

    def to_qp(self) -> Any:
        """A ``qp.Ensemble`` of histograms, as RAIL reads it, with the columns of :meth:`table` beside it."""
        import qp

        density = np.asarray(self.pdf, np.float64) / np.diff(self.z_edges)
        beside = {str(name): column.to_numpy() for name, column in self.table().items()}
        if self.object_id.dtype.kind not in "iu":
            beside["object_id"] = self.object_id.astype(str)
        return qp.Ensemble(qp.hist, data={"bins": self.z_edges, "pdfs": density}, ancil=beside)

    def table(self) -> pd.DataFrame:
        """Point estimates, a row per galaxy.

        Returns
        -------
        ``object_id``, ``z_phot`` (median), ``z_mode``, ``z_mean``, ``z_lo68`` and ``z_hi68`` (16 % and 84 % quantile),
        ``pdf_width`` (half of their distance), ``z_lo95`` and ``z_hi95`` (2.5 % and 97.5 % quantile).
        """
        low, middle, high, lowest, highest = self._estimates.quantiles.T
        return pd.DataFrame(
            {
                "object_id": self.object_id,
                "z_phot": middle,
                "z_mode": self.z_mode,
                "z_mean": self.z_mean,
                "z_lo68": low,
                "z_hi68": high,
                "pdf_width": self.width,
                "z_lo95": lowest,
                "z_hi95": highest,
            }
        )
