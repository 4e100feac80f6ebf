"""Units as catalogues spell them: ``astropy.units`` with the field's own names; one not understood is refused."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from photoz_lit.errors import InputError

#: Magnitudes that are not AB; astropy has no unit for the Vega system.
VEGA = u.def_unit("mag(Vega)", namespace=None)
_NO_UNIT = ("", "-", "--", "---", "none", "null", "unitless", "dimensionless", "nounit", "n/a", "1", "ratio")
# Spellings in lower case without spaces. Symbols in which the case matters (mJy, MJy) are astropy's own.
_SPELLINGS: dict[u.UnitBase, tuple[str, ...]] = {
    u.mag: (
        *("mag", "mags", "magnitude", "magnitudes", "mag(ab)", "mags(ab)", "magab", "mag_ab", "mag.ab", "abmag", "ab"),
        *("abmags", "ab_mag", "abmagnitude", "magnitude(ab)", "m(ab)", "[mag]"),
    ),
    u.Unit("mmag"): ("millimag", "millimags", "millimagnitude", "mmags", "mmag(ab)"),
    VEGA: ("vega", "vegamag", "vegamags", "mag(vega)", "mag_vega", "magvega", "vega_mag", "mag.vega"),
    u.Unit("nmgy"): (
        *("nanomaggies", "nanomaggie", "nanomaggy", "nmgy", "nmgys", "nanomgy", "nmaggy", "nmaggies", "1e-9maggies"),
        *("1e-9maggy", "nanomaggys"),
    ),
    u.Unit("1000 nmgy"): ("micromaggies", "micromaggy", "umgy", "umaggies"),
    u.Unit("mgy"): ("maggies", "maggie", "maggy", "mgy", "mgys"),
    u.Unit("nJy"): ("nanojansky", "nanojanskys", "nanojy", "njy"),
    u.Unit("uJy"): (
        *("microjansky", "microjanskys", "microjy", "mujy", "ujy", "\\mujy", "micro-jy", "micro-jansky", "micjy"),
        *("1e-6jy", "10-6jy"),
    ),
    u.Unit("mJy"): ("millijansky", "millijanskys", "millijy"),
    u.Jy: ("jansky", "janskys", "jy"),
    u.deg: (
        *("deg", "degs", "degree", "degrees", "°", "decimaldegrees", "decdeg", "deg.", "angle[deg]", "degrees(j2000)"),
        *("d:m:s", "dms", "dd:mm:ss", "deg:min:sec", "deg:arcmin:arcsec", "d.m.s"),
    ),
    u.rad: ("rad", "rads", "radian", "radians"),
    u.hourangle: (
        *("hourangle", "hour", "hours", "hr", "hrs", "h", "hourangles", "h:m:s", "hms", "hh:mm:ss", "hour:min:sec"),
        *("hours:minutes:seconds", "h.m.s", "hours(ra)"),
    ),
    u.arcsec: ("arcsec", "arcsecs", "arcsecond", "arcseconds", "asec", '"', "''"),
    u.arcmin: ("arcmin", "arcmins", "arcminute", "arcminutes", "amin", "'"),
    u.ct: ("ct", "cts", "count", "counts"),
    u.ct / u.s: ("ct/s", "cts/s", "count/s", "counts/s", "counts/sec", "count/sec", "cps", "cts/sec"),
    u.adu: ("adu", "adus"),
    u.adu / u.s: ("adu/s", "adu/sec"),
    u.Unit("DN"): ("dn", "dns"),
    u.electron: ("e-", "e", "electron", "electrons", "el"),
    u.electron / u.s: ("e-/s", "e/s", "electrons/s", "electron/s", "e-/sec", "electrons/sec", "el/s"),
    u.dimensionless_unscaled: _NO_UNIT,
}
_ALIASES = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings}
_FORMATS = ("generic", "fits", "vounit", "cds", "ogip")


def parse_unit(text: str) -> u.UnitBase | None:
    """Return the unit that a text spells, None where it is not understood; no unit is dimensionless.

    Spellings are looked up without regard to case and spaces, then given to astropy as they are.
    """
    plain = text.strip().strip('"').replace("µ", "u").replace("μ", "u").strip() if text.strip() != '"' else text.strip()
    key = re.sub(r"\s+", "", plain).lower()
    if key in _ALIASES and not _case_matters(plain):
        return _ALIASES[key]
    for name in _FORMATS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", u.UnitsWarning)
                unit = u.Unit(plain, format=name)
        except (ValueError, TypeError):
            continue
        if unit == u.AB:
            return u.mag
        return unit if isinstance(unit, u.UnitBase | u.FunctionUnitBase) else None
    return None


def _case_matters(text: str) -> bool:
    """Return whether astropy tells a text from its lower case: Mmag and mmag, MJy and mJy."""
    return bool(re.match(r"M(?=mag\b|[Jj]y)", text))


def is_flux_density(unit: u.UnitBase) -> bool:
    """Return whether a unit measures flux per frequency (Jy and the like) or maggies, which become AB magnitudes."""
    return isinstance(unit, u.UnitBase) and bool(unit.is_equivalent(u.Jy) or unit.is_equivalent(u.mgy))


def is_counts(unit: u.UnitBase) -> bool:
    """Return whether a unit is a detector's: counts, ADU or electrons, also per time; it needs a zero point."""
    countable = (u.ct, u.adu, u.electron, u.photon, u.Unit("DN"))
    return isinstance(unit, u.UnitBase) and any(
        unit.is_equivalent(one) or unit.is_equivalent(one / u.s) for one in countable
    )


def magnitude_scale(unit: u.UnitBase) -> float | None:
    """Return how many AB magnitudes one of the unit is, None where it is no AB magnitude."""
    if unit == VEGA:
        return None
    if isinstance(unit, u.MagUnit):
        return 1.0 if unit.physical_unit in (u.AB, u.dimensionless_unscaled) else None
    # By name: to astropy a dex, of which no catalogue means magnitudes, is −2.5 mag.
    return next((scale for one, scale in ((u.mag, 1.0), (u.Unit("mmag"), 1e-3)) if unit == one), None)


def ab_magnitudes(values: NDArray[Any], unit: u.UnitBase) -> NDArray[np.float64]:
    """Return AB magnitudes of flux densities; a flux that is not positive has none (NaN).

    m = −2.5 log10(f / 3631 Jy); a maggy is 3631 Jy (Oke & Gunn 1983; Finkbeiner et al. 2004).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.asarray((values * unit).to_value(u.ABmag, u.zero_point_flux(u.AB)), np.float64)
    out[~np.isfinite(out)] = np.nan
    return out


def understood(text: str, where: str) -> u.UnitBase | None:
    """Return a stated unit, None where there is none.

    Parameters
    ----------
    text : as the file or the config states it.
    where : the column's name for the sentence, e.g. ``"column 'F', mapped to 'mag_r'"``.

    Raises
    ------
    InputError : it is stated and not understood.
    """
    if not text.strip():
        return None
    unit = parse_unit(text)
    if unit is None:
        raise InputError(
            f"{where}: unit '{text}' is unknown to astropy; write it as in 'uJy', 'nmgy', 'mag' or 'deg',"
            " in the column's 'unit'."
        )
    return unit
