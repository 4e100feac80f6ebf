"""The AB zero point of a FITS image, from what the survey pipelines write into its header.

``zero_points.yaml`` says which keyword is AB by definition and which surveys count from Vega. What neither the header
nor the user says is refused, never guessed: in the near infrared the two systems differ by up to 2 mag, in the mid
infrared by 7.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from photoz_lit.errors import InputError
from photoz_lit.ingest.magnitude_systems import Keyword, Survey, System, magnitude_systems
from photoz_lit.tables.units import ab_magnitudes, is_flux_density, parse_unit

_CONTRADICTION = 0.02  # mag; a unit and a zero point of one header that differ by more do not belong together


def header_zero_point(
    header: Mapping[str, Any], band: str, path: Path, given: float | None, system: System | None = None
) -> float:
    """Return the AB magnitude of one flux unit of an image [mag].

    Taken in this order: the value given in the config; ``FLUXMAG0``, the flux of magnitude 0 (HSC pipeline), as
    2.5 log10 FLUXMAG0; a magnitude keyword; a flux density in ``BUNIT``, as −2.5 log10(unit / 3631 Jy).

    Parameters
    ----------
    header : of the image.
    band : its name in the store.
    path : its file, for the sentences.
    given : AB magnitude of one flux unit from the config, or None.
    system : of the header's zero point, as the config says it; None leaves it to the header.

    Raises
    ------
    InputError : none of them is there, two contradict each other, or nobody says in which system the zero point is.
    """
    if given is not None:
        return given
    unit = _unit_zero_point(header)
    keyword = next((name for name in magnitude_systems().keywords if name in header), None)
    if keyword is None:
        if unit is None:
            raise InputError(
                f"{path}: its header states no zero point (FLUXMAG0, PHOTZP, MAGZERO, BUNIT …); give"
                f" {_advice(band, 27.0)}."
            )
        return unit
    value = _stated(header, keyword, band, path, system)
    if unit is not None and abs(unit - value) > _CONTRADICTION:
        raise InputError(
            f"{path}: {keyword} says that one flux unit is {value:.2f} AB mag, BUNIT = {header['BUNIT']} that it is"
            f" {unit:.2f}; give {_advice(band, round(value, 2))}."
        )
    return value


def _stated(header: Mapping[str, Any], keyword: str, band: str, path: Path, system: System | None) -> float:
    """Return what a keyword says, in AB magnitudes of one flux unit."""
    table = magnitude_systems()
    entry, found = table.keywords[keyword], table.survey(header)
    value = _number(header, keyword, path)
    if keyword == "FLUXMAG0":
        value = 2.5 * float(np.log10(value))
    survey = found[1] if found and (not found[1].keywords or keyword in found[1].keywords) else None
    counts_from = system or _system_in_words(header, keyword, band, path) or _by_convention(entry, survey)
    if entry.per_second or (survey and keyword in survey.per_second):
        value += _exposure(header, keyword, band, path)
    if counts_from == "AB":
        return value
    if counts_from is None:
        raise InputError(
            f"{path}: {keyword} = {header[keyword]} does not say whether it is an AB or a Vega magnitude; if it is AB,"
            f" add ingest.options.magnitude_system=AB, else give {_from_vega(band, value)}."
        )
    offset = table.offset(survey, header, band) if survey else None
    if offset is None:
        raise InputError(f"{path}: {keyword} is a Vega zero point; give {_from_vega(band, value)}.")
    return value + offset


def _by_convention(entry: Keyword, survey: Survey | None) -> System | None:
    """Return the system of a keyword of a survey; None where nothing tells it, or the two contradict each other."""
    if entry.system is None:
        return survey.system if survey else None
    return None if survey and survey.only and survey.system != entry.system else entry.system


def _system_in_words(header: Mapping[str, Any], keyword: str, band: str, path: Path) -> System | None:
    """Return the magnitude system that a header states, in its keyword or in the comment of the zero point."""
    for name in magnitude_systems().system_keywords:
        if name in header:
            value = str(header[name]).strip().upper()
            if value.startswith("AB") or "VEGA" in value:
                return "AB" if value.startswith("AB") else "Vega"
            raise InputError(f"{path}: {name} = '{header[name]}' is neither AB nor Vega; give {_advice(band, 27.0)}.")
    comment = str(header.comments[keyword]) if hasattr(header, "comments") else ""
    words = {"Vega": re.search(r"\bvega", comment, re.IGNORECASE), "AB": re.search(r"\bAB\b", comment)}
    stated = [name for name, match in words.items() if match]
    return ("AB" if stated == ["AB"] else "Vega") if len(stated) == 1 else None


def _exposure(header: Mapping[str, Any], keyword: str, band: str, path: Path) -> float:
    """Return what the exposure adds to a zero point of one count per second [mag]; 0 where pixels are per second."""
    if re.search(r"(/ ?s|s(ec)?(ond)?(\*\*|\^)?-1)$", str(header.get("BUNIT", "")).strip(), re.IGNORECASE):
        return 0.0
    name = next((key for key in ("EXPTIME", "EXP_TIME", "EXPOSURE") if key in header), None)
    seconds = _number(header, name, path) if name else np.nan
    if not seconds > 0:
        raise InputError(
            f"{path}: {keyword} is that of one count per second and the header has no EXPTIME; give"
            f" {_advice(band, 27.0)}."
        )
    return float(2.5 * np.log10(seconds))


def _advice(band: str, value: float) -> str:
    """Return the override that settles a zero point, as it is typed."""
    return f"ingest.zero_points.{band}={value:g} with the AB magnitude of one flux unit as its number"


def _from_vega(band: str, value: float) -> str:
    """Return the override that turns a Vega zero point of an unknown filter into AB."""
    return f"ingest.zero_points.{band}={value:g} with the filter's m_AB − m_Vega added to that number"


def _number(header: Mapping[str, Any], keyword: str, path: Path) -> float:
    try:
        value = float(header[keyword])
    except (TypeError, ValueError):
        value = np.nan
    if not np.isfinite(value) or (keyword == "FLUXMAG0" and value <= 0):
        raise InputError(f"{path}: {keyword} is '{header[keyword]}', no usable number; give ingest.zero_points.")
    return value


def _unit_zero_point(header: Mapping[str, Any]) -> float | None:
    """Return the AB magnitude of one unit of ``BUNIT`` if that is a flux density, such as ``nJy`` or ``nanomaggy``.

    Cutouts of the Legacy Survey viewer have none and are in nanomaggies.
    """
    text = str(header.get("BUNIT", "")).strip()
    if not text:
        return viewer_zero_point(header)
    unit = parse_unit(text)
    return float(ab_magnitudes(np.ones(1), unit)[0]) if unit is not None and is_flux_density(unit) else None


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
