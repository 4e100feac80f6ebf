"""How a PDF stands in a row of a table: all of its bins, or some of its quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from photoz_lit.evaluation.metrics.pdf import quantiles

#: Levels of the 20 quantiles: the ends of the PDF, and 18 at even distances between.
LEVELS = (0.001, *(round((k + 0.5) / 18, 6) for k in range(18)), 0.999)
PdfKind = Literal["bins", "quantiles"]


@dataclass(frozen=True)
class PdfColumns:
    """What is kept of PDFs on a redshift grid.

    Attributes
    ----------
    kind : ``bins`` keeps the probability of every bin, ``quantiles`` the redshifts at :data:`LEVELS`. It is the name
        of the column too.
    z_edges : of the redshift bins, (n_bins + 1,).
    """

    kind: PdfKind
    z_edges: NDArray[np.float64]

    @property
    def size(self) -> int:
        """Numbers per galaxy."""
        return len(LEVELS) if self.kind == "quantiles" else len(self.z_edges) - 1

    @property
    def grid(self) -> dict[str, list[float]]:
        """What the numbers stand for: ``z_edges`` of the bins, or ``levels`` of the quantiles, by name."""
        return {"levels": list(LEVELS)} if self.kind == "quantiles" else {"z_edges": self.z_edges.tolist()}

    def of(self, pdf: NDArray[Any]) -> NDArray[np.float32]:
        """Numbers of PDFs (N, n_bins), (N, size)."""
        if self.kind == "bins":
            return np.asarray(pdf, np.float32)
        return quantiles(pdf, self.z_edges, LEVELS).astype(np.float32)
