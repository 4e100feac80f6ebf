"""Values of mapped columns in a store's types and units: texts, numbers, degrees, AB magnitudes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from astropy import units as u
from astropy.coordinates import Angle
from numpy.typing import NDArray

from photoz_lit.data.catalogue import NUMBER_COLUMNS, TEXT_COLUMNS
from photoz_lit.data.column_source import ColumnSource
from photoz_lit.data.expression import plain_column
from photoz_lit.data.selection import evaluate
from photoz_lit.data.tables import MISSING_CODES, blank_missing
from photoz_lit.errors import InputError

POGSON = 2.5 / np.log(10.0)
_EXACT_FLOAT = 2.0**53


def empty_values(target: str, rows: int) -> NDArray[Any]:
    """Return what an optional column becomes that the source does not have."""
    if target in TEXT_COLUMNS:
        return np.full(rows, "", object)
    return np.zeros(rows, np.int64) if target == "flags" else np.full(rows, np.nan)


def target_values(
    table: pd.DataFrame, target: str, source: ColumnSource, sources: Mapping[str, ColumnSource]
) -> NDArray[Any]:
    """Return one target column.

    Parameters
    ----------
    table : the source.
    target : name of the target column; it decides type, unit and the codes that mean "no value".
    source : where it comes from.
    sources : the whole mapping; a magnitude's error from a flux error needs the flux too.

    Raises
    ------
    InputError : the values do not fit the target's type or unit.
    """
    raw = _translated(_raw(table, source), source.translate)
    if target in TEXT_COLUMNS:
        return _texts(raw, source)
    if target == "flags":
        return np.nan_to_num(_numbers(raw, target, source)).astype(np.int64)
    if target in ("ra", "dec"):
        return _degrees(raw, target, source, _unit(table, source)) + source.offset
    if target.startswith("mag_err_"):
        return _magnitude_error(table, target, source, sources)
    if target.startswith("mag_"):
        return _magnitude(raw, target, source, _unit(table, source))
    if target in NUMBER_COLUMNS:
        return blank_missing(_numbers(raw, target, source), MISSING_CODES) + source.offset
    return _other(raw, target, source)


def _raw(table: pd.DataFrame, source: ColumnSource) -> NDArray[Any]:
    if source.column:
        return plain_column(table[source.column])
    if source.expression:
        return evaluate(source.expression, table)
    return np.full(len(table), source.value, object if isinstance(source.value, str) else np.float64)


def _translated(values: NDArray[Any], translate: Mapping[str, float | str]) -> NDArray[Any]:
    if not translate:
        return values
    keys = [_plain_text(value) for value in values]
    out = [translate.get(key, value) for key, value in zip(keys, values, strict=True)]
    return np.asarray(out, object if any(isinstance(value, str) for value in out) else np.float64)


def _plain_text(value: Any) -> str:
    """Return a value as text: a whole number without decimals, NaN as an empty string."""
    if isinstance(value, float | np.floating):
        number = float(value)
        return "" if np.isnan(number) else str(int(number)) if number.is_integer() else str(number)
    return str(value)


def _texts(raw: NDArray[Any], source: ColumnSource) -> NDArray[Any]:
    """Return strings; whole numbers without decimals, codes for missing values as empty strings."""
    if source.column and raw.dtype.kind == "f" and bool(np.any(np.abs(raw) > _EXACT_FLOAT)):
        raise InputError(
            f"column '{source.column}' holds ids as floating point, which has rounded them; store it as integer or"
            " text, or leave the mapping of object_id out to number the rows."
        )
    codes = {_plain_text(code) for code in source.missing}
    texts = [_plain_text(value).strip() for value in raw]
    return np.array(["" if text in codes else text for text in texts], object)


def _numbers(raw: NDArray[Any], target: str, source: ColumnSource) -> NDArray[np.float64]:
    """Return floating-point values with the source's own codes blanked."""
    if raw.dtype.kind in "iufb":
        values = raw.astype(np.float64)
    else:
        texts = pd.Series(raw.astype(str)).str.strip()
        blank = texts.str.lower().isin(["", "nan", "null", "none", "--", *map(str, source.missing)]).to_numpy(bool)
        values = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
        bad = np.flatnonzero(np.isnan(values) & ~blank)
        if len(bad):
            raise InputError(
                f"column '{source.column or target}', mapped to '{target}': row {bad[0]} is '{texts[bad[0]]}', not a"
                " number; mend it or name it in 'missing'."
            )
    return blank_missing(values, [float(code) for code in source.missing if isinstance(code, float | int)])


def _unit(table: pd.DataFrame, source: ColumnSource) -> u.UnitBase | None:
    """Return the unit of the source: as configured, else as the file states it, else None."""
    stated = source.unit or str(table.attrs.get("units", {}).get(source.column, ""))
    if not stated:
        return None
    try:
        return u.Unit(stated)
    except ValueError as error:
        if not source.unit:
            return None  # a file may state what it likes
        raise InputError(
            f"column '{source.column}': unit '{stated}' is unknown to astropy; write it as in 'uJy'."
        ) from error


def _is_flux(unit: u.UnitBase) -> bool:
    return bool(unit.is_equivalent(u.Jy) or unit.is_equivalent(u.mgy))


def _is_magnitude(unit: u.UnitBase) -> bool:
    return unit == u.mag or isinstance(unit, u.MagUnit)


def _degrees(raw: NDArray[Any], target: str, source: ColumnSource, unit: u.UnitBase | None) -> NDArray[np.float64]:
    unit = unit or u.deg
    if not unit.is_equivalent(u.deg):
        raise InputError(f"column '{source.column}', mapped to '{target}': unit '{unit}' is no angle.")
    try:
        if raw.dtype.kind == "O" and any(":" in str(v) or "h" in str(v) or "d" in str(v) for v in raw[:1]):
            values = np.asarray(Angle([str(v) for v in raw], unit=unit).to_value(u.deg))
        else:
            values = np.asarray((_numbers(raw, target, source) * unit).to_value(u.deg))
    except ValueError as error:
        raise InputError(f"column '{source.column}', mapped to '{target}': {error}; give its 'unit'.") from error
    values = blank_missing(values, [code for code in MISSING_CODES if code < 0])
    low, high = (-90.0, 90.0) if target == "dec" else (-180.0, 360.0)
    bad = np.flatnonzero((values < low) | (values > high))
    if len(bad):
        raise InputError(
            f"column '{source.column}', mapped to '{target}': row {bad[0]} is {values[bad[0]]:g} degrees, outside"
            f" [{low:g}, {high:g}]; are columns or units mixed up?"
        )
    return values


def _magnitude(raw: NDArray[Any], target: str, source: ColumnSource, unit: u.UnitBase | None) -> NDArray[np.float64]:
    """Return AB magnitudes; a flux density that is not positive has none."""
    values = _numbers(raw, target, source)
    if unit is not None and _is_flux(unit):
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.asarray((values * unit).to_value(u.ABmag, u.zero_point_flux(u.AB)))
        return blank_missing(values, ()) + source.offset
    if source.unit and unit is not None and not _is_magnitude(unit):
        raise InputError(f"column '{target}': unit '{source.unit}' is neither a magnitude nor a flux density.")
    return blank_missing(values, MISSING_CODES) + source.offset


def _magnitude_error(
    table: pd.DataFrame, target: str, source: ColumnSource, sources: Mapping[str, ColumnSource]
) -> NDArray[np.float64]:
    """Return σ_m; from fluxes it is 2.5/ln 10 · σ_f / f, with the flux that is mapped to the band's magnitude."""
    values = _numbers(_raw(table, source), target, source)
    unit = _unit(table, source)
    if unit is None or not _is_flux(unit):
        values = blank_missing(values, MISSING_CODES)
    else:
        band = target.removeprefix("mag_err_")
        flux = sources.get(f"mag_{band}")
        flux_unit = _unit(table, flux) if flux else None
        if flux is None or flux_unit is None or not _is_flux(flux_unit):
            raise InputError(f"column '{target}' is a flux error, so 'mag_{band}' must be mapped to its flux.")
        fluxes = _numbers(_raw(table, flux), f"mag_{band}", flux)
        values = POGSON * values * unit.to(flux_unit) / np.where(fluxes > 0, fluxes, np.nan)
    values[values < 0] = np.nan
    return values


def _other(raw: NDArray[Any], target: str, source: ColumnSource) -> NDArray[Any]:
    """Return a column that no rule is for: numbers with their own codes blanked, or texts."""
    if raw.dtype.kind not in "iuf":
        return _texts(raw, source) if raw.dtype.kind == "O" else raw
    if not source.missing and not source.offset:
        return raw
    return _numbers(raw, target, source) + source.offset
