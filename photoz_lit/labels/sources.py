"""Catalogues of labels and of the target sample: read, mapped, cleaned and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.data.catalogue import NUMBER_COLUMNS, TEXT_COLUMNS
from photoz_lit.data.mapping import map_columns, numbers_rows
from photoz_lit.data.redshift_codes import RedshiftKeys, require_no_codes, without_codes
from photoz_lit.data.selection import select
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.labels.consensus import consensus, photo_z_columns
from photoz_lit.labels.cosmos2020 import cosmos2020_labels
from photoz_lit.labels.exclusions import Exclusions
from photoz_lit.labels.settings import ConsensusSettings, CosmosSettings, LabelSourceSettings, Tier
from photoz_lit.tables.no_value import blank_missing
from photoz_lit.tables.reading import read_table

COSMOS2020 = "cosmos2020"
DataKind = str  # "simulated", "simulated_from_catalogue" or "real"


@dataclass(frozen=True)
class LabelCatalogue:
    """Usable labels of one source.

    Attributes
    ----------
    name : source, as in ``z_source``.
    tier : ``spec``, ``grism``, ``prism`` or ``photo``.
    table : ``object_id``, ``ra``, ``dec``, ``z``, ``z_err``, ``z_quality`` and, where the source has them, ``mag_*``.
    match : how its rows find their photometry, see :class:`LabelSourceSettings`.
    counts : reason -> rows left out; ``kept`` last.
    """

    name: str
    tier: Tier
    table: pd.DataFrame
    match: str = "sky"
    counts: dict[str, int] = field(default_factory=dict)


def read_any(path: str, table: str | int | None = None, key: str = "table") -> tuple[pd.DataFrame, DataKind]:
    """Read a table, or the catalogue of a CutoutStore, and say whether it is real; ``key`` names the config's table."""
    if Path(path).is_dir():
        store = open_store(path)
        return store.catalogue, store.header.data
    return read_table(path, None, table, key), "real"


def mapped(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns by our names; a column that has our name already need not be mapped.

    ``attrs["numbered"]`` says whether the row numbers serve as ids, for want of any.
    """
    ours = [*TEXT_COLUMNS, *NUMBER_COLUMNS, "z_phot"]
    same = {str(n): str(n) for n in table.columns if n in ours or str(n).startswith("mag_")}
    out = map_columns(table, {**same, **columns})
    out.attrs["numbered"] = numbers_rows(list(table.columns), {**same, **columns})
    return out


def read_target(
    path: str, columns: Mapping[str, str], selection: str, table_name: str | int | None = None
) -> tuple[pd.DataFrame, DataKind, dict[str, int]]:
    """Read the photometric catalogue; ``table_name`` chooses the table of a file that holds several.

    Returns
    -------
    table : the target sample: ``object_id``, ``ra``, ``dec``, ``mag_*``, and ``in_target`` (true); its attribute
        ``numbered`` says whether the row numbers serve as ids.
    data : real or simulated.
    counts : reason -> objects outside the target sample; ``kept`` last.

    Raises
    ------
    InputError : the file is wrong, or nothing is selected.
    """
    raw, data = read_any(path, table_name, "labels.target_table")
    table = mapped(raw, columns)
    numbered = table.attrs["numbered"]
    # An unlabelled target sample is the point: its own labels, if any, come in as a source.
    table = table.drop(columns=[name for name in ("z", "z_err", "z_source", "z_quality") if name in table])
    exclusions = Exclusions(len(table), path)
    if selection:
        exclusions.remove(f"outside target_select '{selection}'", ~select(selection, raw))
    exclusions.require_rows("loosen labels.target_select.")
    # Labels of objects outside the selection would leak into the cells at its border.
    table = table[exclusions.keep].reset_index(drop=True).assign(in_target=True)
    table.attrs["numbered"] = numbered
    return table, data, {**exclusions.counts, "kept": len(table)}


def read_source(
    settings: LabelSourceSettings,
    limits: ConsensusSettings,
    missing: Sequence[float] = (),
    allow: Sequence[float] = (),
) -> LabelCatalogue:
    """Read one catalogue of labels and keep the secure ones.

    Parameters
    ----------
    settings : the catalogue.
    limits : of valid redshifts, and which photo-z agree.
    missing, allow : redshifts that mean "no value", and those that repeat and are real.

    Raises
    ------
    InputError : the file or its columns are wrong, no label is left, or a redshift looks like a code for "no value".
    """
    raw, _ = read_any(settings.path, settings.table, f"labels.sources (of '{settings.name}') table")
    where = f"{settings.path} (labels source '{settings.name}')"
    table = mapped(raw, settings.columns)
    if settings.match == "id" and table.attrs["numbered"]:
        raise InputError(f"{where} has no column of ids, which match: id needs; map 'object_id', or match by sky.")
    table, exclusions = without_codes(table, missing), Exclusions(len(table), where)
    if settings.select:
        exclusions.remove(f"not secure by '{settings.select}'", ~select(settings.select, raw))
    if settings.photo_z:
        result = consensus(blank_missing(photo_z_columns(raw, settings.photo_z, where), missing), limits)
        exclusions.remove(f"without {len(settings.photo_z)} valid photo-z", ~result.valid)
        exclusions.remove("whose photo-z disagree", ~result.agrees)
        table["z"], table["z_err"], table["z_quality"] = result.z, result.spread, "consensus"
    if "z" not in table:
        raise InputError(f"{where} has no column 'z'; map one with 'columns', or name several with 'photo_z'.")
    z = table["z"].to_numpy(np.float64)
    exclusions.remove("without a redshift", ~np.isfinite(z))
    with np.errstate(invalid="ignore"):
        exclusions.remove(
            f"with z outside ({limits.z_min:g}, {limits.z_max:g})", (z <= limits.z_min) | (z >= limits.z_max)
        )
    exclusions.require_rows("check its 'columns' and 'select'.")
    kept = table[exclusions.keep].reset_index(drop=True)
    require_no_codes(kept["z"], where, RedshiftKeys("labels.missing", "labels.allow", missing, allow))
    counts = {**exclusions.counts, "kept": len(kept)}
    return LabelCatalogue(settings.name, settings.tier, kept, settings.match, counts)


def read_cosmos2020(settings: CosmosSettings, limits: ConsensusSettings) -> LabelCatalogue:
    """Read COSMOS2020's consensus as a source of tier ``photo``, matched to the target by position."""
    labels = cosmos2020_labels(settings.classic, settings.farmer, limits, settings.table)
    table, counts = labels.table, dict(labels.counts)
    if settings.select:
        keep = select(settings.select, table)
        counts[f"outside '{settings.select}'"] = int((~keep).sum())
        table = table[keep].reset_index(drop=True)
        counts["kept"] = len(table)
    return LabelCatalogue(COSMOS2020, "photo", table, "sky", counts)
