"""Which pixels of an image are unknown, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from photoz_lit.ingest.source import StampFlag

#: Why a pixel can be unknown; where several hold, the first one counts.
REASONS = (StampFlag.EDGE, StampFlag.GAP, StampFlag.SATURATED, StampFlag.MASKED)
#: Planes of the HSC and LSST pipelines' masks whose pixels hold no flux; the others describe pixels that do.
UNKNOWN_PLANES = ("BAD", "SAT", "NO_DATA", "UNMASKEDNAN")

_HUGE = 1e29  # SExtractor and SWarp write ±1e30 where there are no data
BLOCK = 4  #: connected exact zeros from which they are no measurement
_LARGE_BLOCK = (16, 16)  # the same where zero is a value as others are: integer counts
_RING = 0.05  # of the noise; pixels around a block that are fainter fade into zero: an image without noise


def unknown_pixels(
    image: NDArray[Any],
    weight: NDArray[Any] | None = None,
    masked: NDArray[np.bool_] | None = None,
    saturation: float = np.inf,
) -> NDArray[np.uint8]:
    """Return why each pixel is unknown, as a value of :data:`REASONS`; 0 where it is known.

    Parameters
    ----------
    image : (height, width) flux.
    weight : of the same shape; a pixel whose weight is not above 0 has no data.
    masked : of the same shape.
    saturation : flux from which a pixel is saturated.
    """
    reason = np.zeros(image.shape, np.uint8)
    if masked is not None:
        reason[masked] = StampFlag.MASKED
    if np.isfinite(saturation):
        reason[image >= saturation] = StampFlag.SATURATED
    with np.errstate(invalid="ignore"):
        blank = ~(np.abs(image) < _HUGE)
        if weight is not None:
            blank |= ~(weight > 0)
    reason[blank | zero_blocks(image, blank)] = StampFlag.GAP
    return reason


def zero_blocks(image: NDArray[Any], blank: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the exact zeros that hang together and mean that nothing was measured.

    A block of zeros in a noisy image is a gap, an edge or a dead column. Single zeros are values as others are. Where
    zero is an ordinary value (integer counts, coarse rounding) small blocks of it are so by chance, and where it is the
    commonest by far (few photons) large ones too. The zeros of an image without noise are its sky: the sources beside
    them fade into zero.

    Parameters
    ----------
    image : (height, width).
    blank : pixels that have no data anyhow.
    """
    zero = (image == 0) & ~blank
    none = np.zeros(image.shape, bool)
    if int(zero.sum()) < BLOCK:
        return none
    known = ~zero & ~blank
    bends = np.abs(np.diff(image, n=2, axis=1))[known[:, 2:] & known[:, 1:-1] & known[:, :-2]]
    noise = float(np.median(bends)) if len(bends) else 0.0
    if _is_ordinary_zero(image[known], noise):
        large = ndimage.binary_opening(zero, np.ones(_LARGE_BLOCK, bool))
        if np.mean(zero[~large & ~blank]) > 0.5:
            return none
        block: NDArray[np.bool_] = ndimage.binary_propagation(large, mask=zero)
    else:
        labels, _ = ndimage.label(zero, np.ones((3, 3), bool))
        block = zero & (np.bincount(labels.ravel())[labels] >= BLOCK)
    around = ndimage.binary_dilation(block, np.ones((3, 3), bool)) & known
    fades = around.any() and float(np.median(np.abs(image[around]))) <= _RING * noise
    return none if fades else block


def _is_ordinary_zero(values: NDArray[Any], noise: float) -> bool:
    """Whether the values (n,) beside zero come in steps and reach to zero within the noise."""
    if not len(values) or len(np.unique(values)) > 0.5 * len(values):
        return False
    size = np.abs(values)
    return bool(np.mean(size <= max(noise, float(size.min()))) > 0.01)


def reasons_at(
    reason: NDArray[np.uint8], centre: NDArray[np.float64], jacobian: NDArray[np.float64], size: int
) -> NDArray[np.uint8]:
    """Return for each pixel of a stamp why the nearest unknown pixel of the image is so, (size, size).

    Parameters
    ----------
    reason : see :func:`unknown_pixels`; some pixel must be unknown.
    centre, jacobian : of the stamp, see :func:`~photoz_lit.ingest.resample.resample_stamp`.
    size : of the stamp [pixel].
    """
    at = np.arange(size) - (size - 1) / 2.0
    columns, rows = np.meshgrid(at, at)
    x, y = centre[:, None] + jacobian @ np.stack([columns.ravel(), rows.ravel()])
    height, width = reason.shape
    place = np.clip(np.rint(y), 0, height - 1).astype(int), np.clip(np.rint(x), 0, width - 1).astype(int)
    nearest = ndimage.distance_transform_edt(reason == 0, return_distances=False, return_indices=True)
    return np.asarray(reason[tuple(nearest)][place].reshape(size, size))


def count_reasons(reason: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return how many pixels of each stamp are unknown by which of :data:`REASONS`, (n, reasons).

    Parameters
    ----------
    reason : (n, height, width).
    """
    return np.stack([np.count_nonzero(reason == int(flag), axis=(1, 2)) for flag in REASONS], axis=-1)
