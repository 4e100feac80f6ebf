"""All labels that may fill the map: joined to their photometry, one object once, the best label first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.labels.settings import TIERS
from photoz_lit.labels.sources import LabelCatalogue
from photoz_lit.sky_matching import groups, mutual_nearest

LABEL_COLUMNS = ("z", "z_err", "z_source", "z_quality", "tier")
BLANKS: dict[str, float | str] = {"z_err": np.nan, "z_quality": ""}


@dataclass(frozen=True)
class Candidates:
    """Labels of all sources.

    Attributes
    ----------
    table : one row per label: ``object_id``, ``ra``, ``dec``, ``z``, ``z_err``, ``z_source``, ``z_quality``, ``tier``
        (0 spec, 1 grism, 2 prism, 3 photo), ``object`` (number of the object), ``best`` (whether this is the object's
        best label) and ``mag_*``.
    counts : source -> reason -> labels left out; ``kept`` last.
    """

    table: pd.DataFrame
    counts: dict[str, dict[str, int]]

    @property
    def best(self) -> pd.DataFrame:
        """One row per object, with its best label."""
        return self.table[self.table["best"]].reset_index(drop=True)


def gather(sources: Sequence[LabelCatalogue], photometry: pd.DataFrame, radius: float) -> Candidates:
    """Join the sources to the photometric catalogue and mark the best label of each object.

    Parameters
    ----------
    sources : label catalogues.
    photometry : all objects of the target's catalogue, ``object_id``, ``ra``, ``dec``, ``mag_*``.
    radius : two positions within it are one object [arcsec].

    Raises
    ------
    InputError : there is no source, or one shares no object with the photometric catalogue.
    """
    if not sources:
        raise InputError("there is no catalogue of labels; give labels.sources or labels.cosmos2020.")
    tables, counts = [], {}
    for source in sources:
        table = _with_photometry(source, photometry, radius)
        counts[source.name] = {
            **{reason: n for reason, n in source.counts.items() if reason != "kept"},
            "without a counterpart in the target catalogue": len(source.table) - len(table),
        }
        table = table.assign(**{name: blank for name, blank in BLANKS.items() if name not in table})
        tables.append(table.assign(z_source=source.name, tier=TIERS.index(source.tier)))
    joined = pd.concat(tables, ignore_index=True)
    ids = joined["object_id"].astype(str)
    label = np.where(ids == "", -1, pd.factorize(ids)[0])
    joined["object"] = groups(label, joined["ra"], joined["dec"], radius)
    order = joined.sort_values(["object", "tier", "z_err"], kind="stable", na_position="last").index
    first = ~joined.loc[order, "object"].duplicated()
    joined["best"] = first.reindex(joined.index).to_numpy(bool)
    for name, of_source in joined.groupby("z_source", sort=False):
        counts[str(name)]["of an object that has a better label"] = int((~of_source["best"]).sum())
        counts[str(name)]["kept"] = int(of_source["best"].sum())
    return Candidates(joined, counts)


def _with_photometry(source: LabelCatalogue, photometry: pd.DataFrame, radius: float) -> pd.DataFrame:
    """Return the labels of a source that have an object in the photometric catalogue, with that object's columns."""
    table = source.table
    if source.match == "none":
        return _with_positions(table)
    rows, objects = _pairs(source, photometry, radius)
    if not len(rows):
        how = f"within {radius}″" if source.match == "sky" else "by object_id"
        raise InputError(
            f"labels source '{source.name}' and the target catalogue do not overlap: no object agrees {how};"
            " give catalogues of one field, or match: none with the source's own magnitudes."
        )
    labels = table.iloc[rows][[name for name in ("z", "z_err", "z_quality") if name in table]]
    placed = photometry.iloc[objects][[n for n in photometry if n not in LABEL_COLUMNS]]
    joined = pd.concat([placed.reset_index(drop=True), labels.reset_index(drop=True)], axis=1)
    return _with_positions(joined)


def _with_positions(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: np.nan for name in ("ra", "dec") if name not in table})


def _pairs(
    source: LabelCatalogue, photometry: pd.DataFrame, radius: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the source and of the photometric catalogue that are one object."""
    for name in ("ra", "dec") if source.match == "sky" else ("object_id",):
        for where, table in ((f"labels source '{source.name}'", source.table), ("the target catalogue", photometry)):
            if name not in table:
                raise InputError(f"{where} has no column '{name}', which match: {source.match} needs; map it.")
    if source.match == "sky":
        ours, theirs = source.table, photometry
        return mutual_nearest(ours["ra"], ours["dec"], theirs["ra"], theirs["dec"], radius)
    index = pd.Index(photometry["object_id"].astype(str))
    if index.has_duplicates:
        raise InputError(f"the target catalogue names object_id {index[index.duplicated()][0]} twice; make ids unique.")
    found = index.get_indexer(pd.Index(source.table["object_id"].astype(str)))
    rows = np.flatnonzero(found >= 0)
    return rows.astype(np.int64), found[rows].astype(np.int64)
