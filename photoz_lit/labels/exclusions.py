"""A selection that counts, for each reason, how many rows it removes, so that nothing is dropped in silence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError


class Exclusions:
    """Rows that are still kept, and how many each reason removed.

    A row is counted once, under the first reason that removes it, so the counts and the kept rows add up to all rows.

    Parameters
    ----------
    n_rows : number of rows at the start.
    where : what the rows are, for error sentences, e.g. a file name.

    Attributes
    ----------
    keep : (n_rows,) booleans.
    counts : reason -> number of rows it removed.
    """

    def __init__(self, n_rows: int, where: str) -> None:
        self.where = where
        self.keep: NDArray[np.bool_] = np.ones(n_rows, bool)
        self.counts: dict[str, int] = {}

    def remove(self, reason: str, bad: ArrayLike) -> None:
        """Remove the rows where ``bad`` (n_rows,) is true and that are still kept."""
        removed = self.keep & np.asarray(bad, bool)
        self.counts[reason] = self.counts.get(reason, 0) + int(removed.sum())
        self.keep &= ~removed

    def require_rows(self, mend: str) -> None:
        """Raise InputError when nothing is kept; ``mend`` says what to do about it."""
        if not self.keep.any():
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.counts.items() if count)
            raise InputError(f"{self.where}: none of {len(self.keep)} rows is left ({reasons}); {mend}")
