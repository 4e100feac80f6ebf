"""Expressions select what pandas selects, and run nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.selection import column_names, evaluate, required_columns, select
from photoz_lit.errors import InputError

TABLE = pd.DataFrame(
    {
        "mag_i": [17.5, 18.0, 21.3, 25.0, 25.1, np.nan],
        "z": [0.1, 0.2, 0.3, 0.4, 5.0, 0.6],
        "flags": [0, 1, 4, 5, 0, 0],
        "z_source": ["spec", "spec", "grism", "photo", "", None],
        "secure": [True, False, True, True, False, True],
        "id": np.array([2**60 + k for k in range(6)]),
        "2MASS J": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "small": np.array([0, 50, 100, 160, 200, 250], np.uint8),
        "big": np.array([2**64 - 1 - k for k in range(6)], np.uint64),
        "nullable": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
    }
)


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("18 <= mag_i <= 25 and flags == 0", []),
        ("18 <= mag_i <= 25", [1, 2, 3]),
        ("18 <= mag_i <= 25 and flags & 4 == 0", [1]),
        ("flags & 4 != 0 or z > 4", [2, 3, 4]),
        ("not (mag_i < 25)", [3, 4, 5]),  # NaN is not below 25
        ("mag_i < 25 or mag_i >= 25", [0, 1, 2, 3, 4]),
        ("isfinite(mag_i) and not isnan(z)", [0, 1, 2, 3, 4]),
        ("z_source in ['spec', 'grism']", [0, 1, 2]),
        ("z_source not in ('spec', 'grism')", [3, 4, 5]),
        ("z_source == ''", [4, 5]),
        ("secure and z < 0.35", [0, 2]),
        ("secure == False", [1, 4]),
        ("id == 1152921504606846978", [2]),
        ("`2MASS J` > 4.5", [4, 5]),
        ("nullable > 2", [2, 3, 4, 5]),
        ("abs(mag_i - 20) < 2.1 and log10(z) < -0.6", [1]),
        ("(mag_i - 0.5) * 2 ** 1 > 49", [4]),
        ("-mag_i % 2 == 0.5", [0]),
        ("z / 0 > 1", [0, 1, 2, 3, 4, 5]),
        ("True", [0, 1, 2, 3, 4, 5]),
        ("", [0, 1, 2, 3, 4, 5]),
        ("floor(z * 10) == 2 or z == 0.4", [1, 3]),
        ("~(mag_i < 25)", [3, 4, 5]),
        ("~secure", [1, 4]),
        ("~secure and z > 4", [4]),
        ("~~secure", [0, 2, 3, 5]),
        ("flags & ~4 == 1", [1, 3]),
        ("~flags == -6", [3]),
        ("(mag_i < 25) & (z > 0.15)", [1, 2]),
        ("(z < 0.15) | ~(z < 4)", [0, 4]),
        ("secure ^ (z > 0.35)", [0, 2, 4]),
        ("small - 1 < 0", [0]),
        ("-small < 0", [1, 2, 3, 4, 5]),
        ("small * 2 > 300", [3, 4, 5]),
        ("id * 16 > 0", [0, 1, 2, 3, 4, 5]),
        ("big - 1 > 2 ** 63", [0, 1, 2, 3, 4, 5]),
        ("big == 18446744073709551614", [1]),
        ("z_source == '#' or z > 4", [4]),
        ("`2MASS J` < 3 and z_source != '`2MASS J`'", [0, 1]),
    ],
)
def test_select(expression: str, rows: list[int]) -> None:
    np.testing.assert_array_equal(np.flatnonzero(select(expression, TABLE)), rows)


def test_agrees_with_pandas_on_random_columns() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"a": random.normal(size=500), "b": random.integers(0, 8, 500), "c": random.uniform(size=500)})
    for text in ("a > 0 and b < 4", "a * 2 + c >= 0.5 or b == 3", "-0.5 < a < 0.5 and not b == 2", "b in [1, 2, 7]"):
        np.testing.assert_array_equal(select(text, table), table.eval(text).to_numpy())


def test_evaluate_arithmetic() -> None:
    np.testing.assert_allclose(evaluate("z * 2 + 1", TABLE), TABLE["z"] * 2 + 1)
    assert evaluate("3", TABLE).shape == (6,)


def test_column_names() -> None:
    assert column_names("18 <= mag_i <= 25 and `2MASS J` > abs(z) or mag_i < 3") == ["mag_i", "2MASS J", "z"]
    assert required_columns(["z > 1", "", "z < mag_i"]) == ["z", "mag_i"]


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("__import__('os').system('true')", "no function"),
        ("mag_i.__class__", "Attribute, which is not allowed"),
        ("(lambda: 1)() > 0", "no function"),
        ("[x for x in z]", "ListComp, which is not allowed"),
        ("z[0] > 1", "Subscript, which is not allowed"),
        ("f'{z}' == ''", "JoinedStr, which is not allowed"),
        ("(z := 3) > 1", "NamedExpr, which is not allowed"),
        ("z if secure else 1", "IfExp, which is not allowed"),
        ("eval('1') > 0", "no function 'eval'"),
        ("'a' * 1000000000 == 'b'", "is text, not a number"),
        ("z << 3 > 1", "operator LShift is not allowed"),
        ("z is 1", "'is' is not allowed"),
        ("mag_x > 1", "no column 'mag_x'; did you mean 'mag_i'"),
        ("mag_i", "is a value, not a condition"),
        ("mag_i and z > 1", "is a value, not a condition"),
        ("z_source > 1", "text and number"),
        ("z in 3", "needs a list"),
        ("z & 1 == 0", "values that are not whole"),
        ("z >", "cannot be read"),
        ("abs(z, 2) > 1", "abs takes one value"),
        ("abs(x=z) > 1", "abs takes one value"),
        ("(" * 300 + "1" + ")" * 300, "cannot be read"),
        ("-" * 1500 + "1 > 0", "nested too deeply"),
        ("z > 1 and " * 300 + "z > 1", "over 2000 characters"),
        ("1j > 0", "Constant, which is not allowed"),
        ("z == None", "Constant, which is not allowed"),
        ("~z > 1", "values that are not whole"),
        ("~z_source == ''", "is text, not a number"),
        ("-secure", "is a value, not a condition"),
        ("secure & flags == 0", "joins a condition and a number"),
        ("(mag_i < 25) & flags", "joins a condition and a number"),
        ("flags == 0 & small == 0", "bind before the comparisons around them"),
        ("18 < flags | 4 < 25", "bind before the comparisons around them"),
        ("mag_i < 25 # and z > 0.1", "what follows '#' would not count"),
        ("mag_i < 25; z > 1", "cannot be read"),
        ("mag_i < 25, z > 1", "Tuple, which is not allowed"),
        ("mag_i < 25 && z > 1", "cannot be read"),
        ("mag_i < 25 and !secure", "cannot be read"),
        ("mag_i = 25", "cannot be read"),
        ("z // 1 == 0", "operator FloorDiv is not allowed"),
        ("z @ 1 == 0", "operator MatMult is not allowed"),
    ],
)
def test_refused(expression: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        select(expression, TABLE)


def test_powers_of_powers_cost_nothing() -> None:
    assert select("9 ** 9 ** 9 ** 9 > 1", TABLE).all()  # floating point: infinite, not a number of a billion digits
