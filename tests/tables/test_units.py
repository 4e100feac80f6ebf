"""Units as catalogues spell them; the numbers are worked out by hand from 3631 Jy and the degree."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.mapping import ColumnSource, map_columns
from photoz_lit.errors import InputError
from photoz_lit.tables.units import parse_unit

NANOMAGGY = 22.5 - 2.5 * np.log10(15.0)  # 19.5598: a maggy is magnitude 0
MICROJANSKY = -2.5 * np.log10(15e-6 / 3631.0)  # 20.9598


def table(unit: str, *values: object) -> pd.DataFrame:
    frame = pd.DataFrame({"F": list(values)})
    frame.attrs["units"] = {"F": unit}
    return frame


@pytest.mark.parametrize(
    ("unit", "magnitude"),
    [
        *((unit, NANOMAGGY) for unit in ("nanomaggies", "nanomaggy", "nMgy", "nmgy", "NANOMAGGIES", "nMaggy")),
        *((unit, MICROJANSKY) for unit in ("microJy", "muJy", "uJy", "µJy", "μJy", "microJansky", "10**-6 Jy")),
        ("1E-29 erg/(s cm2 Hz)", MICROJANSKY),
        ("nJy", MICROJANSKY + 7.5),
        ("mJy", MICROJANSKY - 7.5),
        ("Jy", MICROJANSKY - 15.0),
        ("MJy", MICROJANSKY - 30.0),
        ("maggies", NANOMAGGY - 22.5),
        ("W m-2 Hz-1", MICROJANSKY - 80.0),
        *((unit, 15.0) for unit in ("", "mag", "MAG", "mags", "AB mag", "mag(AB)", "ABmag", "---", "[mag]")),
        ("mmag", 0.015),
    ],
)  # fmt: skip
def test_fifteen_as_a_magnitude(unit: str, magnitude: float) -> None:
    assert map_columns(table(unit, 15.0), {"mag_r": "F"})["mag_r"][0] == pytest.approx(magnitude, abs=1e-3)


@pytest.mark.parametrize("unit", ["ct", "counts", "adu", "ADU", "DN", "electron/s", "e-/s", "electrons", "cps"])
def test_counts_need_a_zero_point(unit: str) -> None:
    with pytest.raises(InputError, match=r"column 'F', mapped to 'mag_r': unit .* needs a zero point; convert it"):
        map_columns(table(unit, 15.0), {"mag_r": "F"})
    converted = map_columns(table(unit, 15.0), {"mag_r": ColumnSource(expression="27 - 2.5 * log10(F)")})
    assert converted["mag_r"][0] == pytest.approx(27 - 2.5 * np.log10(15.0))


@pytest.mark.parametrize(
    ("unit", "sentence"),
    [
        ("parsnip", "unit 'parsnip' is unknown to astropy"),
        ("erg/s/cm2/Angstrom", "neither a magnitude nor a flux density per frequency"),
        ("mag/arcsec2", "neither a magnitude nor a flux density"),
        ("mag(ST)", "neither a magnitude nor a flux density"),
        ("dex", "neither a magnitude nor a flux density"),
        ("deg", "neither a magnitude nor a flux density"),
        ("Vega", "in the Vega system; give 'unit: mag' and their 'offset'"),
        ("mag(Vega)", "in the Vega system"),
    ],
)
def test_a_stated_unit_is_never_none(unit: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        map_columns(table(unit, 15.0), {"mag_r": "F"})
    # What the config says counts before what the file says.
    assert (
        map_columns(table(unit, 15.0), {"mag_r": ColumnSource(column="F", unit="mag", offset=1.0)})["mag_r"][0] == 16.0
    )


def test_a_flux_in_an_expression_needs_the_expressions_unit() -> None:
    with pytest.raises(InputError, match="column 'F' is in nmgy; give the expression's 'unit'"):
        map_columns(table("nanomaggies", 15.0), {"mag_r": ColumnSource(expression="F * 1.0")})
    mapped = map_columns(table("nanomaggies", 7.5), {"mag_r": ColumnSource(expression="F * 2", unit="nMgy")})
    assert mapped["mag_r"][0] == pytest.approx(NANOMAGGY)


def test_flux_errors_and_codes() -> None:
    frame = pd.DataFrame({"F": [100.0, 99.0, -99.0, 0.0], "E": [1.0, 9.9, 1.0, 1.0]})
    frame.attrs["units"] = {"F": "nanomaggies", "E": "NANOMAGGIES"}
    mapped = map_columns(frame, {"mag_r": "F", "mag_err_r": "E"})
    # A flux of 99 is a flux; one of -99 or 0 has no magnitude.
    np.testing.assert_allclose(mapped["mag_r"], [17.5, 22.5 - 2.5 * np.log10(99), np.nan, np.nan], atol=1e-6)
    np.testing.assert_allclose(mapped["mag_err_r"], [0.0108574, 0.108574, np.nan, np.nan], atol=1e-5)


@pytest.mark.parametrize("unit", ["km/s", "mag", "deg"])
def test_a_redshift_has_no_unit(unit: str) -> None:
    with pytest.raises(InputError, match="is none of a redshift"):
        map_columns(table(unit, 1500.0), {"z": "F"})
    assert map_columns(table("mag", 0.03), {"ebv": "F"})["ebv"][0] == 0.03


@pytest.mark.parametrize(
    ("unit", "value", "ra"),
    [
        ("", 150.119, 150.119),
        ("deg", 150.119, 150.119),
        ("degrees", 150.119, 150.119),
        ("rad", 2.0, 114.59156),
        ("hourangle", 10.0, 150.0),
        ("hours", 10.0, 150.0),
        ("h", 10.0, 150.0),
        ("arcsec", 540000.0, 150.0),
        ("arcmin", 9000.0, 150.0),
        ("", "10:00:28.6", 150.1191667),
        ("", "10 00 28.6", 150.1191667),
        ("", "10h00m28.6s", 150.1191667),
        ('"h:m:s"', "10:00:28.6", 150.1191667),
        ("hms", "10:00:28.6", 150.1191667),
        ("deg", "150:07:09", 150.1191667),
        ("", "150d07m09s", 150.1191667),
        ("", "150.119", 150.119),
    ],
)
def test_right_ascension(unit: str, value: object, ra: float) -> None:
    assert map_columns(table(unit, value), {"ra": "F"})["ra"][0] == pytest.approx(ra, abs=1e-5)


def test_declination_and_missing_positions() -> None:
    mapped = map_columns(table("", "--", "-00:00:36", "+02:12:21"), {"dec": "F"})
    np.testing.assert_allclose(mapped["dec"], [np.nan, -0.01, 2.2058333], atol=1e-7)
    with pytest.raises(InputError, match="unit 'mag' is no angle"):
        map_columns(table("mag", 1.0), {"ra": "F"})
    with pytest.raises(InputError, match=r"'hours' was found .*read as hours unless that is deg"):
        map_columns(table("", "150:07:09"), {"ra": "F"})
    with pytest.raises(InputError, match="mapped to 'ra': "):
        map_columns(table("", "10:00:28.6", "nonsense"), {"ra": "F"})


def test_case_counts_in_prefixes_only() -> None:
    assert parse_unit("MJy") == 1e9 * parse_unit("mJy")
    assert parse_unit("JY") == parse_unit("Jy")
    assert parse_unit("no such unit") is None
