"""Objects that stand in a store more than once: by position, or by identical pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.store import CutoutStore
from photoz_lit.ingest.inspection.faults import Fault
from photoz_lit.ingest.inspection.measure import Measurements
from photoz_lit.sky_matching import SkyIndex

RADIUS = 1.0  # arcsec
AGREEMENT = 0.005  # |Δz| / (1 + z) beyond which two redshifts of one object contradict each other


@dataclass(frozen=True)
class Repeats:
    """Pairs of rows that are one object, or that lie as near as if they were.

    Attributes
    ----------
    close : pairs within 1 arcsec with the same redshift: one object, (n, 2) rows.
    neighbours : other pairs within 1 arcsec, whose redshifts differ or are unknown, (l, 2) rows.
    identical : pairs of neighbours among rows with the same pixels, (m, 2) rows.
    contradicting : of them those whose redshifts differ, (k, 2) rows.
    """

    close: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    identical: NDArray[np.int64]
    contradicting: NDArray[np.int64]


def find_repeats(store: CutoutStore, measurements: Measurements) -> Repeats:
    """Find the pairs of a store."""
    close = SkyIndex(store.catalogue["ra"], store.catalogue["dec"]).pairs(RADIUS)
    identical = identical_pairs(measurements)
    z = store.catalogue["z"].to_numpy(float)
    same = _difference(z, close) <= AGREEMENT
    return Repeats(close[same], close[~same], identical, identical[_difference(z, identical) > AGREEMENT])


def _difference(z: NDArray[np.float64], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return |Δz| / (1 + z) of pairs, NaN where one of the two has no redshift."""
    first, second = z[pairs[:, 0]], z[pairs[:, 1]]
    return np.asarray(np.abs(first - second) / (1.0 + np.minimum(first, second)))


def identical_pairs(measurements: Measurements) -> NDArray[np.int64]:
    """Return pairs of rows whose central pixels are the same in all bands; blank and constant stamps do not count."""
    usable = np.flatnonzero(~measurements.constant.all(axis=1))
    order = usable[np.argsort(measurements.checksum[usable], kind="stable")]
    same = measurements.checksum[order[1:]] == measurements.checksum[order[:-1]]
    same &= np.all(measurements.flux[order[1:]] == measurements.flux[order[:-1]], axis=1)
    return np.sort(np.stack([order[:-1][same], order[1:][same]], axis=1).astype(np.int64), axis=1)


def repeat_faults(store: CutoutStore, repeats: Repeats) -> list[Fault]:
    """Return what is wrong with the pairs."""
    ids, z = store.catalogue["object_id"], store.catalogue["z"]
    sentences = {
        "redshift": (repeats.contradicting, "of one object have different redshifts", "keep the better label"),
        "close": (
            repeats.close,
            f"lie within {RADIUS:g} arcsec of each other and have the same redshift",
            "if they are one object, drop one of each; they will share a fold",
        ),
        "neighbour": (
            repeats.neighbours,
            f"are neighbours within {RADIUS:g} arcsec, whose redshifts differ or are unknown",
            "they will share a fold",
        ),
        "identical": (repeats.identical, "of rows have the same pixels", "drop one of each"),
    }
    faults = []
    for name, (pairs, what, remedy) in sentences.items():
        if len(pairs):
            with_z = name in ("redshift", "neighbour")
            a, b = (f"{ids.iloc[k]}{_shown(float(z.iloc[k])) if with_z else ''}" for k in pairs[0])
            sentence = f"{len(pairs)} pairs {what}, the first are object_id {a} and {b}; {remedy}."
            faults.append(Fault(name if name in ("redshift", "neighbour") else "repeat", (), sentence))
    return faults


def _shown(z: float) -> str:
    return f" (z={z:.4f})" if np.isfinite(z) else " (no z)"


def label_counts(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Return per label source: number, smallest, median and largest redshift; unlabelled galaxies come last."""
    labelled = catalogue[np.isfinite(catalogue["z"])]
    source = labelled["z_source"].replace("", "(no source)")
    rows = [
        {"source": name, "n": len(z), "z_min": z.min(), "z_median": z.median(), "z_max": z.max()}
        for name, z in labelled.groupby(source)["z"]
    ]
    rows.sort(key=lambda row: -int(row["n"]))
    unlabelled = len(catalogue) - len(labelled)
    if unlabelled:
        rows.append({"source": "(unlabelled)", "n": unlabelled, "z_min": np.nan, "z_median": np.nan, "z_max": np.nan})
    return pd.DataFrame(rows, columns=["source", "n", "z_min", "z_median", "z_max"])
