"""Expressions over the columns of a table, such as ``"18 <= mag_i <= 25 and flags == 0"``, that cannot run code.

The text is parsed by Python's own parser and only the nodes of a whitelist are evaluated, on whole columns:
comparisons (chained too, ``in`` and ``not in`` with a list), ``and``, ``or``, ``not``, arithmetic, ``& | ^ ~`` and a
handful of functions. ``& | ^ ~`` work on conditions in brackets as ``and``, ``or`` and ``not`` do, on whole numbers bit
by bit. There are no attributes, no subscripts, no calls of anything else; what is not understood is refused. A column
whose name is no Python name is written in back quotes. A comparison with a missing value (NaN) is false, but for ``!=``
and ``not in``, which are true; so ``not (z > 6)`` keeps galaxies without a redshift and ``z <= 6`` does not.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.expression import Evaluator
from photoz_lit.errors import InputError

MAX_LENGTH = 2000
_BACK_QUOTED = re.compile(r"`([^`]+)`")
_PREFIX = "_column_"


def select(expression: str, table: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows of the table satisfy the expression.

    Parameters
    ----------
    expression : a condition on the columns; an empty one keeps every row.
    table : the columns it may name.

    Returns
    -------
    (rows,) booleans.

    Raises
    ------
    InputError : the expression cannot be parsed, names no column, uses what is not allowed, or is no condition.
    """
    if not expression.strip():
        return np.ones(len(table), bool)
    result = evaluate(expression, table)
    if result.dtype != np.bool_:
        raise InputError(f"selection '{expression}' is a value, not a condition; compare it, as in 'mag_i < 25'.")
    return result


def evaluate(expression: str, table: pd.DataFrame) -> NDArray[Any]:
    """Return the value of an expression for every row, e.g. ``"dered_petro_r + extinction_r"``.

    Returns
    -------
    (rows,) numbers, booleans or strings.

    Raises
    ------
    InputError : see :func:`select`.
    """
    tree, quoted = _parse(expression)
    evaluator = Evaluator(expression, table, quoted)
    try:
        with np.errstate(all="ignore"):
            value = evaluator.value(tree)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"expression '{expression}' cannot be evaluated on these columns ({error}).") from error
    except (RecursionError, MemoryError) as error:
        raise InputError(f"expression '{expression[:60]}…' is nested too deeply; write it simpler.") from error
    return np.broadcast_to(np.asarray(value), (len(table),)).copy()


def column_names(expression: str) -> list[str]:
    """Return the columns that an expression names, in order of appearance.

    Raises
    ------
    InputError : the expression cannot be parsed.
    """
    tree, quoted = _parse(expression)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    names.sort(key=lambda node: node.col_offset)
    return list(dict.fromkeys(quoted.get(node.id, node.id) for node in names))


def _parse(expression: str) -> tuple[ast.expr, dict[str, str]]:
    """Return the syntax tree, and the column that each placeholder of a back-quoted name stands for."""
    if len(expression) > MAX_LENGTH:
        raise InputError(f"expression '{expression[:60]}…' has over {MAX_LENGTH} characters; write it shorter.")
    quoted: dict[str, str] = {}

    def placeholder(match: re.Match[str]) -> str:
        quoted[f"{_PREFIX}{len(quoted)}"] = match[1]
        return f"{_PREFIX}{len(quoted) - 1}"

    text = _BACK_QUOTED.sub(placeholder, expression)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        tokens = list(tokenize.generate_tokens(io.StringIO(text.strip()).readline))
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "nested too deeply"
        raise InputError(
            f"expression '{expression[:200]}' cannot be read ({reason});"
            " write it like '18 <= mag_i <= 25 and flags == 0'."
        ) from error
    if any(token.type == tokenize.COMMENT for token in tokens):
        raise InputError(
            f"expression '{expression[:200]}': what follows '#' would not count; put a column of that name in back"
            " quotes, or leave it out."
        )
    return tree, quoted


def required_columns(expressions: Sequence[str]) -> list[str]:
    """Return the columns that several expressions name, each once; empty expressions name none."""
    return list(dict.fromkeys(name for text in expressions if text.strip() for name in column_names(text)))
