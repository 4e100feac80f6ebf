"""SDSS cubes of Pasquet et al. 2019: the public ``sdss.npz`` and the example file of the same authors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.config_errors import checked
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.cut_stamps import judged
from photoz_lit.ingest.npz import NpzMember, flat_members, member_names
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Layout, Source, Stamps, archive_files, centre_crop
from photoz_lit.settings import Settings
from photoz_lit.tables.frame import table_to_frame


class SdssOptions(Settings):
    """Member names.

    Attributes
    ----------
    cube : names that the images may have; the first one that is there is read.
    labels : record array of the catalogue; without it the other members of one value per galaxy are the catalogue.
    """

    cube: list[str]
    labels: str


class SdssNpz(Source):
    """Reads ``cube`` (N, H, W, bands) with ``labels``, or ``data`` with ``z`` (N, 1) and ``ebv`` (N, 1).

    The table holds the columns of the record array, or the flat members; without ``specObjID`` the second layout is
    numbered by rows.
    """

    def __init__(self, settings: IngestSettings, field: Field) -> None:
        options = checked(SdssOptions, settings.options, "ingest.options.")
        paths = archive_files(settings.path, ["*.npz"])
        if len(paths) > 1:
            raise InputError(
                f"ingest.path={settings.path} holds {len(paths)} archives ({paths[0].name}, {paths[1].name} …); ingest"
                f" one at a time, e.g. ingest.path={paths[0]}, and train on all stores: data.store=[<store>,<store>]."
            )
        self.path = paths[0]
        members = member_names(self.path)
        name = next((n for n in options.cube if n in members), options.cube[0])
        self._cube = NpzMember(self.path, name)
        self._labels = NpzMember(self.path, options.labels) if options.labels in members else None
        self._flat = {} if self._labels else flat_members(self.path, len(self._cube), (name,))
        self._check_labels()
        self.numbered = self._labels is None and "specObjID" not in self._flat
        bands = tuple(settings.bands or field.band_names)
        height, width = cube_shape(self._cube, bands)
        self._crop = centre_crop(height, width, settings.stamp_size, str(self.path))
        scale = settings.pixel_scale or field.pixel_scale
        self.layout = Layout.cropped(settings, bands, self._crop, scale, [self.path], not self._cube.mapped)

    def _check_labels(self) -> None:
        if self._labels is not None and self._labels.dtype.names is None:
            raise InputError(
                f"{self.path}: member '{self._labels.name}' is no record array but {self._labels.dtype}"
                f" {self._labels.shape}; its columns need names."
            )
        for member in [self._labels, *self._flat.values()]:
            if member is not None and len(member) != len(self._cube):
                raise InputError(
                    f"{self.path}: member '{member.name}' has {len(member)} rows and '{self._cube.name}'"
                    f" {len(self._cube)}; they must be of the same galaxies."
                )

    def column_names(self) -> list[str]:
        """Columns of the record array, or the flat members."""
        if self._labels is not None:
            return list(self._labels.dtype.names or ())
        return ["specObjID", *("EBV" if name == "ebv" else name for name in self._flat)]

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns, read from the archive."""
        known = [name for name in self.column_names() if name in names]
        if self._labels is not None:
            return table_to_frame(self._labels.columns(known)).reindex(range(len(self._cube)))
        rows = np.arange(len(self._cube))
        flat = {("EBV" if name == "ebv" else name): member.read(rows).ravel() for name, member in self._flat.items()}
        flat.setdefault("specObjID", rows.astype(str).astype(object))
        return table_to_frame({name: flat[name] for name in known}).reindex(rows)

    def read(self, rows: NDArray[np.int64], catalogue: pd.DataFrame) -> Stamps:  # noqa: ARG002
        """Stamps, channel first."""
        cube = self._cube.read(rows)[:, self._crop[0], self._crop[1]]
        return judged(np.moveaxis(cube, -1, 1))


def cube_shape(cube: NpzMember, bands: Sequence[str]) -> tuple[int, int]:
    """Return height and width of a channel-last cube.

    Raises
    ------
    InputError : the axes are not (galaxy, height, width, band), or the bands do not fit.
    """
    where = f"{cube.path}: member '{cube.name}' {cube.shape}"
    if len(cube.shape) != 4 or not len(cube):
        raise InputError(f"{where} is no cube of galaxies; (galaxies, height, width, bands) is due.")
    if cube.dtype.kind not in "fiu":
        raise InputError(f"{where} holds {cube.dtype}, not numbers; save it as float32.")
    _, height, width, channels = cube.shape
    if height != width and width == channels:
        raise InputError(f"{where} has its axes swapped; (galaxies, height, width, bands) is due, with the bands last.")
    if channels != len(bands):
        raise InputError(
            f"{where} has {channels} bands in its last axis and {len(bands)} are named ({' '.join(bands)});"
            " name them in the archive's order: ingest.bands=[…]."
        )
    return int(height), int(width)
