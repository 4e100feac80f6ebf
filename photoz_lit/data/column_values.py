"""Values of mapped columns in a store's types and units: texts, numbers, degrees, AB magnitudes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from astropy import units as u
from numpy.typing import NDArray

from photoz_lit.data.catalogue import NUMBER_COLUMNS, TEXT_COLUMNS
from photoz_lit.data.column_source import ColumnSource
from photoz_lit.data.expression import plain_column
from photoz_lit.data.selection import evaluate
from photoz_lit.errors import InputError
from photoz_lit.tables.angles import degrees
from photoz_lit.tables.magnitudes import magnitudes, magnitudes_per
from photoz_lit.tables.no_value import numbers
from photoz_lit.tables.plain_text import plain_text
from photoz_lit.tables.text_columns import identifiers
from photoz_lit.tables.units import is_counts, is_flux_density, magnitude_scale, understood

POGSON = 2.5 / np.log(10.0)


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
    raw = source_values(table, source)
    where = _where(target, source)
    if target in TEXT_COLUMNS:
        return identifiers(raw, source.single, source.missing)
    if target == "flags":
        return np.nan_to_num(numbers(raw, where, source.missing, ())).astype(np.int64)
    if target in ("ra", "dec"):
        return degrees(raw, target, _stated(table, source), where, source.missing) + source.offset
    if target.startswith("mag_err_"):
        return _magnitude_error(table, target, source, sources)
    if target.startswith("mag_"):
        unit = _unit(table, target, source)
        return magnitudes(raw, unit, target, where, source.missing) + source.offset
    if target in NUMBER_COLUMNS:
        _require_plain(target, _unit(table, target, source), where)
        return numbers(raw, where, source.missing) + source.offset
    return _other(raw, target, source)


def source_values(table: pd.DataFrame, source: ColumnSource) -> NDArray[Any]:
    """Return what a mapped column holds in the source, after its ``translate`` and before anything else."""
    return _translated(_raw(table, source), source.translate)


def _where(target: str, source: ColumnSource) -> str:
    """Name a column for a sentence."""
    given = source.single or source.formula
    return f"column '{given}', mapped to '{target}'" if given else f"column '{target}'"


def _raw(table: pd.DataFrame, source: ColumnSource) -> NDArray[Any]:
    if source.single:
        return plain_column(table[source.single])
    if source.formula:
        return evaluate(source.formula, table)
    return np.full(len(table), source.value, object if isinstance(source.value, str) else np.float64)


def _translated(values: NDArray[Any], translate: Mapping[str, float | str]) -> NDArray[Any]:
    if not translate:
        return values
    keys = [plain_text(value) for value in values]
    out = [translate.get(key, value) for key, value in zip(keys, values, strict=True)]
    return np.asarray(out, object if any(isinstance(value, str) for value in out) else np.float64)


def _stated(table: pd.DataFrame, source: ColumnSource) -> str:
    """Return the unit of the source as text: as configured, else as the file states it, else ``""``."""
    units: Mapping[str, object] = table.attrs.get("units", {})
    return source.unit or str(units.get(source.single, "") or "")


def _unit(table: pd.DataFrame, target: str, source: ColumnSource) -> u.UnitBase | None:
    """Return the unit of the source, None where neither config nor file states one."""
    if source.formula and not source.unit and "log10" not in source.formula:
        for name in source.names:  # an expression that is no logarithm keeps the unit of its columns
            unit = understood(str(table.attrs.get("units", {}).get(name, "") or ""), f"column '{name}'")
            if unit is not None and target.startswith("mag_") and (is_flux_density(unit) or is_counts(unit)):
                raise InputError(
                    f"expression '{source.formula}', mapped to '{target}': column '{name}' is in {unit}; give the"
                    " expression's 'unit'."
                )
        return None
    return understood(_stated(table, source), _where(target, source))


def _require_plain(target: str, unit: u.UnitBase | None, where: str) -> None:
    """Refuse a redshift or E(B-V) with a unit; E(B-V) may be in magnitudes."""
    if unit is None or unit == u.dimensionless_unscaled or (target == "ebv" and magnitude_scale(unit) == 1.0):
        return
    raise InputError(
        f"{where}: unit '{unit}' is none of a {'reddening' if target == 'ebv' else 'redshift'}; name the"
        " right column, or give its 'unit' (none, where the file is wrong)."
    )


def _magnitude_error(
    table: pd.DataFrame, target: str, source: ColumnSource, sources: Mapping[str, ColumnSource]
) -> NDArray[np.float64]:
    """Return σ_m; from fluxes it is 2.5/ln 10 · σ_f / f, with the flux that is mapped to the band's magnitude."""
    where = _where(target, source)
    unit = _unit(table, target, source)
    raw = _raw(table, source)
    if unit is None or unit == u.dimensionless_unscaled:
        values = numbers(raw, where, source.missing)
    elif not is_flux_density(unit):
        values = numbers(raw, where, source.missing) * magnitudes_per(unit, target, where)
    else:
        flux = sources.get(target.replace("mag_err_", "mag_"))
        name = target.replace("mag_err_", "mag_")
        flux_unit = _unit(table, name, flux) if flux else None
        if flux is None or flux_unit is None or not is_flux_density(flux_unit):
            raise InputError(f"column '{target}' is a flux error, so '{name}' must be mapped to its flux.")
        fluxes = numbers(_raw(table, flux), _where(name, flux), flux.missing, ())
        errors = numbers(raw, where, source.missing, ())
        values = POGSON * errors * unit.to(flux_unit) / np.where(fluxes > 0, fluxes, np.nan)
    values[values < 0] = np.nan
    return values


def _other(raw: NDArray[Any], target: str, source: ColumnSource) -> NDArray[Any]:
    """Return a column without a rule of its kind: numbers with their own codes blanked, or texts."""
    if raw.dtype.kind not in "iuf":
        return identifiers(raw, source.single, source.missing) if raw.dtype.kind == "O" else raw
    if not source.missing and not source.offset:
        return raw
    return numbers(raw, _where(target, source), source.missing, ()) + source.offset
