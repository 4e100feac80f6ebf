"""Galaxies of two fields paired by magnitude, so that a difference between the fields is none of their populations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError

BIN = 0.1  # mag


def matched_rows(
    magnitude_a: ArrayLike, magnitude_b: ArrayLike, seed: int = 0, names: tuple[str, str] = ("first", "second")
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return as many rows of both fields with the same distribution of magnitude in bins of 0.1 mag.

    From every bin each field gives as many galaxies as the field with fewer has there, drawn at random.

    Parameters
    ----------
    magnitude_a, magnitude_b : [AB], (n,) and (m,); NaN takes no part.
    seed : of the draw.
    names : of the fields, for the error's sentence.

    Raises
    ------
    InputError : no bin has galaxies of both.
    """
    a, b = np.asarray(magnitude_a, np.float64), np.asarray(magnitude_b, np.float64)
    for values, name in ((a, names[0]), (b, names[1])):
        if not np.isfinite(values).any():
            raise InputError(f"{name} has no galaxy with a magnitude; fields are compared at the same magnitude.")
    bins = [np.where(np.isfinite(v), np.floor(np.nan_to_num(v) / BIN), np.nan) for v in (a, b)]
    random = np.random.default_rng(seed)
    rows: tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]] = ([], [])
    for bin_ in np.intersect1d(bins[0], bins[1]):
        members = [np.flatnonzero(values == bin_) for values in bins]
        fewer = min(map(len, members))
        for chosen, member in zip(rows, members, strict=True):
            chosen.append(random.choice(member, fewer, replace=False))
    if not rows[0]:
        ranges = [
            f"{name} from {np.nanmin(v):.2f} to {np.nanmax(v):.2f}" for v, name in zip((a, b), names, strict=True)
        ]
        raise InputError(
            f"no magnitude has galaxies of both fields ({' and '.join(ranges)}); give fields that overlap."
        )
    return np.sort(np.concatenate(rows[0])), np.sort(np.concatenate(rows[1]))
