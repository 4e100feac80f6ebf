"""The catalogue of a store to be: mapped columns, joined labels, E(B-V), and the galaxies that are wanted."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.mapping import map_columns, require_columns, source_columns
from photoz_lit.data.selection import required_columns, select
from photoz_lit.errors import InputError
from photoz_lit.ingest.dust import fill_ebv
from photoz_lit.ingest.join import join_catalogue
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Source


def build_catalogue(source: Source, settings: IngestSettings) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return the catalogue of the wanted galaxies and their row numbers in the archive.

    Raises
    ------
    InputError : a column, the selection or the joined catalogue is wrong, an id stands there twice, or nothing is
        left.
    """
    known = source.column_names()
    require_columns(known, settings.columns)
    needed = {*source_columns(settings.columns), *required_columns([settings.select])}
    table = source.table([name for name in known if name in needed])
    galaxies, matched = join_catalogue(map_columns(table, settings.columns), settings.join)
    keep = select(settings.select, _selectable(galaxies, table, known, settings))
    if settings.join.unmatched == "drop":
        keep &= matched
    rows = np.flatnonzero(keep)[: settings.limit]
    if not len(rows):
        raise InputError(
            f"ingest.select='{settings.select}' leaves none of {len(galaxies)} galaxies; loosen it or check the"
            " columns."
        )
    galaxies = galaxies.iloc[rows].reset_index(drop=True)
    _require_unique(galaxies["object_id"])
    return _finished(galaxies, settings), rows


def _selectable(
    galaxies: pd.DataFrame, table: pd.DataFrame, known: list[str], settings: IngestSettings
) -> pd.DataFrame:
    """Return mapped and original columns side by side; where names clash the mapped one counts."""
    missing = [n for n in required_columns([settings.select]) if n not in galaxies and n not in table]
    if missing:  # the sentence names the nearest of all columns
        select(settings.select, pd.DataFrame({name: np.zeros(0) for name in [*galaxies.columns, *known]}))
    extra = [name for name in table.columns if name not in galaxies]
    return pd.concat([galaxies, table[extra]], axis=1)


def _require_unique(ids: pd.Series) -> None:
    repeated = np.flatnonzero(ids.duplicated(keep=False))
    if len(repeated):
        name = str(ids.iloc[repeated[0]])
        rows = np.flatnonzero(ids == name)
        raise InputError(
            f"object_id '{name}' stands {len(rows)} times in the catalogue (rows {rows[0]} and {rows[1]}), and"
            f" {len(repeated)} rows share their id; keep one row of each, or number them:"
            " ingest.columns.object_id=null."
        )


def _finished(galaxies: pd.DataFrame, settings: IngestSettings) -> pd.DataFrame:
    """Fill E(B-V) from the dust map and clear the source of labels that are none."""
    n = len(galaxies)
    out = galaxies.copy()

    def numbers(name: str) -> NDArray[np.float64]:
        return out[name].to_numpy(np.float64) if name in out else np.full(n, np.nan)

    out["ebv"] = fill_ebv(numbers("ebv"), numbers("ra"), numbers("dec"), settings.dust)
    if "z_source" in out:
        out.loc[~np.isfinite(numbers("z")), "z_source"] = ""
    return out
