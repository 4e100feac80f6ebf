"""How a PDF stands in a row of a table: all of its bins, or some of its quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

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

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the quantiles that are kept; none where the bins are."""
        return LEVELS if self.kind == "quantiles" else ()
