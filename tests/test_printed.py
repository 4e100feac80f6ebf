"""Numbers and tables as they are printed."""

import numpy as np
import pytest

from photoz_lit.printed import cell, grid, number, p_value, setting, significant, six_digits, with_error


def test_numbers_have_their_decimals_and_a_dash_stands_for_none() -> None:
    assert number(0.012345, 4) == "0.0123"
    assert number(0.001, 4, "+") == "+0.0010"
    assert [number(value, 2) for value in (None, np.nan, np.inf)] == ["–"] * 3


def test_an_error_stands_behind_its_value() -> None:
    assert with_error(1.234, 0.056, 2) == "1.23 ± 0.06"
    assert with_error(1.234, np.nan, 2, "+") == "+1.23"
    assert with_error(np.nan, 0.1, 2) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123456, "0.01235"),
        (9999.7, "10,000"),
        (123456.7, "123,457"),
        (2.0, "2"),
        (-12345.6, "-12,346"),
        (np.nan, "–"),
    ],
)
def test_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (0.00012, "0.0001"), (0.00001, "1e-05"), (1.0, "1"), (np.nan, "–")]
)
def test_a_p_value_is_never_printed_as_0(value: float, text: str) -> None:
    assert p_value(value) == text


def test_cells_and_settings() -> None:
    assert [cell(value) for value in (True, np.int64(1234), 0.5, "a", np.nan)] == ["yes", "1,234", "0.5", "a", "–"]
    assert [setting(value) for value in (2.0, 0.25, "late", None, np.nan)] == ["2", "0.25", "late", "–", "–"]


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert grid(["a", "|b|"], [["x", 1]], left=1) == "| a | \\|b\\| |\n| :-- | --: |\n| x | 1 |"


@pytest.mark.parametrize(
    ("value", "text"), [(526153.0, "526153"), (0.0066318668, "0.00663187"), (0.0, "0"), (-1.5, "-1.5")]
)
def test_six_digits(value: float, text: str) -> None:
    assert six_digits(value) == text
