"""Multimodal Universe in its second form: HATS catalogues whose nested column ``image`` holds the bands of a galaxy.

The columns are those of the published catalogues, e.g. https://huggingface.co/datasets/UniverseTBD/mmu_hsc_pdr3_dud_22.5:
``image.band``, ``image.flux``, ``image.ivar``, ``image.mask``, ``image.psf_fwhm`` and ``image.scale``, a value or an
image per band, beside the flat columns of the survey.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from photoz_lit.config_errors import checked
from photoz_lit.errors import InputError
from photoz_lit.fields import BAND_ORDER, Field
from photoz_lit.ingest.cut_stamps import common_crops, judged
from photoz_lit.ingest.mmu import MmuOptions
from photoz_lit.ingest.mmu_images import joined_tables, left_bands, one_pixel_scale, place_bands
from photoz_lit.ingest.mmu_surveys import MmuSurvey, survey_of
from photoz_lit.ingest.mmu_table import add_psf_widths, common_names, named_table
from photoz_lit.ingest.nested_rows import IMAGE, NestedRows
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Layout, Source, Stamps, require_zero_points, split_rows
from photoz_lit.tables.hats import hats_files, is_hats
from photoz_lit.tables.parquet import parquet_columns, read_parquet


class MultimodalUniverseHats(Source):
    """Reads the images partition by partition; the table is that of the first form, :mod:`photoz_lit.ingest.mmu`."""

    def __init__(self, settings: IngestSettings, field: Field) -> None:  # noqa: ARG002  # a survey's pixels are no field's
        self._options = options = checked(MmuOptions, settings.options, "ingest.options.")
        self.paths = _partitions(settings.path)
        self._rows = [NestedRows(path) for path in self.paths]
        self._starts = np.concatenate([[0], np.cumsum([len(rows) for rows in self._rows])])
        raw = [rows.texts("band") for rows in self._rows]
        found = {str(name) for axis in raw for name in np.unique(axis)}
        where = str(settings.path)
        self._survey = survey_of(found, options.surveys, options.band_names, where)
        ours = {**(self._survey.bands if self._survey else {}), **options.band_names}
        self._axes = [np.array([[ours.get(str(b), f"({b})") for b in row] for row in axis]) for axis in raw]
        known = {ours[band] for band in found if band in ours}
        bands = tuple(settings.bands or sorted(known, key=lambda b: (*BAND_ORDER, b).index(b)))
        if not set(bands) <= known:
            raise InputError(f"{where} has the bands {', '.join(sorted(known))}; name some of them in ingest.bands.")
        shapes = [rows.shape for rows in self._rows]
        self._crops = common_crops(shapes, settings.stamp_size, [str(path) for path in self.paths])
        crop = self._crops[0]
        points = dict.fromkeys(bands, self._survey.zero_point) if self._survey else {}
        self.layout = Layout(
            bands,
            crop[0].stop - crop[0].start,
            crop[1].stop - crop[1].start,
            settings.pixel_scale or self._pixel_scale(bands, where),
            settings.flux_unit or (self._survey.flux_unit if self._survey else "unknown"),
            require_zero_points({**points, **settings.zero_points}, bands, where),
            tuple(self.paths),
            notes=left_bands(found - set(ours), where),
            sequential=True,
        )
        self._bad = _masked_value(self._rows, options.mask_true, self._survey, where)

    def column_names(self) -> list[str]:
        """Flat columns, the PSF's width per band, and the common names."""
        flat = parquet_columns(self.paths[0])
        psf = [f"psf_fwhm_{band}" for band in self.layout.bands if self._rows[0].has("psf_fwhm")]
        return list(dict.fromkeys([*flat, *psf, *common_names(flat, self.layout.bands, self._survey)]))

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns of all partitions."""
        return joined_tables([self._table(number, names) for number in range(len(self.paths))])

    def read(self, rows: NDArray[np.int64], catalogue: pd.DataFrame) -> Stamps:  # noqa: ARG002
        """Stamps cropped to the centre, bands in our order; a band that a galaxy lacks is NaN."""
        layout = self.layout
        images = np.full((len(rows), len(layout.bands), layout.height, layout.width), np.nan, np.float32)
        masked = np.zeros(images.shape, bool)
        for number, positions, local in split_rows(self._starts, rows):
            for places, piece in self._rows[number].pieces(local, ("flux", "ivar", "mask")):
                self._fill(number, positions[places], local[places], piece, images, masked)
        return judged(images, masked, near=self._options.flag_radius / layout.pixel_scale)

    def _fill(
        self,
        number: int,
        positions: NDArray[np.int64],
        local: NDArray[np.int64],
        piece: dict[str, NDArray[Any]],
        images: NDArray[np.float32],
        masked: NDArray[np.bool_],
    ) -> None:
        """Fill some galaxies' stamps, and where they are masked."""
        crop = (slice(None), slice(None), *self._crops[number])
        pixels = np.asarray(piece["flux"][crop], np.float32)
        if self._options.ivar_blanks and "ivar" in piece:
            pixels[~(piece["ivar"][crop] > 0)] = np.nan
        mask = piece["mask"][crop].astype(bool) == self._bad if "mask" in piece else None
        place_bands(self.layout.bands, self._axes[number][local], positions, pixels, mask, images, masked)

    def _table(self, number: int, names: Sequence[str]) -> pd.DataFrame:
        path, axis, bands = self.paths[number], self._axes[number], self.layout.bands
        flat = parquet_columns(path)
        sources = {ours: theirs for ours, theirs in common_names(flat, bands, self._survey).items() if ours in names}
        wanted = list(dict.fromkeys([*(name for name in names if name in flat), *sources.values()]))
        read = read_parquet(path, wanted)
        table = named_table({n: read[n].to_numpy() for n in wanted}, sources, names, len(axis), self._survey)
        if self._rows[number].has("psf_fwhm") and any(f"psf_fwhm_{band}" in names for band in bands):
            add_psf_widths(table, names, axis, bands, self._rows[number].numbers("psf_fwhm"))
        return table

    def _pixel_scale(self, bands: tuple[str, ...], where: str) -> float:
        """Return the one pixel scale of the images of these bands [arcsec / pixel]."""
        scales = [
            rows.numbers("scale")[np.isin(axis, bands)]
            for rows, axis in zip(self._rows, self._axes, strict=True)
            if rows.has("scale")
        ]
        return one_pixel_scale(scales, self._survey, f"{IMAGE}.scale", where)


def _partitions(place: str | None) -> list[Path]:
    """Return the files of a HATS catalogue with images.

    Raises
    ------
    InputError : there is none.
    """
    if not place:
        raise InputError("ingest.path is missing; give the folder of the HATS catalogue: ingest.path=<folder>.")
    path = Path(place)
    if not is_hats(path):
        raise InputError(
            f"{path} is no HATS catalogue (it has no hats.properties); HDF5 files of Multimodal Universe are read with"
            " ingest=mmu."
        )
    files = hats_files(path)
    schema = pq.read_schema(files[0])
    field = schema.field(IMAGE) if IMAGE in schema.names else None
    parts = {one.name for one in field.type} if field is not None and pa.types.is_struct(field.type) else set()
    if not {"band", "flux"} <= parts:
        raise InputError(
            f"{path} has no nested column '{IMAGE}' with 'band' and 'flux', as Multimodal Universe's images have; its"
            f" columns are {', '.join(schema.names[:8])}."
        )
    return files


def _masked_value(partitions: Sequence[NestedRows], asked: str | None, survey: MmuSurvey | None, where: str) -> bool:
    """Return the value that a mask has where a pixel is bad.

    Raises
    ------
    InputError : it is not known.
    """
    stated = asked or (survey.mask_true if survey else None)
    if stated is None and any(rows.has("mask") for rows in partitions):
        raise InputError(
            f"{where}: what a true pixel of '{IMAGE}.mask' means is not known; say it: ingest.options.mask_true=clean"
            " or ingest.options.mask_true=bad."
        )
    return stated == "bad"
