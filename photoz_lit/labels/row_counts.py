"""Rows of a label set: labels read from all sources are labels of the set and labels left out, by reason."""

from __future__ import annotations

from collections.abc import Mapping

from photoz_lit.rows import RowCount, total

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
