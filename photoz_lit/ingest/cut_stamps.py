"""Stamps that an archive has cut already: what is unknown of their pixels, and a common size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.ingest.bad_pixels import BLOCK, unknown_pixels
from photoz_lit.ingest.source import StampFlag, Stamps, centre_crop


def judged(
    images: NDArray[Any],
    masked: NDArray[np.bool_] | None = None,
    weight: NDArray[Any] | None = None,
    near: float = 0.0,
) -> Stamps:
    """Return stamps as native float32; what is unknown of their pixels is NaN, flagged and counted by reason.

    Unknown are pixels that are not finite, masked, of a weight that is not above 0, or in a block of exact zeros.

    Parameters
    ----------
    images : (n, bands, height, width) of any type and byte order; float32 may be changed in place, to save memory.
    masked, weight : of the same shape.
    near : a masked pixel as near as that to the centre flags the galaxy [pixel].
    """
    pixels = np.asarray(images, dtype=np.float32, order="C")
    if not pixels.flags.writeable:
        pixels = pixels.copy()
    reason = np.zeros(pixels.shape, np.uint8)
    suspect = ~np.all(np.isfinite(pixels), axis=(2, 3)) | (np.count_nonzero(pixels == 0, axis=(2, 3)) >= BLOCK)
    if masked is not None:
        suspect |= np.any(masked, axis=(2, 3))
    if weight is not None:
        suspect |= ~np.all(weight > 0, axis=(2, 3))
    empty = np.all(pixels == 0, axis=(2, 3))  # quickly: an archive may lack a band of many galaxies
    reason[empty] = StampFlag.GAP
    for galaxy, band in np.argwhere(suspect & ~empty):
        reason[galaxy, band] = unknown_pixels(
            pixels[galaxy, band],
            None if weight is None else weight[galaxy, band],
            None if masked is None else masked[galaxy, band],
        )
    pixels[reason > 0] = np.nan
    count = {flag: np.count_nonzero(reason == int(flag), axis=(1, 2, 3)) for flag in (StampFlag.GAP, StampFlag.MASKED)}
    flags = np.where(count[StampFlag.GAP] + count[StampFlag.MASKED] > 0, int(StampFlag.GAP), 0)
    flags |= np.where(np.any(np.all(reason > 0, axis=(2, 3)), axis=1), int(StampFlag.NO_BAND), 0)
    if masked is not None:
        close = np.any((reason == int(StampFlag.MASKED)) & _centre(pixels.shape[2:], near), axis=(1, 2, 3))
        flags |= np.where(close, int(StampFlag.MASKED), 0)
    share = {str(f.name).lower(): (n / max(1, pixels[:1].size)).astype(np.float32) for f, n in count.items()}
    return Stamps(pixels, flags.astype(np.int64), share if masked is not None else {"gap": share["gap"]})


def _centre(shape: tuple[int, ...], radius: float) -> NDArray[np.bool_]:
    """Return which pixels of a stamp lie within a radius [pixel] of its centre."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    return np.asarray(np.hypot(*np.meshgrid(x, y)) <= max(radius, np.sqrt(0.5)))


def common_crops(
    shapes: Sequence[tuple[int, int]], size: int | None, names: Sequence[str]
) -> list[tuple[slice, slice]]:
    """Return the central pixels of each file's stamps, all of one size.

    Parameters
    ----------
    shapes : height and width of each file's stamps.
    size : height and width that are wanted; None keeps them all.
    names : of the files, for the sentence.

    Raises
    ------
    InputError : a file's stamps are smaller, or nothing is wanted and they differ.
    """
    crops = [centre_crop(*shape, size, name) for shape, name in zip(shapes, names, strict=True)]
    for shape, name in zip(shapes, names, strict=True):
        if size is None and shape != shapes[0]:
            raise InputError(
                f"{name} has stamps of {shape} pixels and {names[0]} of {shapes[0]}; ingest apart, or cut all to one"
                f" size: ingest.stamp_size={min(min(s) for s in shapes)}."
            )
    return crops
