"""Where the pixels of a stamp lie in an image: the image's WCS, linearised at the galaxy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from photoz_lit.ingest.sky_frame import pixel_to_sky, sky_to_pixel
from photoz_lit.sky_matching import unit_vectors

_STEP = 8.0  # stamp pixels; the stride of the differences, small against any curvature of the sky or the camera


@dataclass(frozen=True)
class LocalGrid:
    """Linear maps from stamps (north up, east left) to an image.

    Attributes
    ----------
    centre : x, y of the galaxies in the image, counted from 0 [pixel], (n, 2).
    jacobian : d(x, y) / d(column, row of the stamp), (n, 2, 2).
    """

    centre: NDArray[np.float64]
    jacobian: NDArray[np.float64]

    def take(self, chosen: NDArray[np.int64]) -> LocalGrid:
        """Return the grid of some of the galaxies."""
        return LocalGrid(self.centre[chosen], self.jacobian[chosen])

    @property
    def area(self) -> NDArray[np.float64]:
        """Image pixels per stamp pixel, (n,)."""
        return np.asarray(np.abs(np.linalg.det(self.jacobian)))

    def half_extent(self, size: int) -> NDArray[np.float64]:
        """Half width and height in the image of a stamp of ``size`` pixels, (n, 2)."""
        return np.asarray(np.abs(self.jacobian).sum(axis=2) * size / 2.0)


def local_grid(wcs: WCS, ra: NDArray[np.float64], dec: NDArray[np.float64], pixel_scale: float) -> LocalGrid:
    """Linearise a WCS, distortions included, at some positions.

    Parameters
    ----------
    wcs : celestial WCS of the image.
    ra, dec : ICRS positions [deg], (n,).
    pixel_scale : of the stamps [arcsec / pixel].
    """
    step = np.deg2rad(_STEP * pixel_scale / 3600.0)
    columns = np.array([0.0, 1.0, -1.0, 0.0, 0.0])
    rows = np.array([0.0, 0.0, 0.0, 1.0, -1.0])
    alpha, delta = tangent_offset(ra[:, None], dec[:, None], -columns * step, rows * step)
    x, y = sky_to_pixel(wcs, alpha.ravel(), delta.ravel())
    xy = np.stack([np.reshape(x, alpha.shape), np.reshape(y, alpha.shape)], axis=-1)
    by_column = (xy[:, 1] - xy[:, 2]) / (2.0 * _STEP)
    by_row = (xy[:, 3] - xy[:, 4]) / (2.0 * _STEP)
    return LocalGrid(xy[:, 0], np.stack([by_column, by_row], axis=-1))


def tangent_offset(
    ra: NDArray[np.float64], dec: NDArray[np.float64], xi: NDArray[np.float64], eta: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the positions [deg] at tangent-plane offsets ξ (east) and η (north) [rad] from others [deg].

    The gnomonic projection's inverse (Calabretta & Greisen 2002, TAN).
    """
    alpha, delta = np.deg2rad(ra), np.deg2rad(dec)
    denominator = np.cos(delta) - eta * np.sin(delta)
    turned = np.arctan2(xi, denominator)
    new_delta = np.arctan((np.sin(delta) + eta * np.cos(delta)) * np.cos(turned) / denominator)
    return np.rad2deg(alpha + turned) % 360.0, np.rad2deg(new_delta)


def sky_circle(wcs: WCS, shape: tuple[int, int]) -> tuple[NDArray[np.float64], float]:
    """Return the unit vector of an image's middle and the radius around it that holds the image [rad].

    The radius is NaN where a part of the image lies off the projection.

    Parameters
    ----------
    wcs : celestial WCS of the image.
    shape : rows, columns.
    """
    rows, columns = shape
    x, y = np.meshgrid(np.linspace(-0.5, columns - 0.5, 5), np.linspace(-0.5, rows - 0.5, 5))
    points = unit_vectors(*pixel_to_sky(wcs, x.ravel(), y.ravel()))
    middle = points[len(points) // 2]
    return middle, float(np.arccos(np.clip(points @ middle, -1.0, 1.0)).max())
