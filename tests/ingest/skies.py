"""Skies of Gaussian sources of known flux, as FITS images with the headers that the survey pipelines write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from photoz_lit.ingest.stamp_geometry import local_grid

RA, DEC = 150.1, 2.2  # COSMOS


def tan_wcs(
    scale: float, shape: tuple[int, int], ra: float = RA, dec: float = DEC, angle: float = 0.0, projection: str = "TAN"
) -> WCS:
    """WCS with the given pixel scale [arcsec], centred, turned by ``angle`` [deg]."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{projection}", f"DEC--{projection}"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    wcs.wcs.cd = rotation @ np.diag([-scale, scale]) / 3600.0
    wcs.wcs.radesys = "ICRS"
    if projection == "ZPN":  # the distortion of VIRCam
        wcs.wcs.set_pv([(2, 1, 1.0), (2, 3, 42.0)])
    wcs.wcs.set()
    return wcs


def paint(
    wcs: WCS,
    shape: tuple[int, int],
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    flux: NDArray[np.float64] | float,
    fwhm: float = 0.8,
) -> NDArray[np.float64]:
    """Gaussian sources, pixel centre values times the pixel's area on the sky; fwhm [arcsec]."""
    image = np.zeros(shape)
    grid = local_grid(wcs, np.atleast_1d(ra), np.atleast_1d(dec), 1.0)  # pixels per arcsec
    sigma = fwhm / 2.3548
    for (x, y), jacobian, f in zip(grid.centre, grid.jacobian, np.broadcast_to(flux, len(grid.centre)), strict=True):
        reach = int(np.ceil(6 * sigma * np.abs(jacobian).sum()))
        x0, x1 = max(0, int(x) - reach), min(shape[1], int(x) + reach + 1)
        y0, y1 = max(0, int(y) - reach), min(shape[0], int(y) + reach + 1)
        if x0 >= x1 or y0 >= y1:
            continue
        dx, dy = np.meshgrid(np.arange(x0, x1) - x, np.arange(y0, y1) - y)
        inverse = np.linalg.inv(jacobian)
        xi = inverse[0, 0] * dx + inverse[0, 1] * dy
        eta = inverse[1, 0] * dx + inverse[1, 1] * dy
        profile = np.exp(-(xi**2 + eta**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
        image[y0:y1, x0:x1] += f * profile * abs(np.linalg.det(inverse))
    return image


def aperture_flux(stamp: NDArray[Any], radius: float, scale: float) -> float:
    """Sum within a circle around the stamp's centre; pixels at the rim count by the share inside (5×5 points each)."""
    size = stamp.shape[-1]
    fine = (np.arange(size * 5) + 0.5) / 5 - 0.5 - (size - 1) / 2
    inside = (fine[:, None] ** 2 + fine[None, :] ** 2 <= (radius / scale) ** 2).astype(float)
    share = inside.reshape(size, 5, size, 5).mean(axis=(1, 3))
    return float((np.asarray(stamp, float) * share).sum())


def hsc_header(wcs: WCS) -> fits.Header:
    """Header of an HSC pipeline coadd: zero point as the flux of magnitude 0, mask planes by name."""
    header = wcs.to_header()
    header["FLUXMAG0"] = 63095734448.0194
    header["HIERARCH FLUXMAG0ERR"] = 4534120.0
    header["INSTRUME"] = "HSC"
    for bit, name in enumerate(
        ["BAD", "SAT", "INTRP", "CR", "EDGE", "DETECTED", "DETECTED_NEGATIVE", "SUSPECT", "NO_DATA"]
    ):
        header[f"HIERARCH MP_{name}"] = bit
    return header


def megacam_header(wcs: WCS, zero_point: float = 30.0) -> fits.Header:
    """Header of a MegaPipe stack."""
    header = wcs.to_header()
    header["INSTRUME"] = "MegaPrime"
    header["PHOTZP"] = (zero_point, "AB magnitude of one ADU")
    header["PHOTSYS"] = "AB"
    header["BUNIT"] = "ADU"
    header["SATURATE"] = 65535.0
    return header


def vircam_header(wcs: WCS, zero_point: float = 30.0) -> fits.Header:
    """Header of a VISTA stack."""
    header = wcs.to_header()
    header["INSTRUME"] = "VIRCAM"
    header["MAGZERO"] = zero_point
    header["MAGSYS"] = "AB"
    return header


def write_plain(path: Path, image: NDArray[Any], header: fits.Header) -> Path:
    """Primary HDU with a float32 image."""
    fits.PrimaryHDU(image.astype(">f4"), header).writeto(path)
    return path


def write_hsc(path: Path, image: NDArray[Any], header: fits.Header, mask: NDArray[Any] | None = None) -> Path:
    """Coadd of the HSC pipeline: empty primary, IMAGE, MASK, VARIANCE."""
    mask = np.zeros(image.shape, np.int32) if mask is None else mask
    primary = fits.PrimaryHDU()
    primary.header["FLUXMAG0"] = header["FLUXMAG0"]
    planes = {k: header[k] for k in header if k.startswith("MP_")}
    wcs_only = fits.Header([c for c in header.cards if not c.keyword.startswith(("MP_", "FLUXMAG0"))])
    mask_hdu = fits.ImageHDU(mask.astype(np.int32), wcs_only, name="MASK")
    mask_hdu.header.update({f"HIERARCH {name}": value for name, value in planes.items()})  # names of over 8 letters
    variance = np.ones(image.shape, np.float32)
    fits.HDUList(
        [
            primary,
            fits.ImageHDU(image.astype(np.float32), wcs_only, name="IMAGE"),
            mask_hdu,
            fits.ImageHDU(variance, wcs_only, name="VARIANCE"),
        ]
    ).writeto(path)
    return path


def write_compressed(path: Path, image: NDArray[Any], header: fits.Header) -> Path:
    """Rice-compressed ``.fits.fz`` with float32 pixels quantised to a thousandth of the noise, as fpack writes it."""
    hdu = fits.CompImageHDU(image.astype(np.float32), header, compression_type="RICE_1", quantize_level=-1e-3)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


def write_scaled(path: Path, image: NDArray[Any], header: fits.Header) -> Path:
    """Sixteen-bit integers with BSCALE, BZERO and BLANK; pixels that are not finite become BLANK."""
    low, high = float(np.nanmin(image)), float(np.nanmax(image))
    scale, zero = (high - low) / 65000.0, (high + low) / 2
    stored = np.where(np.isfinite(image), np.round((image - zero) / scale), -32768).astype(np.int16)
    hdu = fits.PrimaryHDU(stored, header)
    hdu.header["BSCALE"], hdu.header["BZERO"], hdu.header["BLANK"] = scale, zero, -32768
    hdu.writeto(path)
    return path


def write_cutout(
    path: Path,
    ra: float,
    dec: float,
    cube: NDArray[Any],
    bands: str = "grz",
    scale: float = 0.262,
    invvar: NDArray[Any] | None = None,
    maskbits: NDArray[Any] | None = None,
    **keywords: Any,
) -> Path:
    """``fits-cutout`` of the Legacy Survey viewer: all bands in one file (NAXIS = 3), no unit, no zero point."""
    header = tan_wcs(scale, cube.shape[-2:], ra, dec).to_header()
    header["BANDS"] = bands
    for k, band in enumerate(bands):
        header[f"BAND{k}"] = band
    header.update(keywords)
    hdus = [fits.PrimaryHDU(cube.astype(">f4"), header)]
    for kind, pixels in (("INVVAR", invvar), ("MASKBITS", maskbits)):
        if pixels is not None:
            hdus[0].header["IMAGETYP"] = "IMAGE"
            hdus.append(fits.ImageHDU(pixels, header))
            hdus[-1].header["IMAGETYP"] = kind
    fits.HDUList(hdus).writeto(path)
    return path
