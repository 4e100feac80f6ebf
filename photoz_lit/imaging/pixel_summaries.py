"""A few numbers per stamp and band, in three families: what the galaxy is like, what the seeing does, what the sky is.

A probe that sees one family says where two fields differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photoz_lit.imaging.sky import TILE, tile_corners
from photoz_lit.imaging.stamps import Stamps

Floats = NDArray[np.float64]

APERTURE = 1.5  # arcsec, radius
CORE = 0.5  # arcsec, radius
_BLOCK = 512


@dataclass(frozen=True)
class PixelSummaries:
    """Summaries of galaxies; all finite.

    Attributes
    ----------
    magnitude : AB within 1.5 arcsec, (n, bands); NaN where the flux is not positive. The only ones that may be NaN.
    photometry : asinh of each band's flux in units of ``unit`` and differences of neighbouring bands, (n, 2 bands − 1).
    shape : share of the flux within 1.5 arcsec that lies within 0.5 arcsec, (n, bands).
    sky : median, logarithm of the scatter and correlation of neighbouring pixels in the corners, (n, 3 bands).
    """

    magnitude: Floats
    photometry: Floats
    shape: Floats
    sky: Floats

    @property
    def families(self) -> dict[str, Floats]:
        """The three families by name, and all together as ``pixels``."""
        parts = {"photometry": self.photometry, "shape": self.shape, "sky": self.sky}
        return {**parts, "pixels": np.concatenate(list(parts.values()), axis=1)}


@dataclass(frozen=True)
class PixelSums:
    """Fluxes and sky statistics of galaxies, before they are brought to a unit.

    Attributes
    ----------
    wide, core : flux within 1.5 and within 0.5 arcsec, (n, bands).
    sky : see :class:`PixelSummaries`, (n, bands, 3).
    """

    wide: Floats
    core: Floats
    sky: Floats

    def summaries(self, zero_points: Floats, unit: Floats) -> PixelSummaries:
        """Return the summaries.

        Parameters
        ----------
        zero_points : AB magnitude of a flux of 1, (bands,).
        unit : flux scale [flux], (bands,): the same for fields that are compared.
        """
        flux = np.where(self.wide > 0, self.wide, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = self.core / np.maximum(self.wide, unit)
        bent = np.arcsinh(self.wide / np.where(unit > 0, unit, 1.0))
        return PixelSummaries(
            zero_points - 2.5 * np.log10(flux),
            np.concatenate([bent, np.diff(bent, axis=1)], axis=1),
            np.clip(np.nan_to_num(share), -1.0, 2.0),
            self.sky.reshape(len(self.sky), -1),
        )


def pixel_sums(stamps: Stamps, galaxies: NDArray[np.int64], background: Floats) -> PixelSums:
    """Measure the stamps of some galaxies.

    Parameters
    ----------
    stamps, galaxies : whose stamps; a pixel without value counts as sky.
    background : the field's own level [flux per pixel], (bands,); it is taken off the galaxies, not off the sky.
    """
    parts = [_block(stamps, galaxies[start : start + _BLOCK], background) for start in range(0, len(galaxies), _BLOCK)]
    return PixelSums(*(np.concatenate([part[k] for part in parts]) for k in range(3)))


def _block(stamps: Stamps, rows: NDArray[np.int64], background: Floats) -> tuple[Floats, Floats, Floats]:
    """Fluxes in both apertures, (n, bands), and sky statistics (n, bands, 3)."""
    flux = stamps.flux(rows)
    level = np.nan_to_num(background).astype(np.float32)[:, None, None]
    flux = np.where(np.isfinite(flux), flux, level)
    y, x = np.mgrid[: stamps.stamp_size, : stamps.stamp_size] - (stamps.stamp_size - 1) / 2
    radius = np.hypot(x, y) * stamps.pixel_scale
    wide, core = (np.tensordot(flux - level, (radius <= r).astype(np.float32), axes=2) for r in (APERTURE, CORE))
    return wide.astype(np.float64), core.astype(np.float64), _sky(flux)


def _sky(flux: NDArray[np.float32]) -> Floats:
    """Median, log scatter and correlation of neighbours in the corners of stamps, (n, bands, 3)."""
    corners = np.stack([flux[:, :, y : y + TILE, x : x + TILE] for y, x in tile_corners(flux.shape[-1])], axis=2)
    flat = corners.reshape(*corners.shape[:2], -1)
    median = np.median(flat, axis=-1)
    scatter = 1.4826 * np.median(np.abs(flat - median[..., None]), axis=-1)
    tiny = np.finfo(np.float32).tiny
    steps = np.median(np.abs(np.diff(corners, axis=-1)).reshape(*corners.shape[:2], -1), axis=-1) * 1.4826
    correlation = 1.0 - steps**2 / np.maximum(2 * scatter**2, tiny)
    return np.stack([median, np.log(np.maximum(scatter, tiny)), np.clip(correlation, -1, 1)], axis=-1).astype(float)
