"""Positions in degrees, from numbers in any unit of angle and from sexagesimal texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from astropy import units as u
from astropy.coordinates import Angle
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.tables.no_value import MISSING_CODES, is_missing, numbers, text_series
from photoz_lit.tables.units import understood

LIMITS = {"ra": (-180.0, 360.0), "dec": (-90.0, 90.0)}
_SEXAGESIMAL = r"[+-]?\s*[0-9]+\s*[:hd°\s]\s*[0-9]+\s*([:m'\s]\s*[0-9.]+)?.*"


def degrees(
    values: Any, axis: str, unit_text: str, where: str, missing: tuple[float | str, ...] = ()
) -> NDArray[np.float64]:
    """Return right ascension or declination [deg], (rows,); NaN where there is none.

    Numbers are degrees unless their unit says otherwise. Sexagesimal texts (``10:00:28.6``, ``10 00 28.6``,
    ``10h00m28.6s``) are hours in right ascension, unless their unit or a ``d`` says degrees.

    Parameters
    ----------
    values : (rows,) numbers or texts.
    axis : ``ra`` or ``dec``.
    unit_text : unit as the file or the config states it; empty where neither does.
    where : the column's name for the sentence.
    missing : further codes and texts that mean "no value".

    Raises
    ------
    InputError : the unit is no angle, a text is none, or a value lies outside the sphere.
    """
    unit = understood(unit_text, where)
    if unit == u.dimensionless_unscaled:
        unit = None
    if unit is not None and axis == "ra" and unit.is_equivalent(u.s) and not unit.is_equivalent(u.deg):
        unit = u.CompositeUnit(float(unit.to(u.hour)), [u.hourangle], [1])  # seconds and minutes of time
    if unit is not None and not unit.is_equivalent(u.deg):
        raise InputError(f"{where}: unit '{unit_text}' is no angle; give the column's 'unit'.")
    texts = None if pd.api.types.is_numeric_dtype(pd.Series(values).dtype) else text_series(values)
    if texts is not None and texts.str.fullmatch(_SEXAGESIMAL).any():
        default = u.hourangle if axis == "ra" else u.deg
        out = _from_texts(texts, default if unit is None else u.Unit(unit), where, missing)
    else:
        negative = [code for code in MISSING_CODES if code < 0 or code > LIMITS[axis][1]]
        out = np.asarray((numbers(values, where, missing, negative) * (unit or u.deg)).to_value(u.deg))
    low, high = LIMITS[axis]
    bad = np.flatnonzero((out < low) | (out > high))
    if len(bad):
        raise InputError(
            f"{where}: row {bad[0]} is {out[bad[0]]:g} degrees, outside [{low:g}, {high:g}]; are columns or units mixed"
            " up? A sexagesimal right ascension is read as hours unless its 'unit' is deg."
        )
    return out


def _from_texts(
    texts: pd.Series[str], unit: u.UnitBase, where: str, missing: tuple[float | str, ...]
) -> NDArray[np.float64]:
    blank = is_missing(texts) | texts.isin([str(code) for code in missing]).to_numpy(bool)
    out = np.full(len(texts), np.nan)
    known = [text.replace("°", "d") for text in texts[~blank]]
    try:
        out[~blank] = Angle(known, unit=unit).to_value(u.deg)
    except (ValueError, u.UnitsError) as error:
        reason = str(error).rstrip(".)") + ")" * str(error).rstrip(".").endswith(")")
        raise InputError(
            f"{where}: {reason}; correct it, name it in 'missing', or give the 'unit': a sexagesimal right ascension is"
            " read as hours unless that is deg."
        ) from error
    return out
