"""The catalogue of a store to be: mapped columns, joined labels, E(B-V), and the galaxies that are wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.id_type import IdType
from photoz_lit.data.mapping import map_columns, mapped_id_type, numbers_rows, require_columns, source_columns
from photoz_lit.data.redshift_codes import RedshiftKeys, require_no_codes, without_codes
from photoz_lit.data.selection import required_columns, select
from photoz_lit.errors import InputError
from photoz_lit.ingest.dust import fill_ebv
from photoz_lit.ingest.join import join_catalogue
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Source
from photoz_lit.rows import RowCount


@dataclass(frozen=True)
class Wanted:
    """The galaxies of an archive that become a store.

    Attributes
    ----------
    catalogue : one row per galaxy.
    archive_rows : their row numbers in the archive, (n,).
    rows : what became of the archive's rows.
    rows_of : the same of further tables, by the key that names them.
    numbered : the row numbers serve as ids, since the archive's table has none.
    id_type : of the archive's ids; the catalogue has them as texts.
    """

    catalogue: pd.DataFrame
    archive_rows: NDArray[np.int64]
    rows: RowCount
    rows_of: dict[str, RowCount]
    numbered: bool = False
    id_type: IdType = "text"

    def in_order(self, order: NDArray[np.int64], reason: str) -> Wanted:
        """Return these of the galaxies, in this order; the others leave for a reason."""
        rows = self.rows.without(reason, len(self.catalogue) - len(order))
        catalogue = self.catalogue.iloc[order].reset_index(drop=True)
        return replace(self, catalogue=catalogue, archive_rows=self.archive_rows[order], rows=rows)


def build_catalogue(source: Source, settings: IngestSettings) -> Wanted:
    """Return the wanted galaxies of an archive.

    Raises
    ------
    InputError : a column, the selection or the joined catalogue is wrong, an id stands there twice, a redshift looks
        like a code for "no value", or nothing is left.
    """
    known = source.column_names()
    require_columns(known, settings.columns)
    numbered = source.numbered or numbers_rows(known, settings.columns)
    if numbered and settings.join.path is not None and settings.join.by == "id":
        raise InputError(
            f"ingest.join.by=id needs ids, and the archive's table has no id column (it has {', '.join(known[:8])} …);"
            " map one with ingest.columns.object_id, or join by position: ingest.join.by=sky"
        )
    needed = {*source_columns(settings.columns), *required_columns([settings.select])}
    table = source.table([name for name in known if name in needed])
    mapped = without_codes(map_columns(table, settings.columns), settings.missing)
    galaxies, matched, rows_of_join = join_catalogue(mapped, settings.join, settings.missing)
    rows = RowCount.of(len(galaxies))
    keep = select(settings.select, _selectable(galaxies, table, known, settings))
    if settings.join.unmatched == "drop":
        rows = rows.keeping("without a match in ingest.join", matched)
        rows = rows.without("ingest.select", int((matched & ~keep).sum()))
        keep &= matched
    else:
        rows = rows.keeping("ingest.select", keep)
    chosen = np.flatnonzero(keep)
    if not len(chosen):
        raise InputError(
            f"ingest.select='{settings.select}' leaves none of {len(galaxies)} galaxies; loosen it or check the"
            " columns."
        )
    if "z" in galaxies:
        keys = RedshiftKeys("ingest.missing", "ingest.allow", settings.missing, settings.allow)
        require_no_codes(galaxies["z"].to_numpy(np.float64)[chosen], "the column mapped to z", keys)
    rows = rows.without("beyond ingest.limit", len(chosen) - len(chosen[: settings.limit]))
    chosen = chosen[: settings.limit]
    galaxies = galaxies.iloc[chosen].reset_index(drop=True)
    _require_unique(galaxies["object_id"])
    further = {} if rows_of_join is None else {"ingest.join": rows_of_join}
    id_type = "text" if numbered else mapped_id_type(table, settings.columns, mapped["object_id"])
    return Wanted(_finished(galaxies, settings), chosen, rows.checked(len(chosen)), further, numbered, id_type)


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


def _require_places(galaxies: pd.DataFrame, dec: NDArray[np.float64]) -> None:
    beyond = np.flatnonzero(np.abs(dec) > 90)
    if len(beyond):
        raise InputError(
            f"{len(beyond)} galaxies have a declination beyond ±90°, the first is object_id"
            f" {galaxies['object_id'].iloc[beyond[0]]} with dec={dec[beyond[0]]:g}; map ingest.columns.dec to degrees,"
            " or leave them out with ingest.select."
        )


def _finished(galaxies: pd.DataFrame, settings: IngestSettings) -> pd.DataFrame:
    """Fill E(B-V) from the dust map and clear the source of labels that are none."""
    n = len(galaxies)
    out = galaxies.copy()

    def numbers(name: str) -> NDArray[np.float64]:
        return out[name].to_numpy(np.float64) if name in out else np.full(n, np.nan)

    _require_places(out, numbers("dec"))
    out["ebv"] = fill_ebv(numbers("ebv"), numbers("ra"), numbers("dec"), settings.dust)
    if "z_source" in out:
        out.loc[~np.isfinite(numbers("z")), "z_source"] = ""
    return out
