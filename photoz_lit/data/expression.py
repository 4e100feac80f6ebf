"""Evaluate the whitelisted nodes of an expression on the columns of a table; see :mod:`photoz_lit.data.selection`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError, nearest
from photoz_lit.tables.frame import missing_column
from photoz_lit.tables.no_value import parsed_numbers

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log10": np.log10,
    "floor": np.floor,
    "isfinite": np.isfinite,
    "isnan": np.isnan,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_BITWISE = (ast.BitAnd, ast.BitOr, ast.BitXor)
_INT64_END = 2.0**63


class Evaluator:
    """Evaluates the whitelisted nodes of one expression on one table."""

    def __init__(self, expression: str, table: pd.DataFrame, quoted: Mapping[str, str]) -> None:
        self.expression = expression
        self.table = table
        self.quoted = quoted

    def value(self, node: ast.expr) -> Any:
        """Return the value of a node: a scalar, or an array with one value per row."""
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
            return self._named(node.value) if isinstance(node.value, str) else node.value
        if isinstance(node, ast.Name):
            return self._column(self.quoted.get(node.id, node.id))
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.BoolOp):
            parts = [self._condition(part) for part in node.values]
            combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return combine.reduce(np.broadcast_arrays(*parts))
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        raise InputError(
            f"expression '{self.expression}' uses {type(node).__name__}, which is not allowed; only comparisons,"
            f" and/or/not, arithmetic and {', '.join(FUNCTIONS)} are."
        )

    def _column(self, name: str) -> NDArray[Any]:
        if name not in self.table:
            known = self.table.columns
            raise InputError(f"expression '{self.expression}': no column '{name}'{missing_column(name, known)}")
        return plain_column(self.table[name])

    def _condition(self, node: ast.expr) -> Any:
        value = np.asarray(self.value(node))
        if value.dtype != np.bool_:
            raise InputError(
                f"expression '{self.expression}': '{self._text(node)}' is a value, not a condition; compare it,"
                " as in 'mag_i < 25'."
            )
        return value

    def _unary(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return ~self._condition(node.operand)
        if isinstance(node.op, ast.Invert):  # of a condition "not", of whole numbers all bits
            value = np.asarray(self.value(node.operand))
            return ~value if value.dtype.kind == "b" else ~self._whole(node.operand, self._number(node.operand))
        value = self._number(node.operand)
        return -value if isinstance(node.op, ast.USub) else value

    def _number(self, node: ast.expr) -> Any:
        value = self._as_number(self.value(node))
        if value.dtype.kind not in "iufb":
            raise InputError(f"expression '{self.expression}': '{self._text(node)}' is text, not a number.")
        return _widened(np.asarray(value))

    @staticmethod
    def _as_number(value: Any) -> NDArray[Any]:
        """Return a column of texts that are all numbers, or no value (``--``), as numbers; others as they are."""
        array = np.asarray(value)
        if array.ndim != 1 or array.dtype.kind not in "UO":
            return array
        numbers, bad = parsed_numbers(array, codes=())
        return array if bad is not None else numbers

    def _arithmetic(self, node: ast.BinOp) -> Any:
        kind = type(node.op)
        if kind not in _ARITHMETIC:
            raise InputError(f"expression '{self.expression}': the operator {kind.__name__} is not allowed.")
        if kind in _BITWISE:
            return self._bitwise(node)
        left, right = self._number(node.left), self._number(node.right)
        result = _ARITHMETIC[kind](left.astype(np.float64), right.astype(np.float64))
        if kind is ast.Pow or left.dtype.kind == "f" or right.dtype.kind == "f" or np.any(np.abs(result) >= _INT64_END):
            return result  # in floating point: whole numbers would wrap around silently
        return _ARITHMETIC[kind](left, right)

    def _bitwise(self, node: ast.BinOp) -> Any:
        """Return ``& | ^`` of two conditions, or of the bits of two whole numbers."""
        left, right = np.asarray(self.value(node.left)), np.asarray(self.value(node.right))
        operation = _ARITHMETIC[type(node.op)]
        if left.dtype.kind == right.dtype.kind == "b":
            return operation(left, right)
        if "b" in (left.dtype.kind, right.dtype.kind):
            raise InputError(
                f"expression '{self.expression}': '{self._text(node)}' joins a condition and a number; put the"
                " conditions in brackets, or join them with 'and' and 'or'."
            )
        return operation(*(self._whole(part, self._number(part)) for part in (node.left, node.right)))

    def _whole(self, node: ast.expr, value: NDArray[Any]) -> NDArray[np.int64]:
        """Return bits; a flag column read as floating point is still made of whole numbers."""
        if value.dtype.kind == "f" and not np.all(value == np.floor(value)):
            raise InputError(f"expression '{self.expression}': '{self._text(node)}' has values that are not whole.")
        return value.astype(np.int64)

    def _call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else "…"
        if name not in FUNCTIONS:
            raise InputError(f"expression '{self.expression}': no function '{name}'{nearest(name, FUNCTIONS)}")
        if len(node.args) != 1 or node.keywords:
            raise InputError(f"expression '{self.expression}': {name} takes one value.")
        return FUNCTIONS[name](self._number(node.args[0]))

    def _compare(self, node: ast.Compare) -> Any:
        operands = [node.left, *node.comparators]
        if len(operands) > 2 and any(isinstance(o, ast.BinOp) and isinstance(o.op, _BITWISE) for o in operands):
            # "flags == 0 & mask == 0" reads as flags == (0 & mask) == 0, which nobody means
            raise InputError(
                f"expression '{self.expression}': '&', '|' and '^' bind before the comparisons around them; write"
                " 'and' or 'or' between conditions, and one comparison at a time of bits."
            )
        result: Any = np.bool_(True)
        for left, kind, right in zip(operands, node.ops, operands[1:], strict=False):
            result = result & self._pair(left, kind, right)
        return result

    def _pair(self, left: ast.expr, kind: ast.cmpop, right: ast.expr) -> Any:
        if isinstance(kind, ast.In | ast.NotIn):
            return self._membership(left, right, isinstance(kind, ast.NotIn))
        if type(kind) not in _COMPARISONS:
            raise InputError(f"expression '{self.expression}': 'is' is not allowed; write '=='.")
        a, b = self._same_kind(left, np.asarray(self.value(left)), right, np.asarray(self.value(right)))
        return _COMPARISONS[type(kind)](a, b)

    def _membership(self, left: ast.expr, right: ast.expr, negate: bool) -> Any:
        if not isinstance(right, ast.List | ast.Tuple | ast.Set):
            raise InputError(f"expression '{self.expression}': 'in' needs a list, as in 'z_source in [\"spec\"]'.")
        a = np.asarray(self.value(left))
        found = np.zeros(a.shape, bool)
        for item in right.elts:
            value, b = self._same_kind(left, a, item, np.asarray(self.value(item)))
            found = found | (value == b)
        return ~found if negate else found

    def _same_kind(
        self, left: ast.expr, a: NDArray[Any], right: ast.expr, b: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return two sides of a comparison as two numbers or two texts."""
        if (a.dtype.kind in "UO") != (b.dtype.kind in "UO"):
            a, b = self._as_number(a), self._as_number(b)
        if (a.dtype.kind in "UO") != (b.dtype.kind in "UO"):
            raise InputError(
                f"expression '{self.expression}': '{self._text(left)}' and '{self._text(right)}' are text and number,"
                " which cannot be compared."
            )
        return a, b

    def _text(self, node: ast.expr) -> str:
        return self._named(ast.unparse(node))

    def _named(self, text: str) -> str:
        """Return a text with the back-quoted names that the parser did not see."""
        for key, name in reversed(list(self.quoted.items())):
            text = text.replace(key, f"`{name}`")
        return text


def _widened(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers whose arithmetic does not wrap around: whole ones as int64, those beyond it in floating point."""
    if values.dtype.kind == "u" and np.any(values > np.iinfo(np.int64).max):
        return values.astype(np.float64)
    return values.astype(np.int64) if values.dtype.kind in "iub" else values


def plain_column(column: pd.Series[Any]) -> NDArray[Any]:
    """Return a column as numbers, booleans or Python strings; a missing number is NaN, a missing string ``""``."""
    if pd.api.types.is_bool_dtype(column.dtype) and not column.isna().any():
        return column.to_numpy(np.bool_)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(np.float64, na_value=np.nan) if column.isna().any() else np.asarray(column.to_numpy())
    return column.fillna("").astype(str).to_numpy(object)
