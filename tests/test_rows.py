"""Rows read are rows used and rows left out, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from photoz_lit.rows import RowCount, lines, record, total


def test_a_count_grows_by_reasons() -> None:
    start = RowCount.of(100)
    count = start.without("outside the images", 75).keeping("ingest.select", np.arange(25) < 20).without("nothing", 0)
    assert count.content() == {"read": 100, "used": 20, "left_out": {"outside the images": 75, "ingest.select": 5}}
    assert start == RowCount.of(100)
    assert count.line("galaxies") == ("100 galaxies read, 20 used; left out: 75 outside the images, 5 ingest.select")
    assert count.checked(20) is count


def test_a_count_that_does_not_add_up_is_no_count() -> None:
    with pytest.raises(ValidationError, match="are not"):
        RowCount(read=10, used=8, left_out={"x": 1})
    with pytest.raises(ValidationError):
        RowCount.of(3).without("x", 4)
    with pytest.raises(RuntimeError, match="9 rows are used"):
        RowCount.of(10).checked(9)
    with pytest.raises(RuntimeError, match="are judged"):
        RowCount.of(10).keeping("x", np.ones(9, bool))


def test_counts_of_several_stores_are_added_by_reason() -> None:
    one, other = RowCount.of(10).without("a", 2), RowCount.of(5).without("b", 1).without("a", 1)
    assert total([one, other]).content() == {"read": 15, "used": 11, "left_out": {"a": 3, "b": 1}}
    assert total([]) == RowCount.of(0)
    assert record(one) == {"rows": one.content()}
    assert record(one, {"data.labels": other})["rows_of"] == {"data.labels": other.content()}
    assert lines(one, {"data.labels": other}) == [
        "10 rows read, 8 used; left out: 2 a",
        "data.labels: 5 rows read, 3 used; left out: 1 b, 1 a",
    ]
