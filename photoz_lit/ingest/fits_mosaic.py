"""FITS mosaics: stamps cut out at the positions of a catalogue and resampled to the field's grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.config_errors import checked
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.bad_pixels import REASONS
from photoz_lit.ingest.band_cutter import BandCutter
from photoz_lit.ingest.catalogue_file import CatalogueFile
from photoz_lit.ingest.mosaic_files import MosaicOptions, image_folder, open_band
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Layout, Source, StampFlag, Stamps, blanked
from photoz_lit.ingest.stamp_geometry import local_grid
from photoz_lit.sky_matching import unit_vectors

DEFAULT_SIZE = 64  # pixels
_NOWHERE = np.iinfo(np.int64).max


class FitsMosaic(Source):
    """Cuts stamps of the field's pixel scale, north up, east left, the galaxy in the middle.

    Several tiles per band may overlap: a stamp comes from the tile in which it lies deepest, and what that one lacks
    from the others. A tile with another zero point than its band's first is scaled to it.
    """

    without_image = "outside the images"

    def __init__(self, settings: IngestSettings, field: Field) -> None:
        options = checked(MosaicOptions, settings.options, "ingest.options.")
        self._catalogue = CatalogueFile.of(settings)
        root = image_folder(settings)
        bands = tuple(settings.bands or field.band_names)
        size = settings.stamp_size or DEFAULT_SIZE
        scale = settings.pixel_scale or field.pixel_scale
        self._cutters = [
            BandCutter(
                open_band(root, options, band, settings.zero_points.get(band), bands), size, scale, options.flag_radius
            )
            for band in bands
        ]
        self.layout = Layout(
            bands,
            size,
            size,
            scale,
            settings.flux_unit,
            {band: cutter.zero_point for band, cutter in zip(bands, self._cutters, strict=True)},
            (self._catalogue.path, *(tile.image.path for cutter in self._cutters for tile in cutter.tiles)),
        )

    def column_names(self) -> list[str]:
        """Columns of the catalogue."""
        return self._catalogue.columns()

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns of the catalogue."""
        return self._catalogue.read(names)

    def reading_order(self, catalogue: pd.DataFrame) -> NDArray[np.int64]:
        """Order the galaxies tile by tile and row by row; those on no tile of any band are left out.

        Raises
        ------
        InputError : positions are missing, or all are outside.
        """
        ra, dec = positions(catalogue)
        vectors = unit_vectors(ra, dec)
        rank = np.full(len(catalogue), _NOWHERE)
        row = np.zeros(len(catalogue))
        for number, tile in enumerate(tile for cutter in self._cutters for tile in cutter.tiles):
            near = tile.near(vectors, self._cutters[0].reach)
            near = near[rank[near] == _NOWHERE]
            if len(near):
                grid = local_grid(tile.wcs, ra[near], dec[near], self.layout.pixel_scale)
                on_tile = tile.margin(grid, 1) >= 0
                rank[near[on_tile]] = number
                row[near[on_tile]] = grid.centre[on_tile, 1]
        order = np.lexsort((row, rank))
        order = order[rank[order] < _NOWHERE]
        if not len(order):
            raise InputError(
                f"none of the {len(catalogue)} galaxies of {self._catalogue} lies on the images (first at RA"
                f" {ra[0]:.4f}, Dec {dec[0]:.4f}); are the columns ra and dec, their units and the images right?"
            )
        return order

    def read(self, rows: NDArray[np.int64], catalogue: pd.DataFrame) -> Stamps:
        """Cut the stamps of these galaxies out of all bands."""
        ra, dec = positions(catalogue)
        layout = self.layout
        images = np.empty((len(rows), len(layout.bands), layout.height, layout.width), np.float32)
        near = np.zeros(len(rows), np.int64)
        unknown = np.zeros((len(rows), len(REASONS)), np.int64)
        for axis, cutter in enumerate(self._cutters):
            band = cutter.cut(ra, dec)
            images[:, axis] = band.images
            near |= band.near
            unknown += band.unknown
        return flagged(images, near, unknown)


def flagged(images: NDArray[np.float32], near: NDArray[np.int64], unknown: NDArray[np.int64]) -> Stamps:
    """Return stamps with their flags and the share of unknown pixels by reason.

    Parameters
    ----------
    images : (n, bands, height, width).
    near : (n,) flags of masked and saturated pixels near the galaxies.
    unknown : (n, reasons) unknown pixels of all bands by :data:`~photoz_lit.ingest.bad_pixels.REASONS`.
    """
    stamps = blanked(images)
    at_edge = REASONS.index(StampFlag.EDGE)
    flags = near | (stamps.flags & int(StampFlag.NO_BAND))
    flags |= np.where(unknown[:, at_edge] > 0, int(StampFlag.EDGE), 0)
    flags |= np.where(np.delete(unknown, at_edge, axis=1).any(axis=1), int(StampFlag.GAP), 0)
    share = (unknown / images[0].size).astype(np.float32)
    return Stamps(stamps.images, flags, {str(f.name).lower(): share[:, k] for k, f in enumerate(REASONS)})


def positions(catalogue: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return RA and Dec [deg].

    Raises
    ------
    InputError : one is missing.
    """
    if "ra" not in catalogue or "dec" not in catalogue:
        raise InputError("cutting stamps needs positions; map 'ra' and 'dec' in ingest.columns.")
    ra, dec = catalogue["ra"].to_numpy(np.float64), catalogue["dec"].to_numpy(np.float64)
    bad = np.flatnonzero(~(np.isfinite(ra) & np.isfinite(dec)))
    if len(bad):
        name = catalogue["object_id"].iloc[bad[0]]
        raise InputError(
            f"{len(bad)} galaxies have no position, the first is object_id '{name}'; leave them out:"
            ' ingest.select="isfinite(ra) and isfinite(dec)".'
        )
    return ra, dec
