"""Zero points in the system that the header, the survey or the user says; pixels in proportion to the flux."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.linear_pixels import asinh_scale
from photoz_lit.ingest.magnitude_systems import System
from photoz_lit.ingest.zero_point import header_zero_point
from tests.ingest.archives import positions_table, settings_of
from tests.ingest.skies import tan_wcs

Cards = dict[str, Any]
PATH = Path("a.fits")

# m_AB − m_Vega of Blanton & Roweis 2007, Jarrett et al. 2011, Hewett et al. 2006, González-Fernández et al. 2018
CONVERTED: list[tuple[Cards, str, float]] = [
    ({"MAGZP": 20.9, "ORIGIN": "2MASS", "FILTER": "j"}, "j", 21.81),
    ({"MAGZP": 20.5, "ORIGIN": "2MASS", "FILTER": "h"}, "h", 21.89),
    ({"MAGZP": 19.9, "ORIGIN": "2MASS", "FILTER": "k"}, "k", 21.75),
    ({"MAGZP": 19.9, "SURVEY": "2MASS-K"}, "k", 21.75),
    ({"MAGZP": 20.5, "TELESCOP": "WISE", "BAND": 1}, "w1", 23.199),
    ({"MAGZP": 19.5, "TELESCOP": "WISE", "BAND": 2}, "w2", 22.839),
    ({"MAGZP": 18.0, "SURVEY": "AllWISE", "FILTER": "W3"}, "w3", 23.174),
    ({"MAGZP": 13.0, "SURVEY": "AllWISE"}, "w4", 19.62),
    ({"MAGZPT": 22.5, "INSTRUME": "WFCAM", "FILTER": "K", "EXP_TIME": 10.0}, "k", 26.9),
    ({"MAGZPT": 23.0, "INSTRUME": "VIRCAM", "FILTER": "Ks", "EXPTIME": 10.0}, "k", 27.327),
    ({"MAGZPT": 23.0, "INSTRUME": "VIRCAM", "FILTER": "J", "EXPTIME": 10.0, "BUNIT": "ADU/s"}, "j", 23.916),
    ({"PHOTZP": 23.0, "PHOTSYS": "VEGA", "INSTRUME": "VIRCAM", "FILTER": "Y"}, "y", 23.6),
    ({"PHOTZP": 30.0, "INSTRUME": "MegaPrime"}, "u", 30.0),
    ({"MAGZP": 26.2, "ORIGIN": "Zwicky Transient Facility"}, "g", 26.2),
    ({"MAGZERO": 30.0, "INSTRUME": "VIRCAM", "FILTER": "Ks"}, "k", 30.0),
    ({"MAGZP": 25.0, "MAGSYS": "AB"}, "k", 25.0),
    ({"ABMAGZP": 24.0, "MAGZPT": 23.0, "INSTRUME": "VIRCAM"}, "k", 24.0),
    ({"FPA.ZP": 25.0, "EXPTIME": 900.0}, "r", 32.3856),
    ({"MAGZERO": 22.5, "BUNIT": "nanomaggy"}, "r", 22.5),
]


@pytest.mark.parametrize(("header", "band", "zero_point"), CONVERTED)
def test_the_header_tells_the_system(header: Cards, band: str, zero_point: float) -> None:
    assert header_zero_point(header, band, PATH, None) == pytest.approx(zero_point, abs=1e-3)


REFUSED: list[tuple[Cards, str]] = [
    ({"MAGZP": 19.9}, "MAGZP = 19.9 does not say whether it is an AB or a Vega magnitude"),
    ({"MAGZPT": 22.4, "TELESCOP": "CTIO"}, "MAGZPT = 22.4 does not say"),
    ({"PHOTZP": 30.0}, "PHOTZP = 30.0 does not say"),
    ({"ZP": 25.0}, "ZP = 25.0 does not say"),
    ({"MAGZERO": 20.0, "ORIGIN": "2MASS", "FILTER": "k"}, "MAGZERO = 20.0 does not say"),
    ({"MAGZERO": 25.0, "MAGSYS": "Vega", "FILTER": "V"}, "MAGZERO is a Vega zero point"),
    ({"MAGZP": 19.9, "ORIGIN": "2MASS", "FILTER": "narrow"}, "MAGZP is a Vega zero point"),
    ({"MAGZERO": 25.0, "MAGSYS": "STMAG"}, "MAGSYS = 'STMAG' is neither AB nor Vega"),
    ({"MAGZERO": 27.0, "BUNIT": "nanomaggy"}, "one flux unit is 27.00 AB mag, BUNIT = nanomaggy that it is 22.50"),
    ({"FPA.ZP": 25.0}, "FPA.ZP is that of one count per second and the header has no EXPTIME"),
    ({}, "its header states no zero point"),
]


@pytest.mark.parametrize(("header", "sentence"), REFUSED)
def test_what_nobody_says_is_refused(header: Cards, sentence: str) -> None:
    with pytest.raises(InputError) as raised:
        header_zero_point(header, "k", PATH, None)
    text = str(raised.value)
    assert text.startswith("a.fits: ")
    assert sentence in text
    # What the sentence tells to type settles it.
    override = re.search(r"ingest\.zero_points\.k=([\d.]+)", text)
    assert override
    settings, _ = settings_of("fits_mosaic", f"+{override[0].rstrip('.')}")
    assert header_zero_point(header, "k", PATH, settings.zero_points["k"]) == settings.zero_points["k"]


@pytest.mark.parametrize(
    ("system", "header", "zero_point"),
    [
        ("AB", {"MAGZP": 19.9}, 19.9),
        ("AB", {"MAGZP": 19.9, "ORIGIN": "2MASS", "FILTER": "k"}, 19.9),
        ("Vega", {"MAGZERO": 19.9, "ORIGIN": "2MASS", "FILTER": "k"}, 21.75),
    ],
)
def test_the_user_says_the_system(system: System, header: Cards, zero_point: float) -> None:
    assert header_zero_point(header, "k", PATH, None, system) == pytest.approx(zero_point)


def test_the_comment_of_a_zero_point_counts() -> None:
    header = fits.Header()
    header["MAGZP"] = (22.5, "Magnitude zeropoint (in Vega mag)")
    header["TELESCOP"], header["BAND"] = "WISE", 1
    assert header_zero_point(header, "w1", PATH, None) == pytest.approx(25.199)
    header["MAGZP"] = (22.5, "AB zero point")
    assert header_zero_point(header, "w1", PATH, None) == pytest.approx(22.5)


def test_the_key_reaches_the_reader(tmp_path: Path) -> None:
    wcs = tan_wcs(1.0, (120, 120))
    header = wcs.to_header()
    header["MAGZP"] = 19.9
    noise = np.random.default_rng(0).normal(size=(120, 120)).astype(">f4")
    fits.PrimaryHDU(noise, header).writeto(tmp_path / "k.fits")
    catalogue = positions_table(tmp_path / "cat.csv", np.array([150.1]), np.array([2.2]))
    overrides = [f"ingest.path={tmp_path}", f"ingest.catalogue={catalogue}", "ingest.bands=[k]"]
    settings, field = settings_of("fits_mosaic", *overrides)
    with pytest.raises(InputError, match=r"k\.fits: MAGZP = 19\.9 .* add ingest\.options\.magnitude_system=AB, else"):
        ingest(settings, field, tmp_path / "store")
    settings, field = settings_of("fits_mosaic", *overrides, "ingest.options.magnitude_system=AB")
    assert ingest(settings, field, tmp_path / "store").header.zero_points == {"k": 19.9}


def test_asinh_pixels_are_linearised(tmp_path: Path) -> None:
    side, a, zero_point = 160, 2.5 / np.log(10), 25 + 2.5 * np.log10(900.0)
    zero, scale, softening, offset = 3.6325, 2.1155e-4, 221.886, 7.172
    y, x = np.mgrid[:side, :side]
    random = np.random.default_rng(0)
    places = {17.0: (40, 80), 20.0: (115, 80)}
    linear = random.normal(0, 20.0, (side, side))
    for mag, (at_x, at_y) in places.items():
        linear += 10 ** (-0.4 * (mag - zero_point)) / (2 * np.pi * 2.2**2) * np.exp(
            -0.5 * ((x - at_x) ** 2 + (y - at_y) ** 2) / 2.2**2
        )  # fmt: skip
    raw = np.round((a * np.arcsinh((linear - offset) / (2 * softening)) - zero) / scale).clip(-32768, 32766)
    raw[76:80, 55:57] = 32767
    wcs = tan_wcs(0.25, (side, side))
    hdu = fits.PrimaryHDU(raw.astype(np.int16), wcs.to_header())
    hdu.header.update({"BZERO": zero, "BSCALE": scale, "BLANK": 32767, "BSOFTEN": softening, "BOFFSET": offset})
    hdu.header.update({"EXPTIME": 900.0, "HIERARCH FPA.ZP": 25.0})
    hdu.writeto(tmp_path / "r.fits")
    ra, dec = wcs.all_pix2world(*np.array(list(places.values()), float).T, 0)
    catalogue = positions_table(tmp_path / "cat.csv", ra, dec)
    settings, field = settings_of(
        "fits_mosaic", f"ingest.path={tmp_path}", f"ingest.catalogue={catalogue}", "ingest.bands=[r]",
        "ingest.stamp_size=40", "ingest.pixel_scale=0.25", "ingest.dtype=float32",
    )  # fmt: skip
    store = ingest(settings, field, tmp_path / "store")
    assert store.header.zero_points["r"] == pytest.approx(zero_point)
    flux = np.nansum(store.images[:, 0].astype(float), axis=(1, 2))
    names = store.catalogue["object_id"].to_list()
    for k, mag in enumerate(places):
        measured = zero_point - 2.5 * np.log10(flux[names.index(f"g{k}")])
        assert measured == pytest.approx(mag, abs=0.02)
    stamp = store.images[names.index("g0"), 0]  # 40 pixels around (40, 80), which stands on the corner of four of them
    lost = np.argwhere(np.isnan(stamp))
    assert 8 <= len(lost) <= 40
    assert np.abs(lost.mean(axis=0) - [19.5 - 2.5, 19.5 + 15.5]).max() < 1


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"BOFFSET": 7.0}, "BOFFSET says that the pixels are asinh-scaled and BSOFTEN is missing"),
        ({"BSOFTEN": 7.0}, "BSOFTEN says that the pixels are asinh-scaled and BOFFSET is missing"),
        ({"BOFFSET": 7.0, "BSOFTEN": 0.0}, "do not describe an asinh scaling"),
        ({"BUNIT": "mag"}, r"no linear flux \(BUNIT = 'mag'\)"),
        ({"BUNIT": "mag/arcsec2"}, "no linear flux"),
        ({"BUNIT": "log(counts)"}, "no linear flux"),
        ({"BUNIT": "arcsinh(flux)"}, "no linear flux"),
        ({"BUNIT": "DENSITY"}, "no linear flux"),
    ],
)
def test_pixels_that_are_no_flux_are_refused(header: Cards, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"a\.fits: .*{sentence}"):
        asinh_scale(header, PATH)


@pytest.mark.parametrize("unit", ["", "nanomaggy", "DN", "Jy/pixel", "MJy/sr", "electron/s", "maggies"])
def test_linear_units_pass(unit: str) -> None:
    assert asinh_scale({"BUNIT": unit}, PATH) is None
