"""Stamps that can be measured: those of a sample, or all of a store."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photoz_lit.data.store import CutoutStore


class Stamps(Protocol):
    """Square stamps of galaxies in linear flux; a :class:`~photoz_lit.data.sample.Sample` is one."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Names, in the order of the image's channel axis."""

    @property
    def stamp_size(self) -> int:
        """Height and width [pixel]."""

    @property
    def pixel_scale(self) -> float:
        """Side of a pixel [arcsec]."""

    @property
    def zero_points(self) -> NDArray[np.float64]:
        """AB magnitude of a flux of 1, (bands,)."""

    def flux(self, galaxies: NDArray[np.int64]) -> NDArray[np.float32]:
        """Linear flux of some galaxies, (n, bands, stamp_size, stamp_size)."""


class StampsOfStore:
    """All galaxies and bands of a store in its own flux unit; stamps that are not square are cut to squares.

    Damaged blocks are read as they are.
    """

    def __init__(self, store: CutoutStore) -> None:
        header = store.header
        self.bands, self.pixel_scale = header.bands, header.pixel_scale
        self.stamp_size = min(header.height, header.width)
        self.zero_points = np.array([header.zero_points[band] for band in header.bands])
        top, left = (header.height - self.stamp_size) // 2, (header.width - self.stamp_size) // 2
        self._store = store
        self._square = (..., slice(top, top + self.stamp_size), slice(left, left + self.stamp_size))

    def flux(self, galaxies: NDArray[np.int64]) -> NDArray[np.float32]:
        """Linear flux of some galaxies, (n, bands, stamp_size, stamp_size)."""
        return np.array(self._store.images[galaxies][self._square], np.float32)
