"""Labels from a table in place of a store's own: joined on ``object_id``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from photoz_lit.data.folds import LINKING_RADIUS
from photoz_lit.data.mapping import map_columns
from photoz_lit.data.redshift_codes import RedshiftKeys, require_no_codes, without_codes
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling_weights import RECIPE, SMOOTHING
from photoz_lit.errors import InputError
from photoz_lit.rows import RowCount
from photoz_lit.sky_matching import separations
from photoz_lit.tables.no_value import numbers
from photoz_lit.tables.reading import read_table

LABEL_COLUMNS = ("z", "z_err", "z_source", "z_quality", "weight", *RECIPE, *SMOOTHING)


def relabel(
    sample: Sample,
    path: str,
    missing: Sequence[float] = (),
    allow: Sequence[float] = (),
    table: str | int | None = None,
) -> Sample:
    """Replace the labels of a sample; a galaxy that the table does not name becomes unlabelled.

    Parameters
    ----------
    sample : any sample.
    path : table with ``object_id``, ``z`` and, optionally, ``z_err``, ``z_source``, ``z_quality``, ``weight``.
    missing, allow : redshifts that mean "no value", and those that repeat and are real.
    table : its name or number, where the file holds several.

    Raises
    ------
    InputError : a column is missing, an id occurs twice or stands for galaxies at two places, none is in the sample, or
        a redshift looks like a code for "no value".
    """
    raw = read_table(path, None, table, "data.labels_table")
    for name in ("object_id", "z"):
        if name not in raw:
            raise InputError(f"{path} has no column '{name}'; task=labels writes such a table.")
    labels = map_columns(raw, {name: name for name in ("object_id", *LABEL_COLUMNS) if name in raw})
    if "weight" in labels:
        labels["weight"] = numbers(raw["weight"], f"{path}: column 'weight'", codes=())
    labels = without_codes(labels, missing)
    require_no_codes(labels["z"], path, RedshiftKeys("data.label_missing", "data.label_allow", missing, allow))
    twice = labels["object_id"][labels["object_id"].duplicated()]
    if len(twice):
        raise InputError(f"{path} names object_id {twice.iloc[0]} twice; keep one label per galaxy.")
    _require_one_place(sample, set(labels["object_id"]), path)
    catalogue = sample.catalogue.drop(columns=[c for c in LABEL_COLUMNS if c in sample.catalogue])
    joined = catalogue.merge(labels, on="object_id", how="left", sort=False)
    if not joined["z"].notna().any():
        raise InputError(f"{path} shares no object_id with the store; give the labels of this store.")
    for name in ("z_source", "z_quality"):
        joined[name] = joined[name].fillna("") if name in joined else ""
    joined["z_err"] = joined.get("z_err", np.nan)
    if "weight" in joined:
        joined["weight"] = joined["weight"].fillna(0.0)
    known = labels["z"].notna()
    here = labels["object_id"].isin(joined["object_id"])
    rows = (
        RowCount.of(len(labels))
        .keeping("without redshift", known)
        .keeping("without a galaxy in the sample", here[known])
    )
    return replace(sample, catalogue=joined, rows_of={**sample.rows_of, "data.labels": rows})


def _require_one_place(sample: Sample, ids: set[str], path: str) -> None:
    """Refuse an id that joined stores give to different objects: a label would go to both."""
    table = sample.catalogue[["object_id", "ra", "dec"]].dropna()
    table = table[table["object_id"].isin(ids)]
    first = table.groupby("object_id")[["ra", "dec"]].transform("first")
    apart = separations(table["ra"], table["dec"], first["ra"], first["dec"]) > LINKING_RADIUS
    if apart.any():
        raise InputError(
            f"{path}: object_id {table['object_id'][apart].iloc[0]} stands for galaxies at different places in the"
            " joined stores; give each store unique ids, or label the stores one by one."
        )
