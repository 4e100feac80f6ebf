"""One image of one band, with its weight and mask planes: cuts stamps out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from numpy.typing import NDArray

from photoz_lit.errors import InputError, nearest
from photoz_lit.ingest.bad_pixels import UNKNOWN_PLANES, reasons_at, unknown_pixels
from photoz_lit.ingest.fits_image import PlaneInfo, PlaneReader, celestial_wcs
from photoz_lit.ingest.inpaint import RIM
from photoz_lit.ingest.linear_pixels import asinh_scale
from photoz_lit.ingest.resample import MARGIN, resample_stamp
from photoz_lit.ingest.sky_frame import pixel_to_sky, sky_to_pixel
from photoz_lit.ingest.source import StampFlag
from photoz_lit.ingest.stamp_geometry import LocalGrid, sky_circle

_SAME_PLACE = 2.0  # pixel; first pixels of an image and its weight or mask lie no farther apart
_WHOLE_SKY = 1.0  # rad; images that reach farther from their middle may hold any position


@dataclass(frozen=True)
class Tile:
    """An image and where it lies.

    Attributes
    ----------
    image : its plane.
    weight, mask : planes of the same shape, or None.
    mask_bits : bits of the mask that count.
    wcs : of the image.
    zero_point : AB magnitude of one of its flux units [mag].
    scale : [arcsec / pixel].
    saturation : flux from which a pixel is saturated, infinite where unknown.
    """

    image: PlaneInfo
    weight: PlaneInfo | None
    mask: PlaneInfo | None
    mask_bits: int
    wcs: WCS
    zero_point: float
    scale: float
    saturation: float

    def near(self, vectors: NDArray[np.float64], reach: float) -> NDArray[np.int64]:
        """Return which positions can have a stamp on this tile.

        Parameters
        ----------
        vectors : unit vectors, (n, 3).
        reach : half diagonal of a stamp [arcsec].
        """
        middle, radius = sky_circle(self.wcs, self.image.shape)
        if not radius < _WHOLE_SKY:  # an all-sky map, or corners off the projection
            return np.arange(len(vectors))
        return np.flatnonzero(vectors @ middle >= np.cos(1.01 * radius + np.deg2rad(reach / 3600.0)))

    def margin(self, grid: LocalGrid, size: int) -> NDArray[np.float64]:
        """Return how far each stamp stays inside the image, (n,) [image pixel]; negative where it reaches over."""
        rows, columns = self.image.shape
        half = grid.half_extent(size)
        x, y = grid.centre[:, 0], grid.centre[:, 1]
        inside_x = np.minimum(x - half[:, 0], columns - 1 - x - half[:, 0])
        inside_y = np.minimum(y - half[:, 1], rows - 1 - y - half[:, 1])
        return np.asarray(np.nan_to_num(np.minimum(inside_x, inside_y), nan=-np.inf))


def open_tile(
    band: str,
    zero_point: float,
    image: PlaneInfo,
    weight: PlaneInfo | None,
    mask: PlaneInfo | None,
    mask_planes: list[str | int],
) -> Tile:
    """Return a tile, its planes checked against each other.

    Raises
    ------
    InputError : the WCS is missing, the pixels are no flux, a plane has another shape, or a mask plane is unknown.
    """
    wcs = celestial_wcs(image)
    asinh_scale(image.header, image.path)  # refuses pixels that are no flux
    for name, plane in (("weight", weight), ("mask", mask)):
        if plane is not None and plane.shape != image.shape:
            raise InputError(
                f"{plane.path}: the {name} of band '{band}' is {plane.shape} pixels and its image {image.path}"
                f" {image.shape}; they must be of one grid."
            )
        if plane is not None and plane.path != image.path and "CTYPE1" in plane.header:
            _require_same_place(band, name, plane, image, wcs)
    scale = float(np.sqrt(np.prod(proj_plane_pixel_scales(wcs))) * 3600.0)
    saturation = image.header.get("SATURATE", np.inf)
    level = float(saturation) if isinstance(saturation, int | float) and saturation > 0 else np.inf
    bits = mask_bits(mask, mask_planes) if mask is not None else 0
    return Tile(image, weight, mask, bits, wcs, zero_point, scale, level)


def _require_same_place(band: str, name: str, plane: PlaneInfo, image: PlaneInfo, wcs: WCS) -> None:
    """Refuse a weight or mask whose WCS says that it belongs to another image."""
    x, y = sky_to_pixel(wcs, *pixel_to_sky(celestial_wcs(plane), np.zeros(1), np.zeros(1)))
    if np.hypot(x[0], y[0]) > _SAME_PLACE:
        raise InputError(
            f"{plane.path}: the {name} of band '{band}' is of another place than its image {image.path}; each image"
            f" needs its own, in the same order by name (ingest.options.{name}s)."
        )


def mask_bits(mask: PlaneInfo, planes: list[str | int]) -> int:
    """Return the bits of these mask planes, by the header's ``MP_<name>`` or by number.

    Where none is named: those of the pipeline's planes whose pixels hold no flux, or all bits of a mask without planes.

    Raises
    ------
    InputError : a name is not in the header.
    """
    known = {k.removeprefix("MP_"): int(v) for k, v in mask.header.items() if k.startswith("MP_")}
    if not planes and not known:
        return -1
    bits = 0
    for plane in planes or [name for name in UNKNOWN_PLANES if name in known]:
        if isinstance(plane, str) and plane not in known:
            raise InputError(f"{mask.path} has no mask plane '{plane}'{nearest(plane, known)}")
        bits |= 1 << (known[plane] if isinstance(plane, str) else plane)
    return bits


@dataclass(frozen=True)
class CutStamp:
    """A stamp out of one tile.

    Attributes
    ----------
    image : (size, size) in the tile's own flux unit; NaN where it is unknown.
    reason : (size, size) why it is so, see :data:`~photoz_lit.ingest.bad_pixels.REASONS`; 0 where it is known.
    near : flags of masked and saturated pixels near the galaxy.
    """

    image: NDArray[np.float32]
    reason: NDArray[np.uint8]
    near: int


class TileReader:
    """An opened tile."""

    def __init__(self, tile: Tile) -> None:
        self.tile = tile
        self._image = PlaneReader(tile.image)
        self._weight = PlaneReader(tile.weight) if tile.weight else None
        self._mask = PlaneReader(tile.mask) if tile.mask else None

    def bounds(self, centre: NDArray[np.float64], half: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return top, bottom, left, right of the windows around stamps, (n, 4), clipped to the image."""
        rows, columns = self.tile.image.shape
        low = np.floor(centre - half).astype(np.int64) - MARGIN
        high = np.ceil(centre + half).astype(np.int64) + MARGIN + 1
        return np.stack(
            [
                low[:, 1].clip(0, rows),
                high[:, 1].clip(0, rows),
                low[:, 0].clip(0, columns),
                high[:, 0].clip(0, columns),
            ],
            axis=1,
        )

    def cut(
        self,
        bounds: NDArray[np.int64],
        ahead: int,
        centre: NDArray[np.float64],
        jacobian: NDArray[np.float64],
        size: int,
        flag_radius: float,
    ) -> CutStamp:
        """Cut one stamp, resampled once; what is unknown in it is NaN.

        Parameters
        ----------
        bounds : top, bottom, left, right of its window.
        ahead : row up to which windows are due soon.
        centre, jacobian : see :class:`~photoz_lit.ingest.stamp_geometry.LocalGrid`.
        size : of the stamp [pixel].
        flag_radius : how near a masked or saturated pixel flags the galaxy [arcsec].
        """
        top, bottom, left, right = (int(b) for b in bounds)
        window = np.asarray(self._image.window(top, bottom, left, right, ahead), np.float32)
        weight = self._weight.window(top, bottom, left, right, ahead) if self._weight else None
        masked = self._masked(self._mask.window(top, bottom, left, right, ahead)) if self._mask else None
        reason = unknown_pixels(window, weight, masked, self.tile.saturation)
        inner = centre - [left, top]
        near = self._near(window, masked, inner, flag_radius / self.tile.scale)
        # Where the image ends, a spline would be mirrored: the pixels beyond are unknown ones.
        rows, columns = self.tile.image.shape
        beyond = [(RIM * (top == 0), RIM * (bottom == rows)), (RIM * (left == 0), RIM * (right == columns))]
        if any(map(any, beyond)):
            window = np.pad(window, beyond)
            reason = np.pad(reason, beyond, constant_values=int(StampFlag.EDGE))
            inner = inner + np.array([beyond[1][0], beyond[0][0]])
        bad = reason > 0
        if not bad.any():
            stamp = resample_stamp(window, None, inner, jacobian, size)
            return CutStamp(stamp, np.where(np.isnan(stamp), np.uint8(StampFlag.EDGE), np.uint8(0)), near)
        stamp = resample_stamp(np.where(bad, np.float32(0.0), window), bad, inner, jacobian, size)
        return CutStamp(stamp, np.where(np.isnan(stamp), reasons_at(reason, inner, jacobian, size), np.uint8(0)), near)

    def _masked(self, mask: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where a mask has one of the bits that count; a mask that is not a number there counts too."""
        lost = ~np.isfinite(mask)
        return np.asarray(lost | ((np.where(lost, 0, mask).astype(np.int64) & self.tile.mask_bits) != 0))

    def _near(
        self,
        window: NDArray[np.float32],
        masked: NDArray[np.bool_] | None,
        inner: NDArray[np.float64],
        radius: float,
    ) -> int:
        """Return the flags of masked and saturated pixels within a radius [image pixel] of the galaxy."""
        x, y = inner
        rows = slice(max(0, round(y - radius)), max(0, round(y + radius) + 1))
        columns = slice(max(0, round(x - radius)), max(0, round(x + radius) + 1))
        flags = int(StampFlag.MASKED) if masked is not None and np.any(masked[rows, columns]) else 0
        if np.isfinite(self.tile.saturation) and np.any(window[rows, columns] >= self.tile.saturation):
            flags |= int(StampFlag.SATURATED)
        return flags

    def release(self) -> None:
        """Free what is held decoded."""
        for plane in (self._image, self._weight, self._mask):
            if plane is not None:
                plane.release()

    def close(self) -> None:
        """Close the tile's files."""
        for plane in (self._image, self._weight, self._mask):
            if plane is not None:
                plane.close()
