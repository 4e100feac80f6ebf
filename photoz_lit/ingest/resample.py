"""Resample a piece of an image to a stamp's grid, flux kept.

Cubic splines interpolate the surface brightness, and the ratio of the pixel areas turns it into flux per stamp pixel.
An image finer than the stamp is interpolated on a finer grid, whose pixels are added up. For images sampled as well as
survey coadds are, this agrees with ``reproject`` (see the tests) at a fraction of its time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MARGIN = 10  # image pixels around a stamp's own, beyond which a spline's memory is below 1e-5
_BAD_SHARE = 0.01  # a stamp pixel with more than this share of missing pixels under it is missing


def resample_stamp(
    image: NDArray[np.float32],
    bad: NDArray[np.bool_] | None,
    centre: NDArray[np.float64],
    jacobian: NDArray[np.float64],
    size: int,
) -> NDArray[np.float32]:
    """Return a stamp centred on a position.

    Parameters
    ----------
    image : piece of the image around the stamp, (height, width).
    bad : its pixels without data, or None where all are good; their values do not matter.
    centre : x, y of the stamp's centre in the piece [pixel].
    jacobian : d(x, y) / d(column, row of the stamp), (2, 2).
    size : height and width of the stamp [pixel].

    Returns
    -------
    (size, size) flux; NaN outside of the piece and where pixels are bad.
    """
    area = abs(float(np.linalg.det(jacobian)))
    # One sample per stamp pixel suffices up to a ratio of 1.25; beyond, samples would leave image pixels out.
    oversampling = max(1, int(np.ceil(np.sqrt(area) - 0.25)))
    matrix = jacobian[::-1, ::-1] / oversampling  # scipy counts rows first
    last = size * oversampling - 1
    offset = centre[::-1] - matrix @ np.full(2, last / 2.0)
    shape = (last + 1, last + 1)
    good = image if bad is None else np.where(bad, np.float32(0.0), image)
    fine = ndimage.affine_transform(good, matrix, offset, shape, np.float32, order=3, mode="constant", cval=np.nan)
    if bad is not None:
        share = ndimage.affine_transform(bad.astype(np.float32), matrix, offset, shape, order=1, mode="nearest")
        fine[share > _BAD_SHARE] = np.nan
    if oversampling > 1:
        fine = fine.reshape(size, oversampling, size, oversampling).mean(axis=(1, 3))
    return np.asarray(fine * np.float32(area), np.float32)
