"""A value as text, without loading pandas: the config needs it before anything is read."""

from __future__ import annotations

import math
from typing import Any


def plain_text(value: Any) -> str:
    """Return a value as text: a whole number without decimals, NaN, None and pandas' NA as an empty string."""
    if type(value).__name__ == "NAType" or value is None:
        return ""
    if hasattr(value, "dtype") and value.dtype.kind == "f":
        value = float(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else str(int(value)) if value.is_integer() else str(value)
    return str(value)
