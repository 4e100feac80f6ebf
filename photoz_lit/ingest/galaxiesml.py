"""GalaxiesML (HSC PDR2): one or several HDF5 files with ``image`` (N, bands, H, W) and flat columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.config_errors import checked
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.cut_stamps import common_crops, judged
from photoz_lit.ingest.hdf5 import dataset_shapes, flat_columns, open_hdf5, read_rows, require_images
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import (
    Layout,
    Source,
    Stamps,
    archive_files,
    split_rows,
)
from photoz_lit.settings import Settings
from photoz_lit.tables.frame import table_to_frame


class GalaxiesMLOptions(Settings):
    """``image`` : dataset with the images."""

    image: str


class GalaxiesML(Source):
    """Reads channel-first images; the table holds every dataset with one value per galaxy."""

    def __init__(self, settings: IngestSettings, field: Field) -> None:
        self._image = checked(GalaxiesMLOptions, settings.options, "ingest.options.").image
        self.paths = archive_files(settings.path, ["*.hdf5", "*.h5"])
        self._shapes = [dataset_shapes(path) for path in self.paths]
        bands = tuple(settings.bands or field.band_names)
        shapes = [
            _image_shape(path, self._image, datasets, bands)
            for path, datasets in zip(self.paths, self._shapes, strict=True)
        ]
        self._rows = [shape[0] for shape in shapes]
        self._starts = np.concatenate([[0], np.cumsum(self._rows)])
        self._crops = common_crops([(s[2], s[3]) for s in shapes], settings.stamp_size, [str(p) for p in self.paths])
        scale = settings.pixel_scale or field.pixel_scale
        self.layout = Layout.cropped(settings, bands, self._crops[0], scale, self.paths)

    def column_names(self) -> list[str]:
        """Datasets with one value per galaxy, of any file; one that a file lacks is missing there."""
        flat = zip(self._shapes, self._rows, strict=True)
        return list(dict.fromkeys(n for shapes, k in flat for n, shape in shapes.items() if shape in ((k,), (k, 1))))

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns of all files."""
        parts = [
            table_to_frame(flat_columns(path, names, rows)).reindex(range(rows))
            for path, rows in zip(self.paths, self._rows, strict=True)
        ]
        return pd.concat(parts, ignore_index=True)

    def read(self, rows: NDArray[np.int64], catalogue: pd.DataFrame) -> Stamps:  # noqa: ARG002
        """Stamps as they are, cropped."""
        layout = self.layout
        images = np.empty((len(rows), len(layout.bands), layout.height, layout.width), np.float32)
        for number, positions, local in split_rows(self._starts, rows):
            with open_hdf5(self.paths[number]) as file:
                images[positions] = read_rows(file, self._image, local, (slice(None), *self._crops[number]))
        return judged(images)


def _image_shape(
    path: Path, name: str, datasets: dict[str, tuple[int, ...]], bands: tuple[str, ...]
) -> tuple[int, ...]:
    """Return (galaxies, bands, height, width) of the images of a file, or say what is wrong with them."""
    shape = require_images(path, name, datasets)
    if shape[1] != len(bands) and shape[-1] == len(bands):
        raise InputError(
            f"{path}: dataset '{name}' {shape} has its axes swapped; (galaxies, bands, height, width) is due."
        )
    if shape[1] != len(bands):
        raise InputError(
            f"{path}: dataset '{name}' {shape} has {shape[1]} bands and {len(bands)} are named ({' '.join(bands)});"
            " name them in the archive's order: ingest.bands=[…]."
        )
    return shape
