"""Positions and zero points against astropy and against known numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import Sip

from photoz_lit.errors import InputError
from photoz_lit.ingest.stamp_geometry import local_grid, tangent_offset
from photoz_lit.ingest.zero_point import header_zero_point
from tests.ingest.skies import tan_wcs


@pytest.mark.parametrize("dec", [2.2, -45.0, 89.9])
def test_tangent_offsets_agree_with_astropy(dec: float) -> None:
    centre = SkyCoord(150.1 * u.deg, dec * u.deg)
    xi, eta = np.deg2rad(np.array([8.0, -3.0]) / 3600)
    ra, delta = tangent_offset(np.array([150.1]), np.array([dec]), np.array([xi]), np.array([eta]))
    moved = SkyCoord(ra[0] * u.deg, delta[0] * u.deg)
    offset = moved.transform_to(centre.skyoffset_frame())
    assert offset.lon.to_value(u.arcsec) == pytest.approx(8.0, abs=1e-6)
    assert offset.lat.to_value(u.arcsec) == pytest.approx(-3.0, abs=1e-6)


def test_linearised_grid_follows_a_distorted_wcs() -> None:
    wcs = tan_wcs(0.2, (2000, 2000), angle=15.0)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    a, b = np.zeros((3, 3)), np.zeros((3, 3))
    a[2, 0], b[1, 1] = 2e-6, -3e-6
    wcs.sip = Sip(a, b, np.zeros((3, 3)), np.zeros((3, 3)), wcs.wcs.crpix)
    position = wcs.pixel_to_world(1700.3, 250.7)
    grid = local_grid(wcs, np.array([position.ra.deg]), np.array([position.dec.deg]), 0.168)
    np.testing.assert_allclose(grid.centre[0], [1700.3, 250.7], atol=1e-4)
    for column, row in ((-32.0, -32.0), (32.0, -32.0), (20.0, 31.0)):
        corner = position.spherical_offsets_by(-column * 0.168 * u.arcsec, row * 0.168 * u.arcsec)
        expected = np.array(wcs.world_to_pixel(corner))
        np.testing.assert_allclose(grid.centre[0] + grid.jacobian[0] @ [column, row], expected, atol=0.01)


@pytest.mark.parametrize(
    ("header", "zero_point"),
    [
        ({"FLUXMAG0": 63095734448.0194}, 27.0),
        ({"FLUXMAG0": 63095734448.0194, "MAGZERO": 30.0}, 27.0),
        ({"PHOTZP": 30.0, "PHOTSYS": "AB"}, 30.0),
        ({"MAGZERO": "31.4"}, 31.4),
        ({"BUNIT": "nJy"}, 31.4),
        ({"BUNIT": "uJy"}, 23.9),
        ({"BUNIT": "nanomaggy"}, 22.5),
        ({"BUNIT": "Jy"}, 8.9),
    ],
)
def test_zero_points(header: dict[str, object], zero_point: float) -> None:
    assert header_zero_point(header, "i", Path("a.fits"), None) == pytest.approx(zero_point, abs=1e-4)
    assert header_zero_point(header, "i", Path("a.fits"), 25.0) == 25.0


@pytest.mark.parametrize(
    "header", [{}, {"BUNIT": "ADU"}, {"BUNIT": "MJy/sr"}, {"MAGZPT": 23.0, "MAGSYS": "VEGAMAG"}, {"ZP": "x"}]
)
def test_unusable_zero_points(header: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"give ingest\.zero_points"):
        header_zero_point(header, "i", Path("a.fits"), None)
