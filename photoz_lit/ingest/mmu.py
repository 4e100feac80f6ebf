"""Multimodal Universe: HDF5 files per HEALPix cell, images with their band names, scales and inverse variances."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.hdf5 import dataset_shapes, flat_columns, open_hdf5, read_rows, require_dataset
from photoz_lit.ingest.reader_options import reader_options
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import (
    Layout,
    Source,
    Stamps,
    archive_files,
    blanked,
    centre_crop,
    require_zero_points,
    split_rows,
)
from photoz_lit.settings import Settings
from photoz_lit.tables.frame import table_to_frame

_READ_ROWS = 64  # 160 pixel stamps are cropped in pieces, so that a block never stands in memory whole


class MmuOptions(Settings):
    """What the archive's bands are called here, and what makes a pixel missing.

    Attributes
    ----------
    band_names : name in the archive, in lower case -> name here.
    ivar_blanks : a pixel with an inverse variance of 0 has no data.
    """

    band_names: dict[str, str]
    ivar_blanks: bool


class MultimodalUniverse(Source):
    """Reads ``image_array`` with ``image_band``, ``image_scale`` and, where they are, ``image_ivar``.

    The table holds every dataset with one value per galaxy, and ``psf_fwhm_<band>`` [arcsec].
    """

    def __init__(self, settings: IngestSettings, field: Field) -> None:
        self._options = reader_options(MmuOptions, settings)
        self.paths = archive_files(settings.path, ["*.hdf5", "*.h5"])
        self._datasets = [dataset_shapes(path) for path in self.paths]
        shapes = [require_dataset(p, "image_array", d, 4) for p, d in zip(self.paths, self._datasets, strict=True)]
        self._rows = [shape[0] for shape in shapes]
        self._starts = np.concatenate([[0], np.cumsum(self._rows)])
        self._axes: list[NDArray[np.str_]] = [
            self._band_axis(path, shape) for path, shape in zip(self.paths, shapes, strict=True)
        ]
        found = {str(name) for axis in self._axes for name in np.unique(axis)}
        bands = tuple(settings.bands or [b for b in field.band_names if b in found])
        if not bands or not set(bands) <= found:
            raise InputError(
                f"{self.paths[0]} has the bands {', '.join(sorted(found))}; name some of them in ingest.bands, or"
                " translate them in ingest.options.band_names."
            )
        self._crop = centre_crop(shapes[0][2], shapes[0][3], settings.stamp_size, str(self.paths[0]))
        self.layout = Layout(
            bands,
            self._crop[0].stop - self._crop[0].start,
            self._crop[1].stop - self._crop[1].start,
            settings.pixel_scale or self._pixel_scale(field.pixel_scale),
            settings.flux_unit,
            require_zero_points(settings.zero_points, bands, str(self.paths[0])),
            tuple(self.paths),
        )

    def _band_axis(self, path: Path, shape: tuple[int, ...]) -> NDArray[np.str_]:
        """Return our name of each row's bands, (rows, bands)."""
        with open_hdf5(path) as file:
            if "image_band" not in file or file["image_band"].shape != shape[:2]:
                raise InputError(f"{path} has no 'image_band' {shape[:2]} that names the bands of 'image_array'.")
            raw = file["image_band"][()]
        names = np.char.lower(np.char.strip(np.char.decode(raw.astype("S"), "utf-8")))
        unique, inverse = np.unique(names, return_inverse=True)
        ours = np.array([self._options.band_names.get(str(name), str(name)) for name in unique])
        return np.asarray(ours[inverse].reshape(names.shape))

    def _pixel_scale(self, default: float) -> float:
        """Return the one pixel scale of all images [arcsec / pixel]."""
        scales = []
        for path, datasets in zip(self.paths, self._datasets, strict=True):
            if "image_scale" in datasets:
                with open_hdf5(path) as file:
                    scales.append(np.unique(file["image_scale"][()]))
        if not scales:
            return default
        values = np.concatenate(scales)
        if np.ptp(values) > 0.01 * values.mean():
            raise InputError(
                f"{self.paths[0].parent}: images have pixel scales from {values.min():g} to {values.max():g} arcsec;"
                " ingest bands of one scale (ingest.bands) at a time."
            )
        return round(float(values.mean()), 6)

    def column_names(self) -> list[str]:
        """Datasets with one value per galaxy, and the PSF's width per band."""
        rows = self._rows[0]
        flat = [name for name, shape in self._datasets[0].items() if shape in ((rows,), (rows, 1))]
        return [*flat, *(f"psf_fwhm_{band}" for band in self.layout.bands)]

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns of all files."""
        return pd.concat([self._file_table(number, names) for number in range(len(self.paths))], ignore_index=True)

    def _file_table(self, number: int, names: Sequence[str]) -> pd.DataFrame:
        path, rows = self.paths[number], self._rows[number]
        table = table_to_frame(flat_columns(path, names, rows)).reindex(range(rows))
        wanted = [band for band in self.layout.bands if f"psf_fwhm_{band}" in names]
        if wanted and self._datasets[number].get("image_psf_fwhm") == self._axes[number].shape:
            with open_hdf5(path) as file:
                widths = np.asarray(file["image_psf_fwhm"][()], np.float64)
            for band in wanted:
                here = self._axes[number] == band
                table[f"psf_fwhm_{band}"] = np.where(
                    here.any(axis=1), widths[np.arange(rows), here.argmax(axis=1)], np.nan
                )
        return table

    def read(self, rows: NDArray[np.int64], catalogue: pd.DataFrame) -> Stamps:  # noqa: ARG002
        """Stamps cropped to the centre, bands in our order; a band that a galaxy lacks is NaN."""
        layout = self.layout
        images = np.full((len(rows), len(layout.bands), layout.height, layout.width), np.nan, np.float32)
        for number, positions, local in split_rows(self._starts, rows):
            for start in range(0, len(local), _READ_ROWS):
                piece = slice(start, start + _READ_ROWS)
                images[positions[piece]] = self._read_piece(number, local[piece])
        return blanked(images)

    def _read_piece(self, number: int, local: NDArray[np.int64]) -> NDArray[np.float32]:
        crop = (slice(None), *self._crop)
        with open_hdf5(self.paths[number]) as file:
            pixels = np.asarray(read_rows(file, "image_array", local, crop), np.float32)
            if self._options.ivar_blanks and "image_ivar" in file:
                pixels[read_rows(file, "image_ivar", local, crop) <= 0] = np.nan
        axis = self._axes[number][local]
        out = np.full((len(local), len(self.layout.bands), *pixels.shape[2:]), np.nan, np.float32)
        for position, band in enumerate(self.layout.bands):
            here = axis == band
            has = np.flatnonzero(here.any(axis=1))
            out[has, position] = pixels[has, here.argmax(axis=1)[has]]
        return out
