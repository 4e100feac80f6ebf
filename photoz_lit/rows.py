"""Rows read, used and left out, by reason: nothing vanishes without a word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field as Entry
from pydantic import model_validator

from photoz_lit.settings import Settings


class RowCount(Settings):
    """How many rows a task read, and what became of them; they always add up.

    It grows step by step: ``RowCount.of(100).without("outside the images", 75)``. It is stored as
    ``{"read", "used", "left_out": {reason: count}}`` under ``rows`` in ``store.json`` and ``provenance.json``.

    Attributes
    ----------
    read : rows read.
    used : rows that are left.
    left_out : reason -> rows that left for it; a row counts under the first reason that takes it.
    """

    read: int = Entry(ge=0)
    used: int = Entry(ge=0)
    left_out: dict[str, int] = {}

    @model_validator(mode="after")
    def _adds_up(self) -> RowCount:
        if self.used + sum(self.left_out.values()) != self.read or min(self.left_out.values(), default=0) < 0:
            raise ValueError(f"{self.read} rows read are not {self.used} used and {self.left_out} left out")
        return self

    @classmethod
    def of(cls, read: int) -> RowCount:
        """Return the count of rows of which none is left out yet."""
        return cls(read=int(read), used=int(read))

    def without(self, reason: str, count: int) -> RowCount:
        """Return the count after so many more rows left for a reason; a count of 0 leaves no trace."""
        if not count:
            return self
        left_out = {**self.left_out, reason: self.left_out.get(reason, 0) + int(count)}
        return RowCount(read=self.read, used=self.used - int(count), left_out=left_out)

    def keeping(self, reason: str, keep: ArrayLike) -> RowCount:
        """Return the count after the rows that are not in ``keep`` left for a reason.

        Parameters
        ----------
        reason : why the others leave.
        keep : one boolean per row that is still there, (used,).
        """
        mask = np.asarray(keep, bool)
        if mask.shape != (self.used,):
            raise RuntimeError(f"{mask.shape} rows are judged and {self.used} are there ({reason})")
        return self.without(reason, int((~mask).sum()))

    def checked(self, used: int) -> RowCount:
        """Return the count itself; a number of rows at the end that it does not explain is a bug."""
        if used != self.used:
            raise RuntimeError(f"{used} rows are used and the count says {self.line()}")
        return self

    def __add__(self, other: RowCount) -> RowCount:
        reasons = dict.fromkeys([*self.left_out, *other.left_out])
        left_out = {reason: self.left_out.get(reason, 0) + other.left_out.get(reason, 0) for reason in reasons}
        return RowCount(read=self.read + other.read, used=self.used + other.used, left_out=left_out)

    def line(self, what: str = "rows") -> str:
        """Return the count as a line for the terminal: "100 rows read, 25 used; left out: 75 outside the images"."""
        text = f"{self.read:,} {what} read, {self.used:,} used"
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
        return f"{text}; left out: {reasons}" if reasons else text

    def content(self) -> dict[str, Any]:
        """Return the count as JSON holds it."""
        return self.model_dump()


def total(counts: Iterable[RowCount]) -> RowCount:
    """Return the sum of several counts, of several stores or sources."""
    out = RowCount.of(0)
    for count in counts:
        out = out + count
    return out


def record(rows: RowCount, rows_of: dict[str, RowCount] | None = None) -> dict[str, Any]:
    """Return the entries of ``provenance.json``: ``rows`` and, where a task reads more tables, ``rows_of`` by key."""
    further = {name: count.content() for name, count in (rows_of or {}).items()}
    return {"rows": rows.content(), **({"rows_of": further} if further else {})}


def lines(rows: RowCount, rows_of: dict[str, RowCount] | None = None, what: str = "rows") -> list[str]:
    """Return the lines for the terminal, the further tables' below."""
    return [rows.line(what), *(f"{name}: {count.line()}" for name, count in (rows_of or {}).items())]
