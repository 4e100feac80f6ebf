"""What a reader is: an archive's description, its table, and its stamps row by row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.ingest.settings import IngestSettings


class StampFlag(IntFlag):
    """What is wrong with a stamp; 0 is clean.

    Attributes
    ----------
    EDGE : the stamp reaches over the edge of the images; what is missing is NaN.
    GAP : pixels inside the images are unknown (no data, weight 0, masked, saturated, blocks of zeros); they are NaN.
    MASKED : such a masked pixel lies near the galaxy.
    SATURATED : such a saturated pixel lies near the galaxy.
    ARCHIVE : the archive's own flag is set.
    NO_BAND : a band has no pixels at all; the catalogue's ``missing_<band>`` says which.
    """

    EDGE = 1
    GAP = 2
    MASKED = 4
    SATURATED = 8
    ARCHIVE = 16
    NO_BAND = 32


INCOMPLETE = StampFlag.EDGE | StampFlag.GAP | StampFlag.NO_BAND


@dataclass(frozen=True)
class Layout:
    """What the stamps of an archive are.

    Attributes
    ----------
    bands : names, in the order of the image's second axis.
    height, width : of a stamp [pixel].
    pixel_scale : [arcsec / pixel].
    flux_unit : name of the linear flux unit.
    zero_points : band -> AB magnitude of one flux unit [mag].
    files : the files that are read, for provenance.
    sequential : rows can only be read forwards at full speed (a compressed archive).
    notes : what the user should know of the archive, one sentence each; shown on the terminal.
    """

    bands: tuple[str, ...]
    height: int
    width: int
    pixel_scale: float
    flux_unit: str
    zero_points: dict[str, float]
    files: tuple[Path, ...]
    sequential: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def cropped(
        cls,
        settings: IngestSettings,
        bands: tuple[str, ...],
        crop: tuple[slice, slice],
        pixel_scale: float,
        files: Sequence[Path],
        sequential: bool = False,
    ) -> Layout:
        """Return the layout of stamps cut out of an archive's arrays; the zero points are those of the settings.

        Raises
        ------
        InputError : a band has no zero point.
        """
        height, width = (side.stop - side.start for side in crop)
        zero_points = require_zero_points(settings.zero_points, bands, str(files[0]))
        return cls(bands, height, width, pixel_scale, settings.flux_unit, zero_points, tuple(files), sequential)


@dataclass(frozen=True)
class Stamps:
    """Some galaxies' images.

    Attributes
    ----------
    images : (n, bands, height, width) linear flux; NaN where there are no data.
    flags : (n,) :class:`~photoz_lit.ingest.source.StampFlag` bits.
    unknown : reason -> share of the stamp's pixels, of all bands, that are NaN by it, (n,).
    """

    images: NDArray[np.float32]
    flags: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    unknown: dict[str, NDArray[np.float32]] = field(default_factory=dict)


class Source(ABC):
    """An opened archive. A reader is a subclass whose constructor takes ``(settings, field)``.

    ``settings`` is an :class:`~photoz_lit.ingest.settings.IngestSettings`, ``field`` a
    :class:`~photoz_lit.fields.Field`. Readers raise ``InputError`` for every slip of the archive.
    """

    layout: Layout
    #: Why :meth:`reading_order` leaves a galaxy out.
    without_image: ClassVar[str] = "without an image"
    #: Whether the reader itself numbers the rows for want of ids.
    numbered: bool = False

    @abstractmethod
    def column_names(self) -> list[str]:
        """Columns of the archive's table."""

    @abstractmethod
    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """Return these columns (unknown ones are left out), one row per galaxy of the archive, with a plain index."""

    @abstractmethod
    def read(self, rows: NDArray[np.int64], catalogue: pd.DataFrame) -> Stamps:
        """Read the stamps of some rows of the archive.

        Parameters
        ----------
        rows : row numbers in the archive's table, (n,).
        catalogue : the mapped catalogue of these rows.
        """

    def reading_order(self, catalogue: pd.DataFrame) -> NDArray[np.int64]:
        """Positions in the catalogue in the order in which reading is fast; those without any image are left out."""
        return np.arange(len(catalogue))


def blanked(images: NDArray[Any]) -> Stamps:
    """Return stamps as native float32, pixels that are not finite as NaN and flagged.

    Parameters
    ----------
    images : (n, bands, height, width) of any type and byte order; float32 may be changed in place, to save memory.
    """
    pixels = np.asarray(images, dtype=np.float32, order="C")
    if not pixels.flags.writeable:
        pixels = pixels.copy()
    finite: NDArray[np.bool_] = np.isfinite(pixels)
    pixels[~finite] = np.nan
    flags = np.where(np.all(finite, axis=(1, 2, 3)), 0, int(StampFlag.GAP))
    lacks_band = ~np.all(np.any(finite, axis=(2, 3)), axis=1)
    flags = flags | np.where(lacks_band, int(StampFlag.NO_BAND), 0)
    unknown = 1.0 - np.count_nonzero(finite, axis=(1, 2, 3)) / max(1, finite[:1].size)
    return Stamps(pixels, flags.astype(np.int64), {"gap": unknown.astype(np.float32)})


def centre_crop(height: int, width: int, size: int | None, where: str) -> tuple[slice, slice]:
    """Return the slices of the central ``size`` pixels; all of them where ``size`` is None.

    Raises
    ------
    InputError : the stamps are smaller than that.
    """
    if size is None:
        return slice(0, height), slice(0, width)
    if size > min(height, width):
        raise InputError(f"{where} has stamps of {height}×{width} pixels; ingest.stamp_size={size} is larger.")
    top, left = (height - size) // 2, (width - size) // 2
    return slice(top, top + size), slice(left, left + size)


def split_rows(starts: NDArray[np.int64], rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64], Any]]:
    """Share global rows among files.

    Parameters
    ----------
    starts : first global row of each file and the total, (files + 1,).
    rows : global rows.

    Yields
    ------
    File number, positions in ``rows``, and the rows within that file.
    """
    owner = np.searchsorted(starts, rows, side="right") - 1
    for number in np.unique(owner):
        positions = np.flatnonzero(owner == number)
        yield int(number), positions, rows[positions] - starts[number]


def archive_files(path: str | None, patterns: Sequence[str]) -> list[Path]:
    """Return the files of an archive: one file, a folder's (with subfolders), or those of a pattern, sorted.

    Raises
    ------
    InputError : no path is given, nothing is there, or nothing fits the patterns.
    """
    if not path:
        raise InputError("ingest.path is missing; give the archive: ingest.path=<file or folder>.")
    place = Path(path)
    if place.is_dir():
        found = sorted({p for pattern in patterns for p in place.rglob(pattern) if p.is_file()})
        if not found:
            raise InputError(f"{place} holds no {' or '.join(patterns)} file; give the archive's folder.")
        return found
    if place.is_file():
        return [place]
    found = sorted(p for p in Path(place.anchor or ".").glob(str(place.relative_to(place.anchor))) if p.is_file())
    if not found:
        raise InputError(f"ingest.path={path} is not there; correct it.")
    return found


def require_zero_points(zero_points: dict[str, float], bands: Sequence[str], where: str) -> dict[str, float]:
    """Return the zero points of these bands.

    Raises
    ------
    InputError : one is unknown.
    """
    unknown = [band for band in bands if not np.isfinite(zero_points.get(band, np.nan))]
    if len(unknown) == 1:
        raise InputError(
            f"{where}: the AB zero point of band '{unknown[0]}' is unknown; give ingest.zero_points.{unknown[0]}=27"
            " with the AB magnitude of one flux unit as its number."
        )
    if unknown:
        example = ", ".join(f"{band}: 27" for band in unknown)
        raise InputError(
            f"{where}: the AB zero points of bands {', '.join(unknown)} are unknown; give"
            f" 'ingest.zero_points={{{example}}}' with the AB magnitudes of one flux unit as its numbers."
        )
    return {band: float(zero_points[band]) for band in bands}
