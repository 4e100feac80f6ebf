"""FITS stamps: one small file per object and band, and a catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.config_errors import checked
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.bad_pixels import REASONS, count_reasons, unknown_pixels
from photoz_lit.ingest.catalogue_file import CatalogueFile
from photoz_lit.ingest.fits_image import PlaneInfo, PlaneReader, celestial_scale, find_plane
from photoz_lit.ingest.fits_mosaic import DEFAULT_SIZE, flagged
from photoz_lit.ingest.mosaic_files import MosaicOptions, found_instead, image_folder, open_tile_files, pattern_of
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Layout, Source, StampFlag, Stamps, centre_crop
from photoz_lit.ingest.stamp_files import StampFiles, bands_in
from photoz_lit.ingest.stamp_geometry import local_grid
from photoz_lit.ingest.tile import CutStamp, TileReader
from photoz_lit.ingest.zero_point import header_zero_point


class StampOptions(MosaicOptions):
    """Which files and planes, and what becomes of their pixels.

    Attributes
    ----------
    match_radius : where all bands are in one file, a galaxy without a file of its id takes the one whose centre is as
        near as that [arcsec]; null takes none.
    grid : pixel scale of the stamps where ``ingest.pixel_scale`` gives none: the ``field``'s, or the files' ``own``.
    """

    match_radius: float | None
    grid: Literal["field", "own"]


class FitsStamps(Source):
    """Reads ``<path>/<pattern>`` with ``{object_id}`` and ``{band}`` in the pattern.

    A pattern without ``{band}`` is for files that hold all bands and name them (cubes). A stamp with a WCS, of a galaxy
    with a position, is resampled to the field's grid as a mosaic is. One without either must have the field's pixel
    scale (``ingest.pixel_scale`` says so) and is cropped to its centre. A file that is not there is a missing band.
    """

    without_image = "no stamp file"

    def __init__(self, settings: IngestSettings, field: Field) -> None:
        self._options = checked(StampOptions, settings.options, "ingest.options.")
        self._catalogue = CatalogueFile.of(settings)
        self._root = image_folder(settings)
        self._given = settings.zero_points
        self._cropped = settings.pixel_scale is not None
        self._files = StampFiles(self._root, self._options.images, self._options.match_radius)
        stated = self._files.stated_bands()
        bands = tuple(settings.bands or stated or field.band_names)
        self._require_patterns(bands, stated)
        size = settings.stamp_size or DEFAULT_SIZE
        first = {band: self._first_plane(band, bands) for band in bands}
        own = celestial_scale(first[bands[0]]) if self._options.grid == "own" else None
        system = self._options.magnitude_system
        self.layout = Layout(
            bands,
            size,
            size,
            settings.pixel_scale or own or field.pixel_scale,
            settings.flux_unit,
            # The zero point of a band's first stamp; the others are scaled to it.
            {b: header_zero_point(p.header, b, p.path, self._given.get(b), system) for b, p in first.items()},
            (self._catalogue.path,),
        )

    def _require_patterns(self, bands: tuple[str, ...], stated: tuple[str, ...]) -> None:
        for kind in (self._options.images, self._options.weights, self._options.masks):
            for band in bands:
                by_place = kind is self._options.images and self._files.match_radius is not None
                if "{object_id}" not in (pattern_of(kind, band) or "{object_id}") and not by_place:
                    raise InputError(
                        f"ingest.options: pattern '{pattern_of(kind, band)}' has no {{object_id}} in it, so all"
                        " galaxies would share one stamp."
                    )
        if self._files.all_bands_in_one and not stated and len(bands) > 1 and self._files.sample(""):
            raise InputError(
                f"{self._files.sample('')[0]} does not name the bands of its planes (BANDS = 'grz'), and"
                f" ingest.options.images='{self._options.images}' has no {{band}} in it, so all bands would share one"
                " image."
            )

    def _first_plane(self, band: str, bands: Sequence[str]) -> PlaneInfo:
        """Return the first stamp of a band; ``bands`` are all that are wanted, for the sentence where there is none."""
        pattern = pattern_of(self._options.images, band)
        found = self._files.sample(band)
        if self._files.all_bands_in_one:
            found = [path for path in found if not bands_in(path) or band in bands_in(path)]
        if not found:
            named = self._files.stated_bands()
            instead = found_instead(self._root, {one: self._files.sample(one) for one in bands})
            known = f"the files have {' '.join(named)}," if named else f"{instead};"
            raise InputError(
                f"{self._root} has no stamp of band '{band}' ({pattern}); {known} correct ingest.options.images, or"
                f" name the bands there are: ingest.bands=[{','.join(named) or 'g,r'}]."
            )
        return find_plane(found[0], self._options.image_hdu, flux=True, band=band)

    def column_names(self) -> list[str]:
        """Columns of the catalogue."""
        return self._catalogue.columns()

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns of the catalogue."""
        return self._catalogue.read(names)

    def _file(self, patterns: str | dict[str, str] | None, band: str, object_id: str) -> Path | None:
        pattern = pattern_of(patterns, band)
        return self._root / pattern.replace("{object_id}", object_id) if pattern else None

    def reading_order(self, catalogue: pd.DataFrame) -> NDArray[np.int64]:
        """Leave out the galaxies without a stamp in any band.

        Raises
        ------
        InputError : no galaxy has one.
        """
        ids = catalogue["object_id"].astype(str)
        bands = self.layout.bands[:1] if self._files.all_bands_in_one else self.layout.bands
        places = zip(ids, *_positions(catalogue), strict=True)
        found = [any(self._files.path(band, *place) is not None for band in bands) for place in places]
        if not any(found):
            raise InputError(
                f"no stamp is there for any of the {len(ids)} galaxies of {self._catalogue}, e.g."
                f" {self._file(self._options.images, bands[0], ids.iloc[0])}; are object_id and ingest.options.images"
                " right?"
            )
        return np.flatnonzero(found)

    def read(self, rows: NDArray[np.int64], catalogue: pd.DataFrame) -> Stamps:
        """Read the stamps of these galaxies."""
        layout = self.layout
        images = np.full((len(rows), len(layout.bands), layout.height, layout.width), np.nan, np.float32)
        near = np.zeros(len(rows), np.int64)
        unknown = np.zeros((len(rows), len(REASONS)), np.int64)
        ids = catalogue["object_id"].astype(str).to_list()
        ra, dec = _positions(catalogue)
        for galaxy, name in enumerate(ids):
            for axis, band in enumerate(layout.bands):
                path = self._files.path(band, name, ra[galaxy], dec[galaxy])
                if path is None or band not in (bands_in(path) or (band,)):
                    unknown[galaxy, REASONS.index(StampFlag.EDGE)] += images[galaxy, axis].size
                    continue
                stamp = self._stamp(path, band, name, ra[galaxy], dec[galaxy])
                images[galaxy, axis] = stamp.image
                near[galaxy] |= stamp.near
                unknown[galaxy] += count_reasons(stamp.reason[None])[0]
        return flagged(images, near, unknown)

    def _stamp(self, path: Path, band: str, name: str, ra: float, dec: float) -> CutStamp:
        """Return one stamp, scaled to the zero point of its band's first."""
        image = find_plane(path, self._options.image_hdu, flux=True, band=band)
        zero_point = header_zero_point(image.header, band, path, self._given.get(band), self._options.magnitude_system)
        factor = np.float32(10.0 ** (0.4 * (self.layout.zero_points[band] - zero_point)))
        if self._cropped and ("CTYPE1" not in image.header or not np.isfinite(ra + dec)):
            centre = self._centre(image)
            reason = unknown_pixels(centre)
            return CutStamp(np.where(reason > 0, np.float32(np.nan), centre * factor), reason, 0)
        if not np.isfinite(ra + dec):
            raise InputError(f"object_id '{name}' has no position to centre {path} on; give it, or ingest.pixel_scale.")
        weight = self._file(self._options.weights, band, name)
        mask = self._file(self._options.masks, band, name)
        tile = open_tile_files(path, self._options, band, self._given.get(band), weight, mask)
        reader = TileReader(tile)
        size = self.layout.width
        grid = local_grid(tile.wcs, np.array([ra]), np.array([dec]), self.layout.pixel_scale)
        bounds = reader.bounds(grid.centre, grid.half_extent(size))[0]
        if bounds[1] - bounds[0] < 2 or bounds[3] - bounds[2] < 2:
            raise InputError(f"{path} does not contain the position of object_id '{name}'; is the catalogue its own?")
        stamp = reader.cut(bounds, int(bounds[1]), grid.centre[0], grid.jacobian[0], size, self._options.flag_radius)
        reader.close()
        return replace(stamp, image=stamp.image * factor)

    def _centre(self, image: PlaneInfo) -> NDArray[np.float32]:
        """Return the central pixels of a stamp as they are."""
        rows, columns = image.shape
        top, left = centre_crop(rows, columns, self.layout.width, str(image.path))
        reader = PlaneReader(image)
        window = np.asarray(reader.window(top.start, top.stop, left.start, left.stop, top.stop), np.float32)
        reader.close()
        return window


def _positions(catalogue: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return RA and Dec [deg], NaN where the catalogue has none."""
    blank = pd.Series(np.nan, catalogue.index)
    ra, dec = (np.asarray(catalogue.get(name, blank), np.float64) for name in ("ra", "dec"))
    return ra, dec
