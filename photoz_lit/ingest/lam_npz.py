"""HSC-CLAUDS cubes of LAM: many ``.npz`` files with ``cube``, ``info`` and perhaps ``flag``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.config_errors import checked
from photoz_lit.errors import InputError
from photoz_lit.fields import BAND_ORDER, Field
from photoz_lit.ingest.cut_stamps import common_crops, judged
from photoz_lit.ingest.npz import NpzMember, member_names
from photoz_lit.ingest.sdss_npz import cube_shape
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
from photoz_lit.tables.no_value import blank_missing

COMPUTED = ("z_best", "z_best_source", "flag_any")


class LamOptions(Settings):
    """Names of members and of the columns of ``info``.

    Attributes
    ----------
    cube, info, flag : members; the flag (N, bands) may be missing.
    z_spec, z_phot, z_flag : columns of redshifts and of the spectroscopic quality.
    secure : integer parts of ``z_flag`` with which z_spec is valid; empty takes every positive one, as does an
        ``info`` without the column.
    """

    cube: str
    info: str
    flag: str
    z_spec: str
    z_phot: str
    z_flag: str
    secure: list[int]


class LamNpz(Source):
    """Reads files one below the other; ``ID`` is the row number where a file has none.

    Computed columns: ``z_best`` (z_spec where valid, else z_phot), ``z_best_source`` (``spec``, ``photo``, "") and
    ``flag_any`` (a band of ``flag`` is set).
    """

    def __init__(self, settings: IngestSettings, field: Field) -> None:
        self._options = options = checked(LamOptions, settings.options, "ingest.options.")
        self.paths = archive_files(settings.path, ["*.npz"])
        self._cubes = [NpzMember(path, options.cube) for path in self.paths]
        self._infos = [NpzMember(path, options.info) for path in self.paths]
        self._flags = [NpzMember(p, options.flag) if options.flag in member_names(p) else None for p in self.paths]
        channels = self._cubes[0].shape[-1]
        if settings.bands is None and channels not in (6, 9):
            raise InputError(
                f"{self.paths[0]}: the cube has {channels} bands, which are unknown (6 and 9 are); name them:"
                " ingest.bands=[…]."
            )
        bands = tuple(settings.bands or BAND_ORDER[:channels])
        shapes = [cube_shape(cube, bands) for cube in self._cubes]
        self._check()
        self.numbered = any("ID" not in (info.dtype.names or ()) for info in self._infos)
        self._starts = np.concatenate([[0], np.cumsum([len(cube) for cube in self._cubes])])
        self._crops = common_crops(shapes, settings.stamp_size, [str(path) for path in self.paths])
        scale, packed = settings.pixel_scale or field.pixel_scale, not all(cube.mapped for cube in self._cubes)
        self.layout = Layout.cropped(settings, bands, self._crops[0], scale, self.paths, packed)

    def _check(self) -> None:
        for path, cube, info, flag in zip(self.paths, self._cubes, self._infos, self._flags, strict=True):
            if info.dtype.names is None or len(info) != len(cube):
                raise InputError(
                    f"{path}: member '{info.name}' {info.dtype.kind}{info.shape} is no record array of the cube's"
                    f" {len(cube)} galaxies."
                )
            if flag is not None and flag.shape != (len(cube), cube.shape[-1]):
                raise InputError(
                    f"{path}: member '{flag.name}' is {flag.shape}; {(len(cube), cube.shape[-1])} is due, one flag per"
                    " galaxy and band."
                )

    def column_names(self) -> list[str]:
        """Columns of any file's ``info``, and the computed ones."""
        named = dict.fromkeys(name for info in self._infos for name in info.dtype.names or ())
        return [*named, *([] if "ID" in named else ["ID"]), *COMPUTED]

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns of all files; one that a file lacks is NaN there."""
        options = self._options
        inner = {*names, options.z_spec, options.z_phot, options.z_flag, "ID"}
        parts = []
        for info in self._infos:
            known = [name for name in info.dtype.names or () if name in inner]
            parts.append(table_to_frame(info.columns(known)).reindex(range(len(info))))
        table = pd.concat(parts, ignore_index=True)
        if any("ID" not in part for part in parts):
            table["ID"] = np.arange(len(table)).astype(str).astype(object)
        unjudged = np.concatenate([np.full(len(part), options.z_flag not in part) for part in parts])
        z, source = self._best_redshift(table, unjudged)
        table["z_best"], table["z_best_source"], table["flag_any"] = z, source, self._any_flag()
        return table[[name for name in table.columns if name in names]]

    def _best_redshift(
        self, table: pd.DataFrame, unjudged: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
        """Return redshift and source; ``unjudged`` rows are of a file without the column of the quality."""

        def column(name: str) -> NDArray[np.float64]:
            return blank_missing(table[name]) if name in table else np.full(len(table), np.nan)

        options = self._options
        z_spec, z_phot, quality = column(options.z_spec), column(options.z_phot), column(options.z_flag)
        secure = z_spec > 0
        if options.secure:
            secure &= unjudged | np.isin(np.floor(quality), options.secure)
        photometric = ~secure & (z_phot >= 0)
        z = np.where(secure, z_spec, np.where(photometric, z_phot, np.nan))
        return z, np.where(secure, "spec", np.where(photometric, "photo", "")).astype(object)

    def _any_flag(self) -> NDArray[np.int64]:
        return np.concatenate(
            [
                np.zeros(len(cube), np.int64)
                if flag is None
                else np.any(flag.read(np.arange(len(flag))) != 0, axis=1).astype(np.int64)
                for cube, flag in zip(self._cubes, self._flags, strict=True)
            ]
        )

    def read(self, rows: NDArray[np.int64], catalogue: pd.DataFrame) -> Stamps:  # noqa: ARG002
        """Stamps of any of the files, channel first."""
        layout = self.layout
        images = np.empty((len(rows), len(layout.bands), layout.height, layout.width), np.float32)
        for number, positions, local in split_rows(self._starts, rows):
            rows_of, columns_of = self._crops[number]
            for place, cube in self._cubes[number].pieces(local):
                images[positions[place]] = np.moveaxis(cube[:, rows_of, columns_of], -1, 1)
        return judged(images)
