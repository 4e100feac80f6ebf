"""The AB zero point of a FITS image, from what the survey pipelines write into its header."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u

from photoz_lit.errors import InputError

# AB magnitude of one count per second or count: MegaPipe, Terapix and SWarp, CASU and the VISTA archive, others.
MAGNITUDE_KEYWORDS = ("PHOTZP", "MAGZERO", "MAGZP", "MAGZPT", "ABMAGZP", "SEXMGZPT", "ZEROPNT", "ZP")
SYSTEM_KEYWORDS = ("PHOTSYS", "MAGSYS")


def header_zero_point(header: Mapping[str, Any], band: str, path: Path, given: float | None) -> float:
    """Return the AB magnitude of one flux unit of an image [mag].

    Taken in this order: the value given in the config; ``FLUXMAG0``, the flux of magnitude 0 (HSC pipeline), as
    2.5 log10 FLUXMAG0; a magnitude keyword; a flux density in ``BUNIT``, as −2.5 log10(unit / 3631 Jy).

    Raises
    ------
    InputError : none of them is there, or the header says that its magnitudes are Vega's.
    """
    if given is not None:
        return given
    mend = f"give ingest.zero_points.{band}=<AB magnitude of one flux unit>."
    if "FLUXMAG0" in header:
        return 2.5 * float(np.log10(_number(header, "FLUXMAG0", path)))
    for keyword in MAGNITUDE_KEYWORDS:
        if keyword in header:
            system = next((str(header[k]).strip().upper() for k in SYSTEM_KEYWORDS if k in header), "AB")
            if "VEGA" in system:
                raise InputError(f"{path}: {keyword} is a Vega zero point; {mend}")
            return _number(header, keyword, path)
    unit = _flux_density(str(header.get("BUNIT", "")))
    if unit is None:
        raise InputError(f"{path}: its header states no zero point (FLUXMAG0, PHOTZP, MAGZERO, BUNIT …); {mend}")
    return float((1.0 * unit).to_value(u.ABmag, u.zero_point_flux(u.AB)))


def _number(header: Mapping[str, Any], keyword: str, path: Path) -> float:
    try:
        value = float(header[keyword])
    except (TypeError, ValueError):
        value = np.nan
    if not np.isfinite(value) or (keyword == "FLUXMAG0" and value <= 0):
        raise InputError(f"{path}: {keyword} is '{header[keyword]}', no usable number; give ingest.zero_points.")
    return value


def _flux_density(text: str) -> u.UnitBase | None:
    """Return the unit if it is a flux density, such as ``nJy`` or ``nanomaggy``."""
    name = {"nanomaggy": "nmgy", "nanomaggies": "nmgy", "microjansky": "uJy", "ujy": "uJy"}.get(text.lower(), text)
    try:
        unit = u.Unit(name)
    except ValueError:
        return None
    return unit if unit.is_equivalent(u.Jy) or unit.is_equivalent(u.mgy) else None
