"""Multimodal Universe: HDF5 files per HEALPix cell, images with band names, scales, masks and inverse variances."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.config_errors import checked
from photoz_lit.errors import InputError
from photoz_lit.fields import BAND_ORDER, Field
from photoz_lit.ingest.cut_stamps import common_crops, judged
from photoz_lit.ingest.hdf5 import dataset_shapes, open_hdf5, read_rows, require_images
from photoz_lit.ingest.mmu_images import joined_tables, left_bands, one_pixel_scale, place_bands
from photoz_lit.ingest.mmu_surveys import MmuSurvey, masked_value, survey_of
from photoz_lit.ingest.mmu_table import cell_columns, cell_table
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Layout, Source, Stamps, archive_files, require_zero_points, split_rows
from photoz_lit.settings import Settings

_READ_ROWS = 64  # 160 pixel stamps are cropped in pieces, so that a block never stands in memory whole
IMAGES = ("image_array", "image_flux")  # later files of JWST have the second name
MASKS = ("image_mask", "bit_mask")  # later files of the Legacy Survey have the second name


class MmuOptions(Settings):
    """What the archive's surveys are, and what makes a pixel missing.

    Attributes
    ----------
    surveys : facts of each survey by its name.
    band_names : further bands: name in the archive, in lower case -> name here.
    mask_true : what a true pixel of the mask is, where it is not what the survey's facts say.
    ivar_blanks : a pixel with an inverse variance of 0 has no data.
    flag_radius : a masked pixel as near as that flags the galaxy [arcsec].
    """

    surveys: dict[str, MmuSurvey]
    band_names: dict[str, str]
    mask_true: Literal["clean", "bad"] | None
    ivar_blanks: bool
    flag_radius: float


class MultimodalUniverse(Source):
    """Reads images with ``image_band`` and, where they are, ``image_scale``, ``image_ivar`` and a mask.

    The table holds every dataset with one value per galaxy, ``psf_fwhm_<band>`` [arcsec], and by one name for all
    surveys ``ra``, ``dec``, ``ebv``, ``Z``, ``mag_<band>`` and ``mag_err_<band>``.
    """

    def __init__(self, settings: IngestSettings, field: Field) -> None:  # noqa: ARG002  # a survey's pixels are no field's
        self._options = options = checked(MmuOptions, settings.options, "ingest.options.")
        self.paths = archive_files(settings.path, ["*.hdf5", "*.h5"])
        self._datasets = [dataset_shapes(path) for path in self.paths]
        self._images = [_images_of(path, d) for path, d in zip(self.paths, self._datasets, strict=True)]
        shapes = [d[name] for d, name in zip(self._datasets, self._images, strict=True)]
        self._rows = [shape[0] for shape in shapes]
        self._starts = np.concatenate([[0], np.cumsum(self._rows)])
        raw = [_band_axis(path, shape) for path, shape in zip(self.paths, shapes, strict=True)]
        found = {str(name) for axis in raw for name in np.unique(axis)}
        where = str(self.paths[0])
        self._survey = survey_of(found, options.surveys, options.band_names, where)
        ours = {**(self._survey.bands if self._survey else {}), **options.band_names}
        self._axes = [_translated(axis, ours) for axis in raw]
        known = {ours[band] for band in found if band in ours}
        bands = tuple(settings.bands or sorted(known, key=lambda b: (*BAND_ORDER, b).index(b)))
        if not set(bands) <= known:
            raise InputError(
                f"{where} has the bands {', '.join(sorted(known))}; name some of them in ingest.bands, or translate"
                " others in ingest.options.band_names."
            )
        self._crops = common_crops([(s[2], s[3]) for s in shapes], settings.stamp_size, [str(p) for p in self.paths])
        crop = self._crops[0]
        survey_points = dict.fromkeys(bands, self._survey.zero_point) if self._survey else {}
        self.layout = Layout(
            bands,
            crop[0].stop - crop[0].start,
            crop[1].stop - crop[1].start,
            settings.pixel_scale or self._pixel_scale(bands),
            settings.flux_unit or (self._survey.flux_unit if self._survey else "unknown"),
            require_zero_points({**survey_points, **settings.zero_points}, bands, where),
            tuple(self.paths),
            notes=left_bands(found - set(ours), where),
        )
        self._masks = [next((m for m in MASKS if m in d), None) for d in self._datasets]
        stated = options.mask_true or (self._survey.mask_true if self._survey else None)
        self._bad = masked_value(list(zip(self.paths, self._masks, strict=True)), stated, options.mask_true is not None)

    def _pixel_scale(self, bands: tuple[str, ...]) -> float:
        """Return the one pixel scale of the images of these bands [arcsec / pixel], as the files state it."""
        scales = []
        for path, datasets, axis in zip(self.paths, self._datasets, self._axes, strict=True):
            if datasets.get("image_scale") == axis.shape:
                with open_hdf5(path) as file:
                    scale = np.asarray(file["image_scale"][()], np.float64)
                scales.append(np.unique(scale[np.isin(axis, bands)]))
        return one_pixel_scale(scales, self._survey, "image_scale", str(self.paths[0]))

    def column_names(self) -> list[str]:
        """Datasets with one value per galaxy in any file, the PSF's width per band, and the common names."""
        names: dict[str, None] = {}
        for datasets, rows in zip(self._datasets, self._rows, strict=True):
            names.update(dict.fromkeys(cell_columns(datasets, rows, self.layout.bands, self._survey)))
        return list(names)

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns of all files."""
        parts = [
            cell_table(path, names, axis, self.layout.bands, self._survey)
            for path, axis in zip(self.paths, self._axes, strict=True)
        ]
        return joined_tables(parts)

    def read(self, rows: NDArray[np.int64], catalogue: pd.DataFrame) -> Stamps:  # noqa: ARG002
        """Stamps cropped to the centre, bands in our order; a band that a galaxy lacks is NaN."""
        layout = self.layout
        images = np.full((len(rows), len(layout.bands), layout.height, layout.width), np.nan, np.float32)
        masked = np.zeros(images.shape, bool)
        for number, positions, local in split_rows(self._starts, rows):
            for start in range(0, len(local), _READ_ROWS):
                piece = slice(start, start + _READ_ROWS)
                self._read_piece(number, local[piece], positions[piece], images, masked)
        return judged(images, masked, near=self._options.flag_radius / layout.pixel_scale)

    def _read_piece(
        self,
        number: int,
        local: NDArray[np.int64],
        positions: NDArray[np.int64],
        images: NDArray[np.float32],
        masked: NDArray[np.bool_],
    ) -> None:
        """Fill some galaxies' stamps, and where they are masked, from one file."""
        crop = (slice(None), *self._crops[number])
        with open_hdf5(self.paths[number]) as file:
            pixels = np.asarray(read_rows(file, self._images[number], local, crop), np.float32)
            if self._options.ivar_blanks and self._datasets[number].get("image_ivar", ()) == self._shape(number):
                pixels[~(read_rows(file, "image_ivar", local, crop) > 0)] = np.nan
            name = self._masks[number]
            mask = None
            if name is not None and self._datasets[number][name] == self._shape(number):
                mask = read_rows(file, name, local, crop).astype(bool) == self._bad
            elif name is not None:  # one for all bands
                mask = (read_rows(file, name, local, self._crops[number]).astype(bool) == self._bad)[:, None]
        place_bands(self.layout.bands, self._axes[number][local], positions, pixels, mask, images, masked)

    def _shape(self, number: int) -> tuple[int, ...]:
        return self._datasets[number][self._images[number]]


def _images_of(path: Path, datasets: dict[str, tuple[int, ...]]) -> str:
    """Return the name of the images of a file, (galaxies, bands, height, width).

    Raises
    ------
    InputError : it has none in single bands and units of flux.
    """
    name = next((name for name in IMAGES if name in datasets), None)
    if name is None:
        listed = ", ".join(datasets) or "none"
        raise InputError(
            f"{path} has no 'image_array' or 'image_flux', as Multimodal Universe's HSC, Legacy Survey and JWST have"
            f" (data sets: {listed}); normalised or coloured images (BTSbot, GZ10) have no flux to learn from."
        )
    require_images(path, name, datasets)
    for mask in MASKS:
        shape = datasets[name]
        if mask in datasets and datasets[mask] not in (shape, (shape[0], *shape[2:])):
            raise InputError(
                f"{path}: '{mask}' is {datasets[mask]} and '{name}' {shape}; they must be of the same pixels."
            )
    return name


def _band_axis(path: Path, shape: tuple[int, ...]) -> NDArray[np.str_]:
    """Return the archive's name of each row's bands in lower case, (rows, bands)."""
    with open_hdf5(path) as file:
        if "image_band" not in file or file["image_band"].shape != shape[:2]:
            raise InputError(f"{path} has no 'image_band' {shape[:2]} that names the bands of 'image_array'.")
        raw = file["image_band"][()]
    return np.asarray(np.char.lower(np.char.strip(np.char.decode(raw.astype("S"), "utf-8"))))


def _translated(axis: NDArray[np.str_], ours: dict[str, str]) -> NDArray[np.str_]:
    """Return our names of the bands; those that are not known stay as they are and are not taken."""
    unique, inverse = np.unique(axis, return_inverse=True)
    return np.asarray(np.array([ours.get(str(n), f"({n})") for n in unique])[inverse.reshape(axis.shape)])
