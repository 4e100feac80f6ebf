"""Continue an image smoothly into pixels that are unknown, so that a spline through the known ones does not ring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import linalg, ndimage, sparse
from scipy.sparse.linalg import spsolve
from scipy.special import binom

RIM = 4  # pixels into an unknown region that are solved for; a spline's memory of those deeper is below 1 %
_PULL = 1e-3  # weight of the nearest known value beside the differences; decides where they leave a pixel open
_DENSE = 300  # unknown pixels up to which a dense matrix is faster than a sparse one

Floats = NDArray[np.float64]


def continued(image: Floats, unknown: NDArray[np.bool_], orders: Sequence[int]) -> list[Floats]:
    """Return an image whose unknown pixels make its differences along rows and columns least, for each order of them.

    Across a gap this is the spline of degree 2 ``order`` − 1 through the known pixels on both sides; at the rim of a
    wide region it is the polynomial of degree ``order`` − 1 through the last known ones.

    Parameters
    ----------
    image : (height, width); the values of unknown pixels do not matter.
    unknown : (height, width); some pixel must be known, and some not.
    orders : of the differences.
    """
    # A difference that holds an unknown pixel reaches no farther than ``order`` pixels beside it.
    box = tuple(
        slice(max(0, side.start - max(orders)), side.stop + max(orders))
        for side in ndimage.find_objects(unknown.astype(np.int8))[0]
    )
    piece, lost = image[box], unknown[box]
    nearest = ndimage.distance_transform_edt(lost, return_distances=False, return_indices=True)
    start = piece[tuple(nearest)]
    rim = lost & ndimage.binary_dilation(~lost, np.ones((3, 3), bool), RIM)
    deep = lost & ~rim
    inward = ndimage.distance_transform_edt(deep, return_distances=False, return_indices=True) if deep.any() else None
    out = []
    for order in orders:
        solved = start.copy()
        solved[rim] = _least_differences(start, rim, deep, order)
        if inward is not None:
            solved[deep] = solved[tuple(inward)][deep]
        whole = image.copy()
        whole[box] = solved
        out.append(whole)
    return out


def _least_differences(start: Floats, rim: NDArray[np.bool_], deep: NDArray[np.bool_], order: int) -> Floats:
    """Return the values of the rim's pixels, in their order, that make the differences least; deep pixels stay out."""
    count = int(rim.sum())
    number = np.full(rim.shape, -1)
    number[rim] = np.arange(count)
    kernel = binom(order, np.arange(order + 1)) * (-1.0) ** np.arange(order + 1)
    known = np.where(rim, 0.0, start)
    rows, columns, values = [np.arange(count)], [np.arange(count)], [np.full(count, _PULL**2)]
    right = start[rim] * _PULL**2
    for axis in (0, 1):
        if rim.shape[axis] <= order:
            continue
        stencils = sliding_window_view(number, order + 1, axis)
        used = (stencils >= 0).any(-1) & ~sliding_window_view(deep, order + 1, axis).any(-1)
        members = stencils[used]
        constant = sliding_window_view(known, order + 1, axis)[used] @ kernel
        free = members >= 0
        right -= np.bincount(members[free], (constant[:, None] * kernel)[free], count)
        # The normal equations: every pair of unknown pixels of a difference meets once.
        pairs = free[:, :, None] & free[:, None, :]
        rows.append(np.broadcast_to(members[:, :, None], pairs.shape)[pairs])
        columns.append(np.broadcast_to(members[:, None, :], pairs.shape)[pairs])
        values.append(np.broadcast_to(np.outer(kernel, kernel), pairs.shape)[pairs])
    row, column, value = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
    if count <= _DENSE:
        matrix = np.bincount(row * count + column, value, count**2).reshape(count, count)
        return np.asarray(linalg.solve(matrix, right, assume_a="pos"))
    return np.asarray(spsolve(sparse.csc_matrix((value, (row, column)), (count, count)), right))
