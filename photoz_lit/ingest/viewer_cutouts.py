"""What the Legacy Survey viewer's cutouts mean, which their headers do not say: unit, pixel area, bits of the mask."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

# Surveys whose images the viewer sends in nanomaggies, by the header's SURVEY, and their own pixels' scale [arcsec].
# It interpolates them to the scale that is asked for and does not add them up (its render code resamples without the
# ratio of the areas), so that a pixel's value stays that of a pixel of the survey's own.
_NANOMAGGIES = {r"legacy ?survey|decals|mzls|bass|^$": 0.262, r"sdss": 0.396}
_SAME_SCALE = 1e-3

# Bits of MASKBITS whose pixels hold no flux of a band: saturated, or masked in all exposures
# (www.legacysurvey.org/dr10/bitmasks).
MASK_BITS: dict[str, list[str | int]] = {"g": [2, 5], "r": [3, 6], "z": [4, 7], "i": [14, 15]}


def viewer_zero_point(header: Mapping[str, Any]) -> float | None:
    """Return the AB magnitude of one flux unit of the viewer's cutout; None where it is none, or of another survey."""
    if "BAND0" not in header and not ("BAND" in header and "IMAGETYP" in header):
        return None
    survey = str(header.get("SURVEY", "")).strip().lower()
    native = next((scale for words, scale in _NANOMAGGIES.items() if re.search(words, survey)), None)
    if native is None:
        return None
    scale = _pixel_scale(header)
    ratio = scale / native if scale is not None else 1.0
    return 22.5 if abs(ratio - 1.0) < _SAME_SCALE else float(22.5 - 5.0 * np.log10(ratio))


def _pixel_scale(header: Mapping[str, Any]) -> float | None:
    """Return the pixels' scale [arcsec], None where the header has no WCS."""
    if "CTYPE1" not in header:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(header).celestial
    return float(np.sqrt(np.prod(proj_plane_pixel_scales(wcs))) * 3600.0)
