"""Continue an image smoothly into pixels that are unknown, so that a spline through the known ones does not ring."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve
from scipy.special import binom

RIM = 4  # pixels into an unknown region that are solved for; a spline's memory of those deeper is below 1 %
_PULL = 1e-3  # weight of the nearest known value beside the differences; decides where they leave a pixel open


def continued(image: NDArray[np.float64], unknown: NDArray[np.bool_], order: int) -> NDArray[np.float64]:
    """Return an image whose unknown pixels make its differences along rows and columns least.

    Across a gap this is the spline of degree 2 ``order`` − 1 through the known pixels on both sides; at the rim of a
    wide region it is the polynomial of degree ``order`` − 1 through the last known ones.

    Parameters
    ----------
    image : (height, width); the values of unknown pixels do not matter.
    unknown : (height, width); some pixel must be known, and some not.
    order : of the differences.
    """
    out = image.copy()
    # A difference that holds an unknown pixel reaches no farther than ``order`` pixels beside it.
    box = tuple(
        slice(max(0, side.start - order), side.stop + order)
        for side in ndimage.find_objects(unknown.astype(np.int8))[0]
    )
    out[box] = _solved(image[box], unknown[box], order)
    return out


def _solved(image: NDArray[np.float64], unknown: NDArray[np.bool_], order: int) -> NDArray[np.float64]:
    """Solve for the rim of the unknown pixels; see :func:`continued`."""
    out = image.copy()
    nearest = ndimage.distance_transform_edt(unknown, return_distances=False, return_indices=True)
    out[unknown] = image[tuple(nearest)][unknown]
    rim = unknown & ndimage.binary_dilation(~unknown, np.ones((3, 3), bool), RIM)
    count = int(rim.sum())
    number = np.full(image.shape, -1)
    number[rim] = np.arange(count)
    kernel = binom(order, np.arange(order + 1)) * (-1.0) ** np.arange(order + 1)
    matrix = sparse.identity(count, format="csr") * _PULL**2
    right = out[rim] * _PULL**2
    known = np.where(rim, 0.0, out)
    deep = unknown & ~rim
    for axis in (0, 1):
        if image.shape[axis] <= order:
            continue
        stencils = sliding_window_view(number, order + 1, axis)
        used = (stencils >= 0).any(-1) & ~sliding_window_view(deep, order + 1, axis).any(-1)
        columns = stencils[used]
        constant = sliding_window_view(known, order + 1, axis)[used] @ kernel
        equations = np.broadcast_to(np.arange(len(columns))[:, None], columns.shape)
        free = columns >= 0
        values = np.broadcast_to(kernel, columns.shape)[free]
        part = sparse.csr_matrix((values, (equations[free], columns[free])), (len(columns), count))
        matrix = matrix + part.T @ part
        right = right - part.T @ constant
    out[rim] = spsolve(matrix.tocsc(), right)
    if deep.any():
        nearest = ndimage.distance_transform_edt(deep, return_distances=False, return_indices=True)
        out[deep] = out[tuple(nearest)][deep]
    return out
