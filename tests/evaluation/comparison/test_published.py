from __future__ import annotations

import pandas as pd
import pytest

from photoz_lit.evaluation.comparison.published import beside_published, read_published
from photoz_lit.evaluation.significance.p_values import relative_gain
from photoz_lit.fields import load_field


def test_published_numbers_are_those_of_the_notes() -> None:
    published = read_published()
    assert len(published["multimodal"]) == 7
    for entry in published["multimodal"]:
        load_field(entry["field"])
        for name, gain in entry["gain"].items():
            known = float(relative_gain(entry["baseline"][name], entry["multimodal"][name]))
            assert gain == pytest.approx(known, abs=1.0 if name != "bias" else 3.0), (entry["data"], name)
    emitters = published["oii_emitters"]
    assert emitters["adapted"] == {"sigma_mad": 0.03385, "eta": 0.1128, "bias": -0.00846}


def test_published_stand_beside_ours(table: pd.DataFrame) -> None:
    beside = beside_published(table, "baseline")
    assert set(beside["data"]) == {"HSC-6b"}
    assert list(beside["who"]) == ["published"] * 2 + ["ours, simulated"] * 3
    assert beside_published(table.assign(field="zcosmos"), "baseline").empty
