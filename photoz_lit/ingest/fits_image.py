"""One plane of a FITS file, read window by window: memory-mapped where it lies plain, in strips of rows where not."""

from __future__ import annotations

import math
import re
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.ingest.band_planes import BandPlane, bands_of, find_band, flux_hdus, is_cube, mask_of, plane_header
from photoz_lit.ingest.linear_pixels import asinh_scale
from photoz_lit.ingest.sky_frame import sky_frame

_KINDS = (8, 16, 32, 64, -32, -64)  # of BITPIX
STRIP_BYTES = 160e6  # of a compressed or scaled image held decoded at once
# Of the primary HDU only: what describes its own pixels. A WCS is inherited whole or not at all; its frame may be.
_NOT_INHERITED = re.compile(r"(SIMPLE|EXTEND|COMMENT|HISTORY|NAXIS\d*|BITPIX|BSCALE|BZERO|BLANK|CHECKSUM|DATASUM)$")
_WCS_KEYWORD = re.compile(
    r"(CTYPE|CRVAL|CRPIX|CDELT|CROTA|CUNIT)\d+$|(CD|PC|PV|PS)\d+_\d+$|PC\d{6}$|(A|B|AP|BP)_(\d+_\d+|ORDER|DMAX)$"
    r"|(LONPOLE|LATPOLE|WCSAXES)$|(CPDIS|CQDIS|D2IM|DP|DQ)"
)
_LOOKUP_TABLE = re.compile(r"(CPDIS|D2IMDIS)\d$|D2IMEXT|PS\d+_0$")


@dataclass(frozen=True)
class PlaneInfo:
    """A plane of a FITS file.

    Attributes
    ----------
    path : the file.
    hdu : number of the HDU.
    header : of the HDU, with the primary header's keywords that it lacks.
    shape : rows, columns.
    offset : byte at which the pixels lie plain and unscaled, None where they must be decoded.
    plane : number of the plane of a cube that this is, None in an image; the header is then the plane's.
    """

    path: Path
    hdu: int
    header: fits.Header
    shape: tuple[int, int]
    offset: int | None
    plane: int | None = None


def find_plane(path: Path, hdu: str | int | None = None, flux: bool = False, band: str | None = None) -> PlaneInfo:
    """Find an image plane: the named or numbered HDU, the one that the file names as a band's, or the first image.

    Parameters
    ----------
    path : the file.
    hdu : name or number.
    flux : without ``hdu``, take the only HDU with flux instead of the first with an image.
    band : without ``hdu``, take this band's plane of a file that names the bands of its planes.

    Raises
    ------
    InputError : the file is no FITS file, is cut off, has no such image, or several.
    """
    try:
        with opened_fits(path) as hdus:
            return _find(path, hdus, hdu, flux, band)
    except (OSError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:  # of hostile headers
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{path} is no readable FITS file ({reason}); copy it again.") from error


def find_companions(path: Path, image: PlaneInfo, band: str) -> tuple[PlaneInfo | None, PlaneInfo | None]:
    """Return the inverse variance and the mask that a file names as those of a band's image, None where it does not."""
    with opened_fits(path) as hdus:
        if not bands_of(hdus):
            return None, None
        weight, mask = find_band(hdus, band, "invvar", image.header.get("BRICK")), mask_of(hdus)
        return (
            _plane(path, hdus, weight) if weight is not None else None,
            _plane(path, hdus, mask) if mask is not None else None,
        )


@contextmanager
def opened_fits(path: Path) -> Iterator[fits.HDUList]:
    """Open a FITS file; what astropy corrects by itself or finds cut off is no warning: the caller judges it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=False) as hdus:
            yield hdus


def _find(path: Path, hdus: fits.HDUList, wanted: str | int | None, flux: bool, band: str | None) -> PlaneInfo:
    names = [h.name or str(number) for number, h in enumerate(hdus)]
    named = bands_of(hdus) if wanted is None and band is not None else ()
    if named and band is not None:
        place = find_band(hdus, band)
        if place is None:
            raise InputError(
                f"{path} has the bands {' '.join(named)}, not '{band}'; choose some: ingest.bands=[{','.join(named)}]."
            )
        return _plane(path, hdus, place)
    if wanted is None:
        found = [k for k, h in enumerate(hdus) if h.is_image and h.header.get("NAXIS", 0) >= 2]
        if not found:
            raise InputError(f"{path} holds no image; its HDUs are {', '.join(names)}.")
        chosen = flux_hdus([hdus[k].name for k in found]) if flux else [0]
        if len(chosen) != 1 and len(found) > 1:
            there = [names[found[k]] for k in chosen or range(len(found))]
            first = there[0] if there.count(there[0]) == 1 else found[chosen[0]]
            listed = ", ".join(there[:8]) + (" …" if len(there) > 8 else "")
            raise InputError(
                f"{path} holds {len(there)} images that may be the flux, {listed}; name one, e.g."
                f" ingest.options.image_hdu={first}, and write the others to separate files if they are tiles."
            )
        number = found[chosen[0] if chosen else 0]
    else:
        try:
            number = hdus.index_of(wanted)
            hdus[number]
        except (KeyError, IndexError) as error:
            raise InputError(f"{path} has no HDU '{wanted}'; it has {', '.join(names)}.") from error
    return _plane(path, hdus, BandPlane(number, None))


def _plane(path: Path, hdus: fits.HDUList, place: BandPlane) -> PlaneInfo:
    """Describe a plane of a file."""
    hdu = hdus[place.hdu]
    header = hdu.header.copy() if place.plane is None else plane_header(hdu.header)
    if len(image_axes(header)) != 2:
        name = hdu.name or str(place.hdu)
        advice = " (a cube must name the bands of its planes, as BANDS = 'grz')" if is_cube(header) else ""
        raise InputError(f"{path}: HDU {name} has {header.get('NAXIS', 0)} axes; an image with 2 is due{advice}.")
    compressed = isinstance(hdu, fits.CompImageHDU)  # astropy derives it from ImageHDU
    plain = (
        not compressed
        and isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU)
        and path.suffix.lower() not in (".gz", ".bz2")
    )
    if plain:
        _require_whole(path, hdu)
    scaled = any(key in header for key in ("BSCALE", "BZERO", "BLANK"))
    offset = int(hdu.fileinfo()["datLoc"]) if plain and not scaled else None
    own_wcs = "CTYPE1" in header
    for card in hdus[0].header.cards:
        inherited = card.keyword and card.keyword not in header and not _NOT_INHERITED.match(card.keyword)
        if inherited and not (own_wcs and _WCS_KEYWORD.match(card.keyword)):
            header.append(card)
    columns, rows = (int(header[f"NAXIS{axis}"]) for axis in image_axes(header))
    if min(columns, rows) < 1 or header["BITPIX"] not in _KINDS:
        raise InputError(f"{path} claims {columns}×{rows} pixels of BITPIX {header['BITPIX']}; copy it again.")
    if offset is not None and place.plane is not None:
        offset += place.plane * rows * columns * abs(int(header["BITPIX"])) // 8
    return PlaneInfo(path, place.hdu, header, (rows, columns), offset, place.plane)


def image_axes(header: fits.Header) -> tuple[int, ...]:
    """Return the numbers of the axes that an image has: two, or those longer than one pixel (degenerate ones apart)."""
    count = int(header.get("NAXIS", 0))
    return (1, 2) if count == 2 else tuple(axis for axis in range(1, count + 1) if header[f"NAXIS{axis}"] != 1)


def _require_whole(path: Path, hdu: Any) -> None:
    header = hdu.header
    axes = [int(header[f"NAXIS{axis + 1}"]) for axis in range(header["NAXIS"])]
    size = abs(header["BITPIX"]) // 8 * math.prod(axes) if axes else 0
    if hdu.fileinfo()["datLoc"] + size > path.stat().st_size:
        raise InputError(f"{path} ends before its image does; copy it again.")


def celestial_wcs(info: PlaneInfo) -> WCS:
    """Return the WCS of a plane.

    Raises
    ------
    InputError : it has none, or a broken one.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old keywords that astropy corrects by itself
            if any(_LOOKUP_TABLE.match(key) for key in info.header):  # a distortion that another HDU holds
                with fits.open(info.path, memmap=False) as hdus:
                    wcs = WCS(info.header, hdus)
            else:
                wcs = WCS(info.header)
    except Exception as error:  # wcslib's errors share no base class
        raise InputError(f"{info.path}: its WCS is broken ({str(error).splitlines()[0]}).") from error
    if not wcs.has_celestial:
        raise InputError(
            f"{info.path} has no WCS (CTYPE1 and CTYPE2 with RA and Dec); add one, e.g. with astrometry.net."
        )
    if {wcs.wcs.lng + 1, wcs.wcs.lat + 1} != set(image_axes(info.header)):
        raise InputError(f"{info.path}: the axes of its pixels are not those of its sky; write a plain image of it.")
    try:
        sky_frame(wcs)
    except ValueError as error:
        raise InputError(
            f"{info.path}: its sky is in a frame that is not known ({error}); write its WCS in ICRS, FK5, FK4, galactic"
            " or ecliptic coordinates."
        ) from error
    return wcs.celestial


def celestial_scale(info: PlaneInfo) -> float:
    """Return the pixel scale of a plane [arcsec].

    Raises
    ------
    InputError : see :func:`celestial_wcs`.
    """
    return round(float(np.sqrt(np.prod(proj_plane_pixel_scales(celestial_wcs(info)))) * 3600.0), 6)


class PlaneReader:
    """Windows of a plane, in the machine's byte order; asinh-scaled pixels come as linear flux."""

    def __init__(self, info: PlaneInfo) -> None:
        self.info = info
        self._map: NDArray[Any] | None = None
        if info.offset is not None:
            kind = fits.BITPIX2DTYPE[info.header["BITPIX"]]
            dtype = np.dtype(kind).newbyteorder(">")
            self._map = np.memmap(info.path, dtype, "r", info.offset, info.shape)
        self._scale = asinh_scale(info.header, info.path)
        self._hdus: fits.HDUList | None = None
        self._strip: NDArray[Any] | None = None
        self._first = 0

    def window(self, top: int, bottom: int, left: int, right: int, ahead: int) -> NDArray[Any]:
        """Return rows ``top`` to ``bottom`` and columns ``left`` to ``right`` (exclusive), inside the image.

        Parameters
        ----------
        ahead : row up to which windows are due soon; a plane that must be decoded reads as far in one go.

        Raises
        ------
        InputError : the pixels cannot be decoded.
        """
        if self._map is not None:
            window = self._map[top:bottom, left:right]
            return self._linear(window.astype(window.dtype.newbyteorder("=")))
        if self._strip is None or top < self._first or bottom > self._first + len(self._strip):
            self._read_strip(top, bottom, ahead)
        assert self._strip is not None
        return self._linear(self._strip[top - self._first : bottom - self._first, left:right])

    def _linear(self, window: NDArray[Any]) -> NDArray[Any]:
        """Return a window as linear flux; whole numbers are the bits of a mask."""
        return self._scale.flux(window) if self._scale and window.dtype.kind == "f" else window

    def _read_strip(self, top: int, bottom: int, ahead: int) -> None:
        rows = max(bottom - top, int(STRIP_BYTES / (8 * self.info.shape[1])))
        last = min(max(bottom, min(ahead, top + rows)), self.info.shape[0])
        self._strip = None  # free it before the next one is decoded
        try:
            if self._hdus is None:
                self._hdus = fits.open(self.info.path, memmap=False, lazy_load_hdus=True)
                weakref.finalize(self, self._hdus.close)  # also where an error ends the ingest
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                strip = np.asarray(self._hdus[self.info.hdu].section[self._rows(top, last)])
        except Exception as error:  # the decoders' errors share no base class
            raise InputError(f"{self.info.path}: pixels cannot be decoded ({error}); copy the file again.") from error
        self._strip = strip.astype(np.float32 if strip.dtype.kind == "f" else strip.dtype.newbyteorder("="), copy=False)
        self._first = top

    def _rows(self, top: int, bottom: int) -> tuple[Any, ...]:
        """Return the index of these rows in the array, whose axes count backwards and may be degenerate."""
        first, second = image_axes(self.info.header)
        index: list[Any] = [0] * int(self.info.header["NAXIS"])
        index[-first], index[-second] = slice(None), slice(top, bottom)
        return tuple(index) if self.info.plane is None else (self.info.plane, *index)

    def release(self) -> None:
        """Free the strip."""
        self._strip = None

    def close(self) -> None:
        """Close the file and free the strip."""
        if self._hdus is not None:
            self._hdus.close()
        self._hdus, self._strip, self._map = None, None, None
