"""Labels that are left out, and why: no row vanishes without a reason."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError
from photoz_lit.rows import RowCount, total


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

    def require_rows(self, remedy: str) -> None:
        """Raise InputError when nothing is kept; ``remedy`` says what to do about it."""
        if not self.keep.any():
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.counts.items() if count)
            raise InputError(f"{self.where}: none of {len(self.keep)} rows is left ({reasons}); {remedy}")


KEPT = "kept"


def row_count(counts: Mapping[str, int]) -> RowCount:
    """Return counts by reason, ``kept`` among them, as a count of rows."""
    left_out = {reason: n for reason, n in counts.items() if n and reason != KEPT}
    return RowCount(read=sum(counts.values()), used=counts[KEPT], left_out=left_out)


def label_rows(
    sources: Mapping[str, Mapping[str, int]], merged: Mapping[str, int]
) -> tuple[RowCount, dict[str, RowCount]]:
    """Return what became of all labels, and of each source's.

    Parameters
    ----------
    sources : source -> reason -> labels left out before the merge; ``kept`` is their number in it.
    merged : reason -> labels that the merge left out; ``kept`` is their number in the label set.
    """
    rows_of = {f"labels.sources, {name}": row_count(counts) for name, counts in sources.items()}
    rows, merge = total(rows_of.values()), row_count(merged)
    rows.checked(merge.read)
    for reason, n in merge.left_out.items():
        rows = rows.without(reason, n)
    return rows.checked(merge.used), rows_of
