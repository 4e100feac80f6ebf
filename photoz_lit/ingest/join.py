"""Join a further catalogue to the galaxies, by id or by position on the sky."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.mapping import map_columns, numbers_rows
from photoz_lit.data.redshift_codes import without_codes
from photoz_lit.errors import InputError
from photoz_lit.ingest.settings import JoinSettings
from photoz_lit.ingest.source import archive_files
from photoz_lit.rows import RowCount
from photoz_lit.sky_matching import SkyIndex
from photoz_lit.tables.reading import read_table

# Of two galaxies within the radius of one catalogue object, the nearer gets it; as near within this, both do.
TIE = 0.1  # arcsec
LABEL_COLUMNS = ("z", "z_err", "z_source", "z_quality")


class Joined(NamedTuple):
    """Galaxies with a further catalogue's columns.

    Attributes
    ----------
    table : one row per galaxy.
    matched : which galaxies have a match, (n,).
    rows : what became of the catalogue's rows; None where nothing is joined.
    """

    table: pd.DataFrame
    matched: NDArray[np.bool_]
    rows: RowCount | None


def join_catalogue(galaxies: pd.DataFrame, settings: JoinSettings, missing: Sequence[float] = ()) -> Joined:
    """Replace the galaxies' columns by those of the catalogue, where it has a value for a matched galaxy.

    Parameters
    ----------
    galaxies : mapped catalogue of the archive.
    settings : which catalogue, how to match, which columns.
    missing : redshifts that mean "no value".

    Raises
    ------
    InputError : the catalogue cannot be read or mapped, an id stands there twice, or nothing matches.
    """
    if settings.path is None:
        return Joined(galaxies, np.ones(len(galaxies), bool), None)
    needed = ["object_id"] if settings.by == "id" else ["ra", "dec"]
    for name in needed:
        if name not in settings.columns:
            raise InputError(f"ingest.join.columns does not map '{name}', which a join by {settings.by} needs.")
    catalogue = without_codes(_read_joined(settings), missing)
    match = _by_id(galaxies, catalogue, settings) if settings.by == "id" else _by_sky(galaxies, catalogue, settings)
    matched = match >= 0
    if not matched.any():
        how = "shares no object_id with" if settings.by == "id" else f"has nothing within {settings.radius:g} arcsec of"
        raise InputError(
            f"ingest.join.path={settings.path} {how} the archive's galaxies; are it and its columns right?"
        )
    out = galaxies.copy()
    labelled = matched.copy()
    if "z" in catalogue:
        labelled &= np.isfinite(catalogue["z"].to_numpy(np.float64)[match])
    for name in [c for c in catalogue.columns if c not in ("object_id", "ra", "dec")]:
        # A redshift, its error, source and quality belong together: all are replaced or none.
        label = name in LABEL_COLUMNS
        new = catalogue[name].to_numpy()[match]
        out[name] = _merged(out.get(name), new, labelled if label else matched, even_empty=label)
    return Joined(out, matched, _rows(catalogue, match, settings))


def _rows(catalogue: pd.DataFrame, match: NDArray[np.int64], settings: JoinSettings) -> RowCount:
    """Count the rows of the catalogue that found a galaxy."""
    rows, used = RowCount.of(len(catalogue)), np.zeros(len(catalogue), bool)
    used[match[match >= 0]] = True
    if settings.by == "sky":
        placed = np.isfinite(catalogue["ra"].to_numpy(float)) & np.isfinite(catalogue["dec"].to_numpy(float))
        rows, used = rows.keeping("without a position", placed), used[placed]
    return rows.keeping("without a galaxy of the archive", used)


def _read_joined(settings: JoinSettings) -> pd.DataFrame:
    """Read and map the catalogue; of several files (one per HEALPix cell) all rows."""
    path = str(settings.path)
    files = [Path(path)] if Path(path).is_file() else archive_files(path, ["*.hdf5", "*.h5", "*.parquet", "*.fits"])
    mapped = []
    for file in files:
        table = read_table(file, None, settings.table, "ingest.join.table")
        if settings.by == "id" and numbers_rows(list(table.columns), settings.columns):
            raise InputError(f"{file} has no column of ids, which ingest.join.by=id needs; join by position: by=sky.")
        mapped.append(map_columns(table, settings.columns))
    return pd.concat(mapped, ignore_index=True)


def _by_id(galaxies: pd.DataFrame, catalogue: pd.DataFrame, settings: JoinSettings) -> NDArray[np.int64]:
    ids = pd.Index(catalogue["object_id"].astype(str))
    repeated = ids[ids.duplicated()]
    if len(repeated):
        raise InputError(
            f"ingest.join.path={settings.path}: id {repeated[0]} stands there twice; keep one row of each."
        )
    return np.asarray(ids.get_indexer(pd.Index(galaxies["object_id"].astype(str))), np.int64)


def _by_sky(galaxies: pd.DataFrame, catalogue: pd.DataFrame, settings: JoinSettings) -> NDArray[np.int64]:
    """Return the nearest catalogue object within the radius that has no nearer galaxy, −1 where there is none."""
    if "ra" not in galaxies or not np.isfinite(galaxies["ra"]).any():
        raise InputError("ingest.join.by=sky needs positions of the archive's galaxies; map 'ra' and 'dec'.")
    index = SkyIndex(catalogue["ra"], catalogue["dec"])
    match, distance = index.nearest(galaxies["ra"], galaxies["dec"], settings.radius)
    near = match >= 0
    best = np.full(len(catalogue), np.inf)
    np.minimum.at(best, match[near], distance[near])
    return np.where(near & (distance <= best[match] + TIE), match, -1)


def _merged(old: pd.Series | None, new: NDArray[Any], chosen: NDArray[np.bool_], even_empty: bool) -> NDArray[Any]:
    """Return the joined column: the new value of the chosen rows, where there is one, else the old one."""
    if new.dtype.kind in "iuf":
        values = new.astype(np.float64)
        previous = np.full(len(values), np.nan) if old is None else np.asarray(old, np.float64)
        return np.where(chosen & (even_empty | np.isfinite(values)), values, previous)
    texts = new.astype(str).astype(object)
    previous_text = np.full(len(texts), "", object) if old is None else old.astype(str).to_numpy(object)
    return np.where(chosen & (even_empty | (texts != "")), texts, previous_text)
