"""Which plane of a FITS file holds a band, by what its headers say: cubes, and files with an HDU per band.

The Legacy Survey viewer writes both: ``BANDS = 'grz'`` and ``BAND0 …`` for a cube (NAXIS = 3), ``BAND`` for each HDU of
a ``subimage``, and ``IMAGETYP`` (IMAGE, INVVAR, MASKBITS) for what the pixels are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from astropy.io import fits

#: Words in the names of files and HDUs that hold something else than flux.
OTHER_PLANES = re.compile(
    r"(?<![a-z])(chi2?|inv_?var|ivar|var(iance)?|var_.*|wh?t|weights?|rms|err(or)?s?|unc|sig(ma)?|noise|masks?|msk"
    r"|mask_?bits|flags?|flg|dq|ctx|con|context|n?exp(map|osure)?|exptime|(gal|psf)?depth|psf(size|ex)?|seeing|cov(erage)?"
    r"|model|resid(ual)?s?|bkg|background|num(exp)?|area)(?![a-z])",
    re.IGNORECASE,
)
#: Names of HDUs that hold the flux, whatever stands beside them.
_FLUX_HDUS = ("SCI", "SCIENCE", "IMAGE", "DATA")


def flux_hdus(names: Sequence[str]) -> list[int]:
    """Return which of a file's HDUs with images can be the flux, by their names (empty where an HDU has none).

    The primary HDU is, where it has an image; then those with the names that pipelines give to the flux; then all whose
    names do not say that they hold something else.
    """
    if "PRIMARY" in names:
        return [list(names).index("PRIMARY")]
    named = [k for k, name in enumerate(names) if name.upper() in _FLUX_HDUS]
    return named or [k for k, name in enumerate(names) if not OTHER_PLANES.search(name)]


_THIRD_AXIS = re.compile(r"(NAXIS|CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CNAME|CROTA)3$|(CD|PC)(3_\d|\d_3)$|PV3_\d+$")


@dataclass(frozen=True)
class BandPlane:
    """Where a band lies in a file.

    Attributes
    ----------
    hdu : number of the HDU.
    plane : number of the plane of a cube, None in an image.
    """

    hdu: int
    plane: int | None


def is_cube(header: fits.Header) -> bool:
    """Whether an HDU's pixels have three axes, the last of which counts planes."""
    return header.get("NAXIS", 0) == 3 and all(header[f"NAXIS{axis}"] > 1 for axis in (1, 2))


def stated_bands(header: fits.Header) -> tuple[str, ...]:
    """Return the bands that a header names for its planes, in order; none where it names none or too few."""
    planes = int(header["NAXIS3"]) if is_cube(header) else 1
    numbered = [str(header[f"BAND{k}"]).strip() for k in range(planes) if f"BAND{k}" in header]
    text = str(header.get("BANDS", "")).strip()
    listed = re.split(r"[\s,]+", text) if re.search(r"[\s,]", text) else list(text)
    single = [str(header["BAND"]).strip()] if planes == 1 and "BAND" in header else []
    return next((tuple(names) for names in (numbered, listed, single) if len(names) == planes and all(names)), ())


def _kind(header: fits.Header) -> str:
    return str(header.get("IMAGETYP", "image")).strip().lower()


def _tells_bands(header: fits.Header) -> bool:
    """Whether an HDU's names of bands are to be followed; ``BAND`` alone is often a survey's own word for a filter."""
    by_viewer = "BAND0" in header or (
        "BAND" in header and _kind(header) in ("image", "invvar") and "IMAGETYP" in header
    )
    return bool(stated_bands(header)) and (is_cube(header) or by_viewer)


def bands_of(hdus: fits.HDUList) -> tuple[str, ...]:
    """Return the bands whose images a file names, in order; none where it does not."""
    names: dict[str, None] = {}
    for hdu in hdus:
        if hdu.is_image and _tells_bands(hdu.header) and _kind(hdu.header) == "image":
            names.update(dict.fromkeys(stated_bands(hdu.header)))
    return tuple(names)


def find_band(hdus: fits.HDUList, band: str, kind: str = "image", brick: str | None = None) -> BandPlane | None:
    """Return where a band lies; of several HDUs of one band (bricks that overlap) the largest.

    Parameters
    ----------
    hdus : the file.
    band : its name.
    kind : what the pixels are: ``image`` or ``invvar``.
    brick : the HDU's ``BRICK``, None for any.
    """
    found = []
    for number, hdu in enumerate(hdus):
        header = hdu.header
        if not hdu.is_image or not _tells_bands(header) or _kind(header) != kind or band not in stated_bands(header):
            continue
        if brick is None or header.get("BRICK") == brick:
            plane = stated_bands(header).index(band) if is_cube(header) else None
            found.append((int(header["NAXIS1"]) * int(header["NAXIS2"]), -number, BandPlane(number, plane)))
    return max(found, key=lambda entry: entry[:2])[2] if found else None


def mask_of(hdus: fits.HDUList) -> BandPlane | None:
    """Return where the mask lies that the viewer adds for all bands (``IMAGETYP = MASKBITS``)."""
    numbers = [k for k, hdu in enumerate(hdus) if hdu.is_image and _kind(hdu.header) == "maskbits"]
    return BandPlane(numbers[0], None) if numbers else None


def plane_header(header: fits.Header) -> fits.Header:
    """Return the header of one plane of a cube, as that of an image."""
    out = header.copy()
    for key in [key for key in out if _THIRD_AXIS.match(key)]:
        del out[key]
    out["NAXIS"] = 2
    if "WCSAXES" in out:
        out["WCSAXES"] = 2
    return out
