"""Names and paths on the terminal: rich reads ``[x]`` in a text as markup, and a folder may be called so."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from photoz_lit.errors import visible


def shown(value: object) -> str:
    """Return a path, name or sentence as rich prints it letter by letter, brackets too, and no terminal code."""
    return escape(visible(str(value)))


class NamesTable(Table):
    """A table whose headings and cells are printed letter by letter: they are names of fields, sources and runs."""

    def add_column(self, header: RenderableType = "", *arguments: Any, **options: Any) -> None:
        """Add a column under a heading."""
        super().add_column(shown(header) if isinstance(header, str) else header, *arguments, **options)

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row of cells."""
        super().add_row(*(shown(cell) if isinstance(cell, str) else cell for cell in cells), **options)
