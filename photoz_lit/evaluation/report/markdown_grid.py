"""Tables and numbers in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def grid(header: Sequence[object], rows: Sequence[Sequence[object]], left: int) -> str:
    """Return a table whose first ``left`` columns are flush left, the others flush right."""
    rule = [":--" if column < left else "--:" for column in range(len(header))]
    lines = [[str(cell).replace("|", "\\|") for cell in line] for line in [header, rule, *rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float, digits: int, sign: str = "") -> str:
    """Return a number, or a dash where there is none; ``sign`` is ``"+"`` to show it always."""
    return f"{value:{sign}.{digits}f}" if np.isfinite(value) else "–"


def with_error(value: float, error: float, digits: int, sign: str = "") -> str:
    """Return ``value ± error``, or the value alone."""
    text = number(value, digits, sign)
    return text if not np.isfinite(error) or text == "–" else f"{text} ± {error:.{digits}f}"
