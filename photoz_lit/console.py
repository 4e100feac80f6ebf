"""Names and paths on the terminal: rich reads ``[x]`` in a text as markup, and a folder may be called so."""

from __future__ import annotations

from rich.markup import escape


def shown(value: object) -> str:
    """Return a path, name or sentence as rich prints it letter by letter, brackets too."""
    return escape(str(value))
