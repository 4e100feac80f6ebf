"""AB magnitudes of a column, from magnitudes or flux densities in the unit that is stated."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.tables.no_value import MISSING_CODES, numbers
from photoz_lit.tables.units import VEGA, ab_magnitudes, is_counts, is_flux_density, magnitude_scale


def magnitudes(
    values: Any,
    unit: u.UnitBase | None,
    target: str,
    where: str,
    missing: Collection[float | str] = (),
    codes: Iterable[float] = MISSING_CODES,
) -> NDArray[np.float64]:
    """Return AB magnitudes, (rows,); NaN where there is none, as for a flux that is not positive.

    Parameters
    ----------
    values : (rows,) numbers or texts.
    unit : as stated; None or none takes them for AB magnitudes.
    target : our name of the column, for the sentence.
    where : the column's full name for the sentence.
    missing : further codes and texts that mean "no value".
    codes : magnitudes that mean "no value"; a flux has no such codes.

    Raises
    ------
    InputError : a text is no number, or the unit is neither a magnitude nor a flux density per frequency.
    """
    if unit is None or unit == u.dimensionless_unscaled:
        return numbers(values, where, missing, codes)
    if is_flux_density(unit):
        return ab_magnitudes(numbers(values, where, missing, ()), unit)
    return numbers(values, where, missing, codes) * magnitudes_per(unit, target, where)


def magnitudes_per(unit: u.UnitBase, target: str, where: str) -> float:
    """Return how many AB magnitudes a unit is.

    Raises
    ------
    InputError : it is none.
    """
    scale = magnitude_scale(unit)
    if scale is not None:
        return scale
    if is_counts(unit):
        raise InputError(
            f"{where}: unit '{unit}' needs a zero point; convert it, e.g. with"
            " {expression: 27 - 2.5 * log10(FLUX)} for a zero point of 27."
        )
    if unit == VEGA:
        raise InputError(f"{where}: magnitudes in the Vega system; give 'unit: mag' and their 'offset' to AB.")
    raise InputError(
        f"column '{target}': unit '{unit}' is neither a magnitude nor a flux density per frequency ({where}); convert"
        " it, or give its right 'unit'."
    )
