"""Between the sky (ICRS) and an image's pixels: any axis order, frame, equinox and projection that astropy knows."""

from __future__ import annotations

import warnings

import numpy as np
from astropy import units as u
from astropy.coordinates import (
    FK4,
    FK5,
    ICRS,
    BarycentricMeanEcliptic,
    BaseCoordinateFrame,
    FK4NoETerms,
    Galactic,
    Supergalactic,
    UnitSphericalRepresentation,
)
from astropy.time import Time
from astropy.wcs import WCS
from numpy.typing import NDArray

Array = NDArray[np.float64]
_ROUND_TRIP = 0.02  # pixel; a distortion's inverse that comes back farther away has not converged


def sky_frame(wcs: WCS) -> BaseCoordinateFrame:
    """Return the frame of a celestial WCS, by the FITS standard's defaults where the header is silent.

    The names of the axes decide before ``RADESYS``: headers of galactic images often carry a RADESYS that belongs to
    an earlier equatorial version of them.

    Raises
    ------
    ValueError : astropy has no such frame.
    """
    kind = str(wcs.wcs.ctype[wcs.wcs.lng])[:4].rstrip("-")
    system = str(wcs.wcs.radesys).strip().upper()
    equinox = float(wcs.wcs.equinox)
    if kind == "GLON":
        return Galactic()
    if kind == "SLON":
        return Supergalactic()
    if kind == "ELON":
        return BarycentricMeanEcliptic(equinox=Time(equinox if np.isfinite(equinox) else 2000.0, format="jyear"))
    if kind != "RA":
        raise ValueError(f"axes {' and '.join(map(str, wcs.wcs.ctype))}")
    if not system:
        system = "ICRS" if np.isnan(equinox) else "FK4" if equinox < 1984.0 else "FK5"
    if system == "ICRS":
        return ICRS()
    if system == "FK5":
        return FK5(equinox=Time(equinox if np.isfinite(equinox) else 2000.0, format="jyear"))
    if system in ("FK4", "FK4-NO-E"):
        date = Time(equinox if np.isfinite(equinox) else 1950.0, format="byear")
        return FK4(equinox=date) if system == "FK4" else FK4NoETerms(equinox=date)
    raise ValueError(f"RADESYS = {system}")


def sky_to_pixel(wcs: WCS, ra: Array, dec: Array) -> tuple[Array, Array]:
    """Return where ICRS positions lie in an image, as :meth:`astropy.wcs.WCS.world_to_pixel` does.

    Parameters
    ----------
    wcs : celestial WCS of the image.
    ra, dec : positions [deg], (n,).

    Returns
    -------
    x, y counted from 0 [pixel], (n,); NaN where the projection does not reach or a distortion has no inverse.
    """
    frame = sky_frame(wcs)
    longitude, latitude = ra, dec
    if not isinstance(frame, ICRS):
        moved = ICRS(ra * u.deg, dec * u.deg).transform_to(frame).spherical
        longitude, latitude = moved.lon.to_value(u.deg), moved.lat.to_value(u.deg)
    world = [longitude, latitude] if wcs.wcs.lng == 0 else [latitude, longitude]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x, y = (np.asarray(v, np.float64) for v in wcs.all_world2pix(*world, 0, quiet=True))
        if wcs.has_distortion:  # far outside of the image the polynomials lead anywhere
            back = np.asarray(wcs.wcs_world2pix(*wcs.all_pix2world(x, y, 0), 0))
            wanted = np.asarray(wcs.wcs_world2pix(*world, 0))
            lost = ~(np.hypot(*(back - wanted)) < _ROUND_TRIP)
            x, y = np.where(lost, np.nan, x), np.where(lost, np.nan, y)
    return x, y


def pixel_to_sky(wcs: WCS, x: Array, y: Array) -> tuple[Array, Array]:
    """Return the ICRS positions [deg] of pixels counted from 0; NaN where the projection does not reach.

    Parameters
    ----------
    wcs : celestial WCS of the image.
    x, y : [pixel], (n,).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        world = [np.asarray(v, np.float64) for v in wcs.all_pix2world(x, y, 0)]
    longitude, latitude = world[wcs.wcs.lng], world[wcs.wcs.lat]
    frame = sky_frame(wcs)
    if isinstance(frame, ICRS):
        return longitude, latitude
    known = np.isfinite(longitude) & np.isfinite(latitude)
    ra, dec = np.full(longitude.shape, np.nan), np.full(longitude.shape, np.nan)
    if known.any():
        on_sphere = UnitSphericalRepresentation(longitude[known] * u.deg, latitude[known] * u.deg)
        icrs = frame.realize_frame(on_sphere).transform_to(ICRS()).spherical
        ra[known], dec[known] = icrs.lon.to_value(u.deg), icrs.lat.to_value(u.deg)
    return ra, dec
