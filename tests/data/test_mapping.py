"""Columns, units and missing values of any catalogue become those of a store."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from pydantic import ValidationError

from photoz_lit.data.mapping import ColumnSource, map_columns, source_columns
from photoz_lit.errors import InputError


def test_names_constants_and_missing_values() -> None:
    table = pd.DataFrame(
        {
            "ID": [7, 8, 9],
            "ZS": [0.5, -99.0, 9.9999],
            "q": [3.0, 2.0, np.nan],
            "i": [20.0, 99.99, 0.0],
            "bit": [0, 2, -1],
        }
    )
    mapped = map_columns(
        table,
        {
            "object_id": "ID",
            "z": ColumnSource(column="ZS", missing=(9.9999,)),
            "z_source": ColumnSource(value="spec"),
            "z_quality": "q",
            "mag_i": ColumnSource(column="i", missing=(0,), offset=0.4),
            "mag_u": ColumnSource(column="nothere", optional=True),
            "flags": "bit",
            "own": "bit",
            "left_out": None,
        },
    )
    assert mapped["object_id"].to_list() == ["7", "8", "9"]
    np.testing.assert_array_equal(mapped["z"], [0.5, np.nan, np.nan])
    assert mapped["z_source"].to_list() == ["spec"] * 3
    assert mapped["z_quality"].to_list() == ["3", "2", ""]
    np.testing.assert_allclose(mapped["mag_i"], [20.4, np.nan, np.nan])
    assert mapped["mag_u"].isna().all()
    assert mapped["flags"].to_list() == [0, 2, -1]
    assert mapped["own"].to_list() == [0, 2, -1]
    assert "left_out" not in mapped


def test_row_number_serves_as_id() -> None:
    assert map_columns(pd.DataFrame({"zz": [1.0, 2.0]}), {"z": "zz"})["object_id"].to_list() == ["0", "1"]


def test_flux_densities_become_ab_magnitudes() -> None:
    table = pd.DataFrame({"f": [1.0, 100.0, -1.0, 0.0, 99.0], "e": [0.1, 1.0, 1.0, 1.0, 9.9]})
    mapped = map_columns(
        table,
        {
            "mag_i": ColumnSource(column="f", unit="uJy"),
            "mag_err_i": ColumnSource(column="e", unit="nJy"),
            "mag_r": ColumnSource(column="f", unit="nmgy"),
        },
    )
    np.testing.assert_allclose(mapped["mag_i"], [23.9, 18.9, np.nan, np.nan, 23.9 - 2.5 * np.log10(99.0)], atol=1e-4)
    np.testing.assert_allclose(mapped["mag_r"][:2], [22.5, 17.5], atol=1e-4)
    expected = 2.5 / np.log(10) * 1e-3 * table["e"] / table["f"]
    np.testing.assert_allclose(mapped["mag_err_i"], expected.where(table["f"] > 0))


def test_units_of_the_file_are_honoured() -> None:
    table = pd.DataFrame({"alpha": [1.0], "delta": [0.5], "flux": [1.0], "odd": [21.0]})
    table.attrs["units"] = {"alpha": "rad", "delta": "rad", "flux": "uJy", "odd": "furlong of nothing"}
    mapped = map_columns(table, {"ra": "alpha", "dec": "delta", "mag_g": "flux"})
    np.testing.assert_allclose(mapped[["ra", "dec"]], np.rad2deg([[1.0, 0.5]]))
    assert mapped["mag_g"][0] == pytest.approx((1 * u.uJy).to_value(u.ABmag))
    with pytest.raises(InputError, match="mapped to 'mag_r': unit 'furlong of nothing' is unknown"):
        map_columns(table, {"mag_r": "odd"})
    assert map_columns(table, {"mag_r": ColumnSource(column="odd", unit="mag")})["mag_r"][0] == 21.0


def test_sexagesimal_positions() -> None:
    table = pd.DataFrame({"ra": ["10:00:24.0", "10:01:00.0"], "dec": ["+02:12:00", "-02:30:36"]})
    mapped = map_columns(table, {"ra": ColumnSource(column="ra", unit="hourangle"), "dec": "dec"})
    np.testing.assert_allclose(mapped["ra"], [150.1, 150.25])
    np.testing.assert_allclose(mapped["dec"], [2.2, -2.51])


def test_expressions_and_translation() -> None:
    table = pd.DataFrame({"m": [20.0, -99.0], "a": [0.1, 0.2], "code": [1, 2]})
    mapped = map_columns(
        table,
        {
            "mag_r": ColumnSource(expression="m + a"),
            "z_source": ColumnSource(column="code", translate={"1": "spec", "2": "grism"}),
        },
    )
    assert mapped["mag_r"][0] == pytest.approx(20.1)
    assert mapped["z_source"].to_list() == ["spec", "grism"]
    assert source_columns({"mag_r": ColumnSource(expression="m + a"), "z": "m", "x": None}) == ["m", "a"]


def test_text_numbers_and_nullable_columns() -> None:
    table = pd.DataFrame({"z": [" 0.5", "nan", "--"], "n": pd.array([1, None, 3], dtype="Int64")})
    mapped = map_columns(table, {"z": "z", "ebv": "n"})
    np.testing.assert_array_equal(mapped["z"], [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(mapped["ebv"], [1, np.nan, 3])


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"z": "zpek"}, r"column 'zpek', mapped to 'z', is not in the catalogue; did you mean 'zpec'"),
        ({"z": "name"}, r"row 0 is 'abc', not a number"),
        ({"ra": ColumnSource(column="zpec", unit="uJy")}, r"unit 'uJy' is no angle"),
        ({"mag_i": ColumnSource(column="zpec", unit="deg")}, r"neither a magnitude nor a flux density"),
        ({"mag_i": ColumnSource(column="zpec", unit="parsnip")}, r"unit 'parsnip' is unknown to astropy"),
        ({"dec": "big"}, r"row 1 is 200 degrees, outside \[-90, 90\]"),
        ({"mag_err_i": ColumnSource(column="zpec", unit="uJy")}, r"'mag_i' must be mapped to its flux"),
        ({"object_id": "rounded"}, r"holds ids as floating point, which has rounded them"),
    ],
)
def test_refused(mapping: dict[str, str | ColumnSource], sentence: str) -> None:
    table = pd.DataFrame({"zpec": [0.5, 0.6], "name": ["abc", "d"], "big": [1.0, 200.0], "rounded": [2.0**60, 1.0]})
    with pytest.raises(InputError, match=sentence):
        map_columns(table, mapping)


def test_one_source_per_column() -> None:
    with pytest.raises(ValidationError, match="exactly one of"):
        ColumnSource(column="a", value=3.0)
