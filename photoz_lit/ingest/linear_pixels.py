"""Pixels that are not proportional to the flux: asinh-scaled ones are linearised, others refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError

_POGSON = 2.5 / np.log(10.0)
_NOT_LINEAR = re.compile(r"\b(mag|mags|magnitudes?|dex|db|density|luptitudes?|sqrt|a?(rc)?sinh|log\d*|ln)\b", re.I)


@dataclass(frozen=True)
class AsinhScale:
    """Scaling of Pan-STARRS images (Waters et al. 2020, ApJS 251, 4): v = a asinh((flux − offset) / 2 softening).

    Attributes
    ----------
    offset, softening : ``BOFFSET`` and ``BSOFTEN`` of the header [flux unit]; a is 2.5 / ln 10.
    """

    offset: float
    softening: float

    def flux(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Return the linear flux of stored values, of any shape."""
        stretched = np.asarray(pixels, np.float64) / _POGSON
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(self.offset + 2.0 * self.softening * np.sinh(stretched), np.float32)


def asinh_scale(header: Mapping[str, Any], path: Path) -> AsinhScale | None:
    """Return the scaling of an image's pixels, None where they are linear.

    Raises
    ------
    InputError : they are neither, e.g. magnitudes or the density of a plate.
    """
    keys = [key for key in ("BOFFSET", "BSOFTEN") if key in header]
    if len(keys) == 2:
        try:
            offset, softening = float(header["BOFFSET"]), float(header["BSOFTEN"])
        except (TypeError, ValueError):
            offset, softening = np.nan, np.nan
        if not (np.isfinite(offset) and np.isfinite(softening) and softening > 0):
            raise InputError(
                f"{path}: BOFFSET = {header['BOFFSET']} and BSOFTEN = {header['BSOFTEN']} do not describe an asinh"
                " scaling; write the image with linear pixels."
            )
        return AsinhScale(offset, softening)
    if keys:
        other = "BSOFTEN" if keys == ["BOFFSET"] else "BOFFSET"
        raise InputError(
            f"{path}: {keys[0]} says that the pixels are asinh-scaled and {other} is missing; copy the header again or"
            " write the image with linear pixels."
        )
    unit = str(header.get("BUNIT", ""))
    if _NOT_LINEAR.search(unit):
        raise InputError(
            f"{path}: its pixels are no linear flux (BUNIT = '{unit}'); write the image with pixels proportional to the"
            " flux."
        )
    return None
