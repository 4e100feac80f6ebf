"""Resample a piece of an image to a stamp's grid, flux kept.

Cubic splines interpolate the surface brightness, and the ratio of the pixel areas turns it into flux per stamp pixel.
An image finer than the stamp is interpolated on a finer grid, whose pixels are added up. For images sampled as well as
survey coadds are, this agrees with ``reproject`` (see the tests) at a fraction of its time.

A spline's value depends on all pixels around, less by a factor of 0.27 with every pixel of distance. Unknown pixels are
therefore replaced by a smooth continuation of the known ones, in two ways: where the two lead to values that differ by
more than the noise, the stamp is unknown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from photoz_lit.ingest.inpaint import continued

MARGIN = 10  # image pixels around a stamp's own, beyond which a spline's memory is below 1e-5
_BAD_SHARE = 0.01  # a stamp pixel with more than this share of unknown pixels under it is unknown
_ORDERS = (4, 3)  # of the two continuations; the first one is used
# Largest difference between the two: of the noise, of the pixel itself, and of the piece's brightest (rounding).
_PER_NOISE, _PER_VALUE, _PER_PEAK = 1.0, 1e-4, 1e-7


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
    bad : its unknown pixels, or None where all are known; their values do not matter.
    centre : x, y of the stamp's centre in the piece [pixel].
    jacobian : d(x, y) / d(column, row of the stamp), (2, 2).
    size : height and width of the stamp [pixel].

    Returns
    -------
    (size, size) flux; NaN outside of the piece and where it depends on unknown pixels.
    """
    area = abs(float(np.linalg.det(jacobian)))
    # One sample per stamp pixel suffices up to a ratio of 1.25; beyond, samples would leave image pixels out.
    oversampling = max(1, int(np.ceil(np.sqrt(area) - 0.25)))
    matrix = jacobian[::-1, ::-1] / oversampling  # scipy counts rows first
    last = size * oversampling - 1
    offset = centre[::-1] - matrix @ np.full(2, last / 2.0)
    shape = (last + 1, last + 1)

    def interpolated(piece: NDArray[np.generic], order: int, mode: str) -> NDArray[np.float64]:
        return np.asarray(
            ndimage.affine_transform(piece, matrix, offset, shape, np.float64, order=order, mode=mode, cval=np.nan)
        )

    if bad is None:
        fine = interpolated(image, 3, "constant")
    elif bad.all():
        return np.full((size, size), np.nan, np.float32)
    else:
        used, other = continued(image.astype(np.float64), bad, _ORDERS)
        fine = interpolated(used, 3, "constant")
        doubt = ndimage.maximum_filter(np.abs(interpolated(used - other, 3, "nearest")), 3)
        peak = float(np.abs(image[~bad]).max())
        allowed = _PER_NOISE * pixel_noise(image, bad) + _PER_VALUE * np.abs(fine) + _PER_PEAK * peak
        under = interpolated(bad.astype(np.float32), 1, "nearest")
        fine[(under > _BAD_SHARE) | (doubt > allowed)] = np.nan
    if oversampling > 1:
        fine = fine.reshape(size, oversampling, size, oversampling).mean(axis=(1, 3))
    return np.asarray(fine * area, np.float32)


def pixel_noise(image: NDArray[np.float32], bad: NDArray[np.bool_]) -> float:
    """Return the noise of a pixel, from the third differences along rows, in which smooth light cancels.

    It is not less than that of rounding, step / √12, where the values come in steps; 0 where too few are known.

    Parameters
    ----------
    image, bad : (height, width).
    """
    known = ~(bad[:, 3:] | bad[:, 2:-1] | bad[:, 1:-2] | bad[:, :-3])
    differences = np.abs(np.diff(image, n=3, axis=1)[known])
    if len(differences) < 20:
        return 0.0
    step = float(differences[differences > 0].min(initial=np.inf))
    rounding = step / np.sqrt(12.0) if np.isfinite(step) else 0.0
    return float(max(1.4826 * np.median(differences) / np.sqrt(20.0), rounding))
