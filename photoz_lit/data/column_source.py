"""Where a column of a store comes from: the config's form of one entry of a column mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from photoz_lit.settings import Settings
from photoz_lit.tables.plain_text import plain_text


def _texts_as_keys(value: Any) -> Any:
    """Return a dictionary with its keys as the texts that values are compared with: 1 and 1.0 as "1"."""
    return {plain_text(key): item for key, item in value.items()} if isinstance(value, Mapping) else value


class ColumnSource(Settings):
    """Where one column of the store comes from; exactly one of ``column``, ``expression`` and ``value`` is given.

    Attributes
    ----------
    column : name of a column of the source; an element of a vector column is ``PSFFLUX_2`` (from 0).
    expression : arithmetic on columns of the source, e.g. ``"dered_petro_r + extinction_r"``.
    value : the same constant for every row.
    if_there : a reader's own guess, a column or an expression, that counts where none of the three is given: a source
        without it gives missing values instead of an error. What a user names beside it must be there.
    unit : unit of the source, as astropy writes it: an angle for ``ra`` and ``dec``; for magnitudes a flux density
        (``uJy``, ``nmgy``) is turned into AB. Empty: what the file states, else the target's own (deg, AB mag).
    offset : added after the conversion, e.g. Vega to AB [mag].
    missing : further codes that mean "no value", beside the usual ±99 and the like.
    translate : value of the source -> value of the target, e.g. ``{"2": grism}``; others are kept.
    optional : a source without the column that is named gives missing values instead of an error.
    """

    column: str = ""
    expression: str = ""
    value: float | str | None = None
    if_there: str = ""
    unit: str = ""
    offset: float = 0.0
    missing: tuple[float | str, ...] = ()
    translate: Annotated[dict[str, float | str], BeforeValidator(_texts_as_keys)] = {}
    optional: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> ColumnSource:
        given = sum([bool(self.column), bool(self.expression), self.value is not None])
        if given > 1 or not (given or self.if_there):
            raise ValueError("give exactly one of 'column', 'expression' and 'value'")
        return self

    @property
    def guessed(self) -> bool:
        """Whether nothing but a reader's guess says where the column comes from."""
        return not (self.column or self.expression or self.value is not None)

    @property
    def may_be_missing(self) -> bool:
        """Whether a source may lack it: a guess to which the user adds nothing, or one that is called optional."""
        asked = self.unit or self.offset or self.missing or self.translate
        return self.optional or (self.guessed and not asked)

    @property
    def names(self) -> list[str]:
        """Columns of the source that are needed."""
        text = self.expression or (self.if_there if self.guessed else "")
        if text:
            from photoz_lit.data.selection import column_names  # here: every command reads the config, few need pandas

            return column_names(text)
        return [self.column] if self.column else []

    @property
    def single(self) -> str:
        """The one column that it is, empty where it is an expression or a constant."""
        if self.column or not self.guessed:
            return self.column
        return self.names[0] if self.names == [self.if_there.strip("`")] else ""

    @property
    def formula(self) -> str:
        """The expression that it is, empty where it is a single column or a constant."""
        return self.expression or ("" if self.single or not self.guessed else self.if_there)
