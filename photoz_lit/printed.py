"""Numbers as text, and tables in Markdown: what tasks, reports and comparisons print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MISSING = "–"
#: What a run says of its galaxies, by the mark of their store.
DATA_MARK = {
    "simulated": "simulated data",
    "simulated_from_catalogue": "stamps simulated from a real catalogue",
    "real": "real data",
}


def number(value: float | None, digits: int, sign: str = "") -> str:
    """Return a number with ``digits`` decimals, or a dash where there is none; ``sign="+"`` shows it always."""
    return MISSING if value is None or not np.isfinite(value) else f"{value:{sign}.{digits}f}"


def with_error(value: float, error: float, digits: int, sign: str = "") -> str:
    """Return ``value ± error``, or the value alone where it has no error."""
    text = number(value, digits, sign)
    return text if not np.isfinite(error) or text == MISSING else f"{text} ± {error:.{digits}f}"


def significant(value: float, digits: int = 4) -> str:
    """Return a number with so many significant digits, large ones whole: ``0.01235``, ``123,457``; a dash for none."""
    if not np.isfinite(value):
        return MISSING
    return f"{value:,.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:.{digits}g}"


def six_digits(value: float) -> str:
    """Return a number for a CSV file: whole ones in full, others with six digits, which all machines agree on."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"


def p_value(value: float) -> str:
    """Return a p-value to four places, and a smaller one by its power of ten, never as 0; a dash for none."""
    if not np.isfinite(value):
        return MISSING
    return f"{value:.4f}".rstrip("0").rstrip(".") if value >= 5e-5 or value <= 0 else f"{value:.0e}"


def setting(value: object) -> str:
    """Return the value of a setting: ``2`` for 2.0, which is what a table with gaps makes of 2; a dash for none."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return MISSING
    return f"{value:g}" if isinstance(value, float) else str(value)


def cell(value: Any) -> str:
    """Return a value of any kind: counts with separators, other numbers with four digits, yes or no, or a text."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return significant(float(value)) if isinstance(value, float | np.floating) else str(value)


def grid(header: Sequence[object], rows: Sequence[Sequence[object]], left: int) -> str:
    """Return a table in Markdown whose first ``left`` columns are flush left, the others flush right."""
    rule = [":--" if column < left else "--:" for column in range(len(header))]
    lines = [[str(entry).replace("|", "\\|") for entry in line] for line in [header, rule, *rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
