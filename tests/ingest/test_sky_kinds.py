"""Stamps are centred where astropy says that the galaxy lies, whatever the header's axes, frame and projection."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS, DistortionLookupTable
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.fits_image import celestial_wcs, find_plane
from photoz_lit.ingest.sky_frame import pixel_to_sky, sky_to_pixel
from tests.ingest.archives import positions_table, settings_of

SCALE = 0.168 / 3600
SIDE = 320
CENTRE = SkyCoord(200.0 * u.deg, 35.0 * u.deg)


def head(*remove: str, projection: str = "TAN", frame: str = "icrs", **cards: Any) -> fits.Header:
    """North-up header in equatorial axes around the centre; some cards changed or taken away."""
    at = CENTRE.transform_to(frame)
    header = fits.Header()
    header.update({"CTYPE1": f"RA---{projection}", "CTYPE2": f"DEC--{projection}"})
    header.update({"CRVAL1": at.spherical.lon.deg, "CRVAL2": at.spherical.lat.deg, "CRPIX1": 161.0, "CRPIX2": 158.0})
    header.update({"CD1_1": -SCALE, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": SCALE, "MAGZERO": 27.0})
    for name in remove:
        del header[name]
    header.update({name.replace("CTYP_", "CTYPE"): value for name, value in cards.items()})
    return header


CD = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")


def turned(angle: float) -> dict[str, float]:
    """CD matrix turned by an angle [deg]."""
    c, s = SCALE * np.cos(np.deg2rad(angle)), SCALE * np.sin(np.deg2rad(angle))
    return {"CD1_1": -c, "CD1_2": s, "CD2_1": s, "CD2_2": c}


def galactic() -> fits.Header:
    at = CENTRE.galactic
    # A RADESYS that an earlier equatorial version left behind.
    return head(CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN", CRVAL1=at.l.deg, CRVAL2=at.b.deg, RADESYS="FK5", EQUINOX=2000.0)


def declination_first() -> fits.Header:
    return head(
        CTYPE1="DEC--TAN", CTYPE2="RA---TAN", CRVAL1=CENTRE.dec.deg, CRVAL2=CENTRE.ra.deg,
        CD1_1=0.0, CD1_2=SCALE, CD2_1=-SCALE, CD2_2=0.0,
    )  # fmt: skip


def sip() -> fits.Header:
    header = head(projection="TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=3e-6, B_1_1=-2e-6, B_0_2=2e-6)
    header.update({"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"})
    return header


KINDS: dict[str, fits.Header] = {
    "plain": head(),
    "declination first": declination_first(),
    "FK5 J2000": head(frame="fk5", RADESYS="FK5", EQUINOX=2000.0),
    "FK5 J1975": head(frame=SkyCoord(0, 0, unit="deg", frame="fk5", equinox="J1975").frame.replicate_without_data(),
                      RADESYS="FK5", EQUINOX=1975.0),
    "FK4": head(frame="fk4", RADESYS="FK4", EQUINOX=1950.0),
    "old equinox alone": head(frame="fk4", EQUINOX=1950.0),
    "EPOCH": head(frame="fk4", EPOCH=1950.0),
    "galactic": galactic(),
    "rotated": head(**turned(37.0)),
    "flipped": head(CD1_1=SCALE),
    "SIP": sip(),
    "TPV": head(projection="TPV", PV1_1=1.0, PV1_4=2e-2, PV2_1=1.0, PV2_5=-1e-2),
    "SCAMP's TAN": head(PV1_0=0.0, PV1_1=1.0, PV1_4=2e-2, PV2_0=0.0, PV2_1=1.0, PV2_5=-1e-2),
    "ZPN": head(projection="ZPN", PV2_1=1.0, PV2_3=42.0),
    "CAR": head(projection="CAR", CRVAL2=0.0, CRPIX2=158.0 - CENTRE.dec.deg / SCALE),
    "PC": head(*CD, PC1_1=0.8, PC1_2=-0.6, PC2_1=0.6, PC2_2=0.8, CDELT1=-SCALE, CDELT2=SCALE),
    "PC of 1999": head(*CD, PC001001=0.8, PC001002=-0.6, PC002001=0.6, PC002002=0.8, CDELT1=-SCALE, CDELT2=SCALE),
    "CROTA2": head(*CD, CROTA2=25.0, CDELT1=-SCALE, CDELT2=SCALE),
    "arcsec": head(**{k: v * 3600 for k, v in turned(10.0).items()}, CUNIT1="arcsec", CUNIT2="arcsec",
                   CRVAL1=CENTRE.ra.arcsec, CRVAL2=CENTRE.dec.arcsec),
    "two degenerate axes": head(NAXIS=4, CTYPE3="FREQ", CRVAL3=1e9, CRPIX3=1.0, CDELT3=1e6, CTYPE4="STOKES",
                                CRVAL4=1.0, CRPIX4=1.0, CDELT4=1.0, CD3_3=1e6, CD4_4=1.0),
}  # fmt: skip


def reference(header: fits.Header, where: SkyCoord) -> NDArray[np.float64]:
    """Pixel positions by astropy alone, (n, 2)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(header).celestial
        if header["CTYPE1"].startswith("GLON"):
            where = where.galactic
            return np.stack(wcs.all_world2pix(where.l.deg, where.b.deg, 0), axis=-1)
        return np.stack(wcs.world_to_pixel(where), axis=-1)


def centroid(stamp: NDArray[Any], x: float, y: float) -> tuple[float, float]:
    """Centroid within 12 pixels of a first guess [pixel]."""
    yy, xx = np.mgrid[: len(stamp), : len(stamp)]
    weight = np.where(np.hypot(xx - x, yy - y) < 12, np.asarray(stamp, float), 0.0)
    return float((weight * xx).sum() / weight.sum()), float((weight * yy).sum() / weight.sum())


@pytest.mark.parametrize("kind", KINDS)
def test_stamps_are_centred_and_north_up(tmp_path: Path, kind: str) -> None:
    header = KINDS[kind]
    galaxies = CENTRE.spherical_offsets_by([3.03, -2.31] * u.arcsec, [3.51, -2.72] * u.arcsec)
    pixels = reference(header, galaxies)
    yy, xx = np.mgrid[:SIDE, :SIDE]
    image = sum(np.exp(-0.5 * ((xx - x) ** 2 + (yy - y) ** 2) / 2.5**2) for x, y in pixels)
    shape = (1,) * (int(header.get("NAXIS", 2)) - 2) + image.shape
    hdu = fits.PrimaryHDU(image.reshape(shape).astype(">f4"))
    hdu.header.update(fits.Header([card for card in header.cards if card.keyword != "NAXIS"]))
    hdu.writeto(tmp_path / "r.fits")
    catalogue = positions_table(tmp_path / "cat.csv", galaxies.ra.deg, galaxies.dec.deg)
    settings, field = settings_of(
        "fits_mosaic", f"ingest.path={tmp_path}", f"ingest.catalogue={catalogue}", "ingest.bands=[r]",
        "ingest.stamp_size=128", "ingest.dtype=float32", "ingest.pixel_scale=0.168",
    )  # fmt: skip
    store = ingest(settings, field, tmp_path / "store")
    names = store.catalogue["object_id"].to_list()
    for own, other in ((0, 1), (1, 0)):
        stamp = store.images[names.index(f"g{own}"), 0]
        assert np.isfinite(stamp).all()
        assert centroid(stamp, 63.5, 63.5) == pytest.approx((63.5, 63.5), abs=0.01)
        east, north = galaxies[own].spherical_offsets_to(galaxies[other])
        place = 63.5 - east.arcsec / 0.168, 63.5 + north.arcsec / 0.168  # east left, north up
        assert centroid(stamp, *place) == pytest.approx(place, abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_positions_are_astropys(tmp_path: Path, kind: str) -> None:
    header = KINDS[kind]
    shape = (1,) * (int(header.get("NAXIS", 2)) - 2) + (SIDE, SIDE)
    hdu = fits.PrimaryHDU(np.zeros(shape, ">f4"))
    hdu.header.update(fits.Header([card for card in header.cards if card.keyword != "NAXIS"]))
    hdu.writeto(tmp_path / "r.fits")
    wcs = celestial_wcs(find_plane(tmp_path / "r.fits"))
    random = np.random.default_rng(0)
    galaxies = CENTRE.spherical_offsets_by(random.uniform(-20, 20, 9) * u.arcsec, random.uniform(-20, 20, 9) * u.arcsec)
    x, y = sky_to_pixel(wcs, galaxies.ra.deg, galaxies.dec.deg)
    np.testing.assert_allclose(np.stack([x, y], axis=-1), reference(header, galaxies), atol=1e-3)
    ra, dec = pixel_to_sky(wcs, x, y)
    np.testing.assert_allclose(SkyCoord(ra, dec, unit="deg").separation(galaxies).arcsec, 0.0, atol=1e-4)


def test_ecliptic_images() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cdelt, wcs.wcs.crpix = ["ELON-TAN", "ELAT-TAN"], [-SCALE, SCALE], [161.0, 158.0]
    obliquity = np.deg2rad(23.4392911)  # IAU 1980, J2000
    ra, dec = CENTRE.ra.rad, CENTRE.dec.rad
    beta = np.arcsin(np.sin(dec) * np.cos(obliquity) - np.cos(dec) * np.sin(obliquity) * np.sin(ra))
    lam = np.arctan2(np.sin(ra) * np.cos(obliquity) + np.tan(dec) * np.sin(obliquity), np.cos(ra))
    wcs.wcs.crval = [np.rad2deg(lam) % 360, np.rad2deg(beta)]
    wcs.wcs.set()
    x, y = sky_to_pixel(wcs, np.array([CENTRE.ra.deg]), np.array([CENTRE.dec.deg]))
    assert (x[0], y[0]) == pytest.approx((160.0, 157.0), abs=0.5)  # the frames of 1980 and 2006 differ by 0.05 arcsec


def test_a_frame_that_is_not_known_is_refused(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros((SIDE, SIDE), ">f4"), head(RADESYS="GAPPT", EQUINOX=2024.5)).writeto(tmp_path / "r.fits")
    with pytest.raises(InputError, match=r"r\.fits: its sky is in a frame that is not known \(RADESYS = GAPPT\)"):
        celestial_wcs(find_plane(tmp_path / "r.fits"))


def test_a_wcs_is_inherited_whole_or_not_at_all(tmp_path: Path) -> None:
    primary = fits.PrimaryHDU()
    primary.header.update({"CD1_2": 5e-5, "CD2_1": 5e-5, "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-3, "PHOTZP": 30.0})
    image = fits.ImageHDU(np.zeros((SIDE, SIDE), ">f4"), head(*CD, CDELT1=-SCALE, CDELT2=SCALE))
    fits.HDUList([primary, image]).writeto(tmp_path / "r.fits")
    plane = find_plane(tmp_path / "r.fits")
    assert plane.header["PHOTZP"] == 30.0
    wcs = celestial_wcs(plane)
    assert wcs.sip is None
    np.testing.assert_allclose(wcs.pixel_scale_matrix, [[-SCALE, 0.0], [0.0, SCALE]])


def test_a_distortion_in_a_lookup_table(tmp_path: Path) -> None:
    """As HST's images have it: the table is in a separate HDU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(head())
        y, x = np.mgrid[:9, :9]
        for axis, table in ((1, 2.0 * np.sin(x / 4.0)), (2, 1.5 * np.cos(y / 5.0))):
            lookup = DistortionLookupTable(table.astype("f4"), (1.0, 1.0), (1.0, 1.0), (SIDE / 8, SIDE / 8))
            setattr(wcs, f"cpdis{axis}", lookup)
        hdus = wcs.to_fits(relax=True)
        hdus[0].data = np.zeros((SIDE, SIDE), ">f4")
        hdus.writeto(tmp_path / "r.fits")
        x0, y0 = wcs.world_to_pixel(CENTRE)
    found = sky_to_pixel(celestial_wcs(find_plane(tmp_path / "r.fits")), *np.array([[CENTRE.ra.deg], [CENTRE.dec.deg]]))
    assert (found[0][0], found[1][0]) == pytest.approx((float(x0), float(y0)), abs=0.01)
    assert np.hypot(x0 - 160.0, y0 - 157.0) > 0.5  # the table moves the galaxy
