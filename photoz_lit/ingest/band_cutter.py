"""Cut the stamps of one band out of its tiles: the best tile first, what it lacks from the others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from photoz_lit.ingest.bad_pixels import count_reasons
from photoz_lit.ingest.source import StampFlag
from photoz_lit.ingest.stamp_geometry import LocalGrid, local_grid
from photoz_lit.ingest.tile import CutStamp, Tile, TileReader
from photoz_lit.sky_matching import unit_vectors

OPEN_TILES = 16  # files kept open per band
_RUN_GAP = 64  # rows; windows no farther apart are decoded together


@dataclass(frozen=True)
class Piece:
    """Galaxies that one tile serves as their ``rank``-th best.

    Attributes
    ----------
    rank : 0 for the tile in which the galaxies' stamps lie deepest.
    tile : its number.
    galaxies : which galaxies, (n,).
    margin : how far their stamps stay inside, (n,) [image pixel].
    grid : where the stamps lie.
    """

    rank: int
    tile: int
    galaxies: NDArray[np.int64]
    margin: NDArray[np.float64]
    grid: LocalGrid


@dataclass(frozen=True)
class BandStamps:
    """Stamps of one band.

    Attributes
    ----------
    images : (n, size, size); NaN where a pixel is unknown.
    near : (n,) flags of masked and saturated pixels near the galaxy.
    unknown : (n, reasons) how many pixels are unknown, by :data:`~photoz_lit.ingest.bad_pixels.REASONS`.
    """

    images: NDArray[np.float32]
    near: NDArray[np.int64]
    unknown: NDArray[np.int64]


class BandCutter:
    """Cuts the stamps of one band.

    Parameters
    ----------
    tiles : of the band; the first one's zero point is the band's.
    size : of the stamps [pixel].
    pixel_scale : of the stamps [arcsec / pixel].
    flag_radius : a masked or saturated pixel as near as that flags a galaxy [arcsec].
    """

    def __init__(self, tiles: Sequence[Tile], size: int, pixel_scale: float, flag_radius: float) -> None:
        self.tiles = tiles
        self.size = size
        self.pixel_scale = pixel_scale
        self.flag_radius = flag_radius
        self.zero_point = tiles[0].zero_point
        self._readers: OrderedDict[int, TileReader] = OrderedDict()

    @property
    def reach(self) -> float:
        """Half diagonal of a stamp [arcsec]."""
        return float(self.size * self.pixel_scale * np.sqrt(0.5))

    def cut(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> BandStamps:
        """Cut the stamps at some positions.

        Parameters
        ----------
        ra, dec : ICRS positions [deg], (n,).
        """
        images = np.full((len(ra), self.size, self.size), np.nan, np.float32)
        reason = np.full(images.shape, int(StampFlag.EDGE), np.uint8)  # until a tile holds the pixel
        near = np.zeros(len(ra), np.int64)
        for piece in self._pieces(ra, dec):
            todo = np.flatnonzero(np.isnan(images[piece.galaxies]).any(axis=(1, 2)))
            galaxies = piece.galaxies[todo]
            for position, stamp in self._stamps(piece.tile, piece.grid.take(todo)):
                galaxy = galaxies[position]
                missing = np.isnan(images[galaxy])
                images[galaxy][missing] = stamp.image[missing]
                # A tile that holds the pixel knows better why it is unknown than one that ends before it.
                wiser = missing & (stamp.reason != int(StampFlag.EDGE))
                reason[galaxy][wiser] = stamp.reason[wiser]
                near[galaxy] |= stamp.near
        return BandStamps(images, near, count_reasons(reason))

    def _pieces(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> list[Piece]:
        """Return which tile serves which galaxies, by rank."""
        vectors = unit_vectors(ra, dec)
        found: list[Piece] = []
        margins = np.full((len(self.tiles), len(ra)), -np.inf)
        for number, tile in enumerate(self.tiles):
            near = tile.near(vectors, self.reach)
            if not len(near):
                continue
            grid = local_grid(tile.wcs, ra[near], dec[near], self.pixel_scale)
            margin = tile.margin(grid, self.size)
            touches = np.flatnonzero(margin > -2.0 * grid.half_extent(self.size).max(axis=1))
            margins[number, near[touches]] = margin[touches]
            found.append(Piece(0, number, near[touches], margin[touches], grid.take(touches)))
        rank = np.argsort(np.argsort(-margins, axis=0, kind="stable"), axis=0)
        pieces = []
        for piece in found:
            ranks = rank[piece.tile, piece.galaxies]
            for value in np.unique(ranks):
                chosen = np.flatnonzero(ranks == value)
                pieces.append(
                    Piece(int(value), piece.tile, piece.galaxies[chosen], piece.margin[chosen], piece.grid.take(chosen))
                )
        return sorted(pieces, key=lambda piece: piece.rank)

    def _stamps(self, number: int, grid: LocalGrid) -> Iterator[tuple[int, CutStamp]]:
        """Yield the stamps of some positions that a tile holds a part of, scaled to the band's zero point.

        They come row by row of the tile; with each stands its number in the grid.
        """
        if not len(grid.centre):
            return
        reader = self._reader(number)
        factor = np.float32(10.0 ** (0.4 * (self.zero_point - reader.tile.zero_point)))
        bounds = reader.bounds(grid.centre, grid.half_extent(self.size))
        order = np.argsort(bounds[:, 0], kind="stable")
        ahead = runs_end(bounds[order, 0], bounds[order, 1])
        for position, end in zip(order, ahead, strict=True):
            top, bottom, left, right = bounds[position]
            if bottom - top < 2 or right - left < 2:
                continue
            stamp = reader.cut(
                bounds[position], int(end), grid.centre[position], grid.jacobian[position], self.size, self.flag_radius
            )
            yield int(position), replace(stamp, image=stamp.image * factor)
        reader.release()

    def _reader(self, number: int) -> TileReader:
        """Return an opened tile; the one unused for longest is closed when there are too many."""
        if number not in self._readers:
            while len(self._readers) >= OPEN_TILES:
                self._readers.popitem(last=False)[1].close()
            self._readers[number] = TileReader(self.tiles[number])
        self._readers.move_to_end(number)
        return self._readers[number]


def runs_end(top: NDArray[np.int64], bottom: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each window, sorted by its top row, where the run of windows close to each other ends."""
    reached = np.maximum.accumulate(bottom)
    new_run = np.r_[True, top[1:] > reached[:-1] + _RUN_GAP]
    ends = np.r_[reached[np.flatnonzero(new_run)[1:] - 1], reached[-1]]
    return np.asarray(ends[np.cumsum(new_run) - 1], np.int64)
