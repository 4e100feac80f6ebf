"""Matching catalogues on the sky."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy import units
from astropy.coordinates import SkyCoord, search_around_sky
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def _sky(ra: ArrayLike, dec: ArrayLike) -> SkyCoord:
    return SkyCoord(np.asarray(ra, np.float64), np.asarray(dec, np.float64), unit=units.deg)


def match_sky(
    ra: ArrayLike, dec: ArrayLike, other_ra: ArrayLike, other_dec: ArrayLike, radius: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair the objects of two catalogues that are each other's nearest neighbour within a radius.

    Parameters
    ----------
    ra, dec : (N,) [deg]; rows without a finite position match nothing.
    other_ra, other_dec : (M,) [deg].
    radius : largest separation [arcsec].

    Returns
    -------
    Row numbers in the first and in the second catalogue, (n_pairs,) each, in the order of the first.
    """
    first = np.flatnonzero(np.isfinite(np.asarray(ra, float)) & np.isfinite(np.asarray(dec, float)))
    second = np.flatnonzero(np.isfinite(np.asarray(other_ra, float)) & np.isfinite(np.asarray(other_dec, float)))
    if not len(first) or not len(second):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    sky = _sky(np.asarray(ra)[first], np.asarray(dec)[first])
    other = _sky(np.asarray(other_ra)[second], np.asarray(other_dec)[second])
    forward, separation, _ = sky.match_to_catalog_sky(other)
    backward, _, _ = other.match_to_catalog_sky(sky)
    mutual = (separation <= radius * units.arcsec) & (backward[forward] == np.arange(len(first)))
    return first[mutual], second[forward[mutual]]


def same_object(object_id: ArrayLike, ra: ArrayLike, dec: ArrayLike, radius: float) -> NDArray[np.int64]:
    """Number the objects of a list in which one object may stand several times.

    Two rows are one object when they share a non-empty ``object_id`` or lie within ``radius`` of each other;
    chains of neighbours are one object too, so that no object can be counted twice.

    Parameters
    ----------
    object_id : (N,) strings.
    ra, dec : (N,) [deg], may be NaN.
    radius : [arcsec].

    Returns
    -------
    (N,) the number of the object each row stands for.
    """
    ids = pd.Series(np.asarray(object_id, object)).astype(str)
    n = len(ids)
    codes = pd.factorize(ids)[0].astype(np.int64)
    named = np.flatnonzero((ids != "").to_numpy())
    first_of_code = np.full(codes.max(initial=-1) + 1, -1, np.int64)
    first_of_code[codes[named][::-1]] = named[::-1]
    links = [np.stack([named, first_of_code[codes[named]]])]
    placed = np.flatnonzero(np.isfinite(np.asarray(ra, float)) & np.isfinite(np.asarray(dec, float)))
    if len(placed) > 1:
        sky = _sky(np.asarray(ra)[placed], np.asarray(dec)[placed])
        left, right, _, _ = search_around_sky(sky, sky, radius * units.arcsec)
        links.append(np.stack([placed[left], placed[right]]))
    rows, columns = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
