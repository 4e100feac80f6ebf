"""Faults of a store's catalogue: values that nothing on the sky has, codes among redshifts, ids that repeat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.data.redshift_codes import suspicious_redshifts
from photoz_lit.data.store import CutoutStore
from photoz_lit.ingest.inspection.faults import Fault, named

#: Column -> lowest and highest value that can be; infinities never can.
LIMITS = {
    "z": (-0.02, 20.0),
    "z_err": (0.0, np.inf),
    "ra": (-180.0, 360.0),
    "dec": (-90.0, 90.0),
    "ebv": (0.0, 20.0),
}
KINDS = {"z": "redshift", "z_err": "redshift", "ra": "position", "dec": "position", "ebv": "reddening"}
MAGNITUDE = (-5.0, 45.0)
MAGNITUDE_ERROR = (0.0, np.inf)


def catalogue_faults(store: CutoutStore) -> list[Fault]:
    """Return the faults of a store's catalogue."""
    return [*_impossible_values(store), *_codes(store), *_ids(store)]


def _impossible_values(store: CutoutStore) -> Iterator[Fault]:
    """Find values outside what can be, column by column."""
    limits = dict(LIMITS)
    for name in map(str, store.catalogue.columns):
        if name.startswith("mag_"):
            limits[name] = MAGNITUDE_ERROR if name.startswith("mag_err_") else MAGNITUDE
    for name, (low, high) in limits.items():
        if name not in store.catalogue:
            continue
        values = store.catalogue[name].to_numpy(np.float64)
        bad = np.flatnonzero(np.isinf(values) | (values < low) | (values > high))
        if len(bad):
            yield Fault(
                KINDS.get(name, "magnitude"),
                (name.rpartition("_")[2],) if name.startswith("mag_") else (),
                f"{name} is {_listed(values[bad])}, which cannot be: {len(bad)} galaxies, the first is"
                f" {named(store, bad[0])}; ingest again with these as missing values.",
            )


def _codes(store: CutoutStore) -> Iterator[Fault]:
    """Find redshifts that could be, but repeat as a code for "no value" does."""
    low, high = LIMITS["z"]
    found = suspicious_redshifts(store.catalogue["z"].to_numpy(np.float64))
    for value, n in found.items():
        if low <= value <= high:
            yield Fault(
                "redshift",
                (),
                f"z is {value:.6g} in {n} galaxies, which looks like a code for 'no value'; if it is one, ingest again"
                f" with ingest.missing=[{value:.6g}].",
            )


def _ids(store: CutoutStore) -> Iterator[Fault]:
    """Find ids that stand for several galaxies, or are empty."""
    ids = store.catalogue["object_id"].astype(str)
    empty = int((ids == "").sum())
    if empty:
        yield Fault("id", (), f"{empty} galaxies have no object_id; number them: ingest.columns.object_id=null.")
    repeated = ids[ids.duplicated(keep=False) & (ids != "")]
    if len(repeated):
        name = repeated.iloc[0]
        rows = np.flatnonzero(ids == name)
        yield Fault(
            "id",
            (),
            f"{len(repeated)} galaxies share their object_id with another, the first is {name} (rows {rows[0]} and"
            f" {rows[1]}); keep one row of each, or number them.",
        )


def _listed(values: ArrayLike, most: int = 4) -> str:
    """Return the different values, the most frequent first: "99 or inf"."""
    distinct, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
    ordered: NDArray[np.float64] = distinct[np.argsort(-counts, kind="stable")]
    text = " or ".join(f"{value:.6g}" for value in ordered[:most])
    return text + (" …" if len(ordered) > most else "")
