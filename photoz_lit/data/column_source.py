"""Where a column of a store comes from: the config's form of one entry of a column mapping."""

from __future__ import annotations

from pydantic import model_validator

from photoz_lit.data.selection import column_names
from photoz_lit.settings import Settings


class ColumnSource(Settings):
    """Where one column of the store comes from; exactly one of ``column``, ``expression`` and ``value`` is given.

    Attributes
    ----------
    column : name of a column of the source.
    expression : arithmetic on columns of the source, e.g. ``"dered_petro_r + extinction_r"``.
    value : the same constant for every row.
    unit : unit of the source, as astropy writes it: an angle for ``ra`` and ``dec``; for magnitudes a flux density
        (``uJy``, ``nmgy``) is turned into AB. Empty: what the file states, else the target's own (deg, AB mag).
    offset : added after the conversion, e.g. Vega to AB [mag].
    missing : further codes that mean "no value", beside the usual ±99 and the like.
    translate : value of the source -> value of the target, e.g. ``{"2": grism}``; others are kept.
    optional : a source without this column gives missing values instead of an error.
    """

    column: str = ""
    expression: str = ""
    value: float | str | None = None
    unit: str = ""
    offset: float = 0.0
    missing: tuple[float | str, ...] = ()
    translate: dict[str, float | str] = {}
    optional: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> ColumnSource:
        if sum([bool(self.column), bool(self.expression), self.value is not None]) != 1:
            raise ValueError("give exactly one of 'column', 'expression' and 'value'")
        return self

    @property
    def names(self) -> list[str]:
        """Columns of the source that are needed."""
        if self.expression:
            return column_names(self.expression)
        return [self.column] if self.column else []
