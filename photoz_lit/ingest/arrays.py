"""The user's own arrays: ``.npy`` or ``.npz`` files of stamps, and a table of the galaxies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.config_errors import checked
from photoz_lit.data.mapping import map_columns
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.array_files import ImageFile, band_names, open_images, open_values
from photoz_lit.ingest.array_layout import find_layout, in_order
from photoz_lit.ingest.catalogue_file import CatalogueFile
from photoz_lit.ingest.cut_stamps import common_crops, judged
from photoz_lit.ingest.npz import flat_members
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


class ArraysOptions(Settings):
    """Which arrays of the files are meant.

    Attributes
    ----------
    images : member of an ``.npz`` with the stamps; null takes the only one that can be.
    ids : object ids of the stamps: a member of each ``.npz``, or a ``.npy`` file beside one of stamps. With them the
        table may have other rows in another order; without them its rows are the stamps'.
    """

    images: str | None
    ids: str | None


class Arrays(Source):
    """Reads stamps (N, bands, height, width) or (N, height, width, bands) of one file or several.

    The table is ``ingest.catalogue``, or the members of an ``.npz`` with one value per galaxy.
    """

    without_image = "without a stamp"

    def __init__(self, settings: IngestSettings, field: Field) -> None:  # noqa: ARG002  # a user's pixels are no field's
        self._options = options = checked(ArraysOptions, settings.options, "ingest.options.")
        self.paths = in_order(archive_files(settings.path, ["*.npy", "*.npz"]), by_rows=options.ids is None)
        self._files = [open_images(path, options.images) for path in self.paths]
        self._channels, bands, total = _chosen_bands(self._files, settings)
        self._layouts = [find_layout(f.array.shape, total, settings.layout, f.array.where) for f in self._files]
        self._crops = common_crops(
            [(layout.height, layout.width) for layout in self._layouts],
            settings.stamp_size,
            [file.array.where for file in self._files],
        )
        crop = self._crops[0]
        self._starts = np.concatenate([[0], np.cumsum([len(file.array) for file in self._files])])
        if settings.pixel_scale is None:
            raise InputError(
                f"{self.paths[0]} does not say how large its pixels are; give ingest.pixel_scale=0.2 with the"
                " arcsec per pixel as its number."
            )
        self._catalogue = CatalogueFile.of(settings) if settings.catalogue else None
        self._flat = [] if self._catalogue else [self._flat_columns(file) for file in self._files]
        self._numbers = self._numbers_by_id() if options.ids else None
        files = [*self.paths, *([self._catalogue.path] if self._catalogue else [])]
        packed = not all(file.array.mapped for file in self._files)
        self.layout = Layout.cropped(settings, bands, crop, settings.pixel_scale, files, packed)
        self._require_rows()

    def _flat_columns(self, file: ImageFile) -> dict[str, NDArray[np.generic]]:
        """Return what a file itself holds of its galaxies."""
        if file.member is None:
            raise InputError(
                "ingest.catalogue is missing; give the table of the galaxies, one row per stamp in the same order:"
                " ingest.catalogue=<file>."
            )
        out: dict[str, NDArray[np.generic]] = {}
        for name, member in flat_members(file.path, len(file.array), (file.member,)).items():
            if member.dtype.names:
                out.update(member.columns([n for n in member.dtype.names if member.dtype[n].kind in "fiubSU"]))
            else:
                out[name] = member.values()
        if not out:
            raise InputError(
                f"{file.path} holds no columns beside its stamps; give the table of the galaxies:"
                " ingest.catalogue=<file>."
            )
        return out

    def _numbers_by_id(self) -> pd.Series:
        """Return the number of each stamp by its id."""
        parts = [open_values(file, str(self._options.ids)) for file in self._files]
        ids = pd.concat([table_to_frame({"object_id": part}) for part in parts], ignore_index=True)
        numbers = pd.Series(np.arange(len(ids)), map_columns(ids, {"object_id": "object_id"})["object_id"])
        repeated = numbers.index[numbers.index.duplicated()]
        if len(repeated):
            raise InputError(
                f"{self.paths[0]}: id '{repeated[0]}' of ingest.options.ids={self._options.ids} stands there twice;"
                " keep one stamp of each."
            )
        return numbers

    def _require_rows(self) -> None:
        """Without ids the table and the stamps must be of the same galaxies."""
        if self._catalogue is None or self._numbers is not None:
            return
        rows, stamps = len(self._catalogue.read(self.column_names()[:1])), int(self._starts[-1])
        if rows != stamps:
            place = self.paths[0].parent if len(self.paths) > 1 else self.paths[0]
            raise InputError(
                f"{self._catalogue} has {rows} rows and {place} {stamps} stamps; they must be of the same galaxies in"
                " the same order, or the stamps need ids: ingest.options.ids=<member or file>."
            )

    def column_names(self) -> list[str]:
        """Columns of the catalogue, else the members that all files have."""
        if self._catalogue is not None:
            return self._catalogue.columns()
        return [name for name in self._flat[0] if all(name in columns for columns in self._flat)]

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns."""
        if self._catalogue is not None:
            return self._catalogue.read(names)
        known = [name for name in self.column_names() if name in names]
        parts = [
            table_to_frame({name: columns[name] for name in known}).reindex(range(len(file.array)))
            for file, columns in zip(self._files, self._flat, strict=True)
        ]
        return pd.concat(parts, ignore_index=True)

    def reading_order(self, catalogue: pd.DataFrame) -> NDArray[np.int64]:
        """Order the galaxies as the files hold them; with ids, those without a stamp are left out.

        Raises
        ------
        InputError : no galaxy has one.
        """
        if self._numbers is None:
            return np.arange(len(catalogue))
        numbers = self._stamp_numbers(catalogue)
        order = np.argsort(numbers, kind="stable")
        order = order[numbers[order] >= 0]
        if not len(order):
            raise InputError(
                f"no id of {self.paths[0]} (ingest.options.ids={self._options.ids}, the first is"
                f" '{self._numbers.index[0]}') stands in the catalogue, whose first is"
                f" '{catalogue['object_id'].iloc[0]}'; is ingest.columns.object_id right?"
            )
        return order

    def _stamp_numbers(self, catalogue: pd.DataFrame) -> NDArray[np.int64]:
        """Return the stamps of some galaxies, −1 where there is none."""
        assert self._numbers is not None
        ids = pd.Index(catalogue["object_id"].astype(str))
        return np.asarray(self._numbers.index.get_indexer(ids), np.int64)

    def read(self, rows: NDArray[np.int64], catalogue: pd.DataFrame) -> Stamps:
        """Stamps of any of the files."""
        numbers = rows if self._numbers is None else self._stamp_numbers(catalogue)
        layout = self.layout
        images = np.empty((len(rows), len(layout.bands), layout.height, layout.width), np.float32)
        for number, positions, local in split_rows(self._starts, numbers):
            for place, values in self._files[number].array.pieces(local):
                stamps = self._layouts[number].stamps(values, self._channels, self._crops[number])
                images[positions[place]] = stamps
        return judged(images)


def _chosen_bands(files: Sequence[ImageFile], settings: IngestSettings) -> tuple[list[int], tuple[str, ...], int]:
    """Return which bands of the arrays are taken, their names, and how many bands the arrays have.

    Bands that the files name are picked by name; else ``ingest.bands`` names all in the arrays' order.
    """
    named = [band_names(file) for file in files]
    first = next((names for names in named if names), None)
    for file, names in zip(files, named, strict=True):
        if first and names != first:
            raise InputError(
                f"{file.path} names the bands {' '.join(names or ()) or 'not'} and another file {' '.join(first)};"
                " ingest apart."
            )
    if first is None:
        if not settings.bands:
            raise InputError(
                f"{files[0].array.where} {files[0].array.shape} does not name its bands; name them in the array's"
                " order, e.g. ingest.bands=[g,r,i,z]."
            )
        return list(range(len(settings.bands))), tuple(settings.bands), len(settings.bands)
    wanted = tuple(settings.bands or first)
    for band in wanted:
        if band not in first:
            raise InputError(
                f"{files[0].path} names its bands {' '.join(first)}, '{band}' is not among them; choose some:"
                f" ingest.bands=[{','.join(first)}]."
            )
    return [first.index(band) for band in wanted], wanted, len(first)
