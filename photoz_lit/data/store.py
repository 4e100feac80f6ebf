"""CutoutStore: a folder with one memory-mapped image array and one catalogue row per galaxy."""

from __future__ import annotations

import json
import mmap
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ValidationError

from photoz_lit.data.block_check import BlockCheck
from photoz_lit.data.store_folder import require_store
from photoz_lit.errors import InputError
from photoz_lit.files import FileName
from photoz_lit.rows import RowCount
from photoz_lit.settings import Settings

STORE_VERSION = 1
CATALOGUE = "catalogue.parquet"
DataKind = Literal["simulated", "simulated_from_catalogue", "real"]


class StoreHeader(Settings):
    """Content of ``store.json``.

    Attributes
    ----------
    version : format version of the store.
    data : whether the pixels are simulated, drawn from a real catalogue, or real.
    field : name of the field (``conf/field``) the images come from.
    bands : band names, in the order of the image's second axis.
    pixel_scale : [arcsec / pixel].
    flux_unit : name of the linear flux unit of the pixels.
    zero_points : band -> AB magnitude of one flux unit [mag].
    n_galaxies, height, width : shape of the images, with ``bands``.
    dtype : type of the pixels.
    checksums : CRC-32 of each block of ``BLOCK_ROWS`` rows of the images.
    catalogue_checksum : CRC-32 of ``catalogue.parquet``.
    rows : rows of the catalogue that was read, those that became images and those left out, by reason.
    rows_of : the same of further tables, such as ``ingest.join``.
    provenance : how the store was made (settings, versions, seed, source files).
    """

    version: int = STORE_VERSION
    data: DataKind
    field: FileName
    bands: tuple[FileName, ...]
    pixel_scale: float
    flux_unit: str
    zero_points: dict[str, float]
    n_galaxies: int
    height: int
    width: int
    dtype: Literal["float32", "float16"] = "float32"
    checksums: tuple[int, ...] = ()
    catalogue_checksum: int = 0
    rows: RowCount | None = None
    rows_of: dict[str, RowCount] = {}
    provenance: dict[str, Any] = {}

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of ``images.npy``: (N, bands, height, width)."""
        return self.n_galaxies, len(self.bands), self.height, self.width


@dataclass(frozen=True)
class StoreImages:
    """Images of a store. They keep the archive's own linear unit; ``header.zero_points`` says which.

    Attributes
    ----------
    path : folder of the store.
    header : see :class:`StoreHeader`.
    images : read-only memory map, (N, bands, height, width).
    """

    path: Path
    header: StoreHeader
    images: NDArray[np.generic]
    _check: BlockCheck = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check = BlockCheck(self.path / "images.npy", self.images, self.header.checksums)
        object.__setattr__(self, "_check", check)

    def __len__(self) -> int:
        return self.header.n_galaxies

    @property
    def data_hash(self) -> str:
        """Short hash of images and catalogue, for provenance."""
        text = json.dumps([self.header.checksums, self.header.catalogue_checksum])
        return f"{zlib.crc32(text.encode()):08x}"

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.generic]:
        """Images of some rows, (n, bands, height, width); a block is compared with its checksum when first read.

        Raises
        ------
        InputError : a block differs; the sentence names the first one.
        """
        self._check.require(rows)
        return self.images[rows]

    def release(self) -> None:
        """Let go of the pages of the memory map that were read; the system counts them as this process's memory."""
        mapped = getattr(self.images, "_mmap", None)
        if isinstance(mapped, mmap.mmap):
            mapped.madvise(mmap.MADV_DONTNEED)

    def verify(self) -> None:
        """Compare every block with its checksum.

        Raises
        ------
        InputError : a block differs; the sentence names the first one.
        """
        BlockCheck(self.path / "images.npy", self.images, self.header.checksums).require(np.arange(len(self)))


@dataclass(frozen=True)
class CutoutStore(StoreImages):
    """A readable store: its images, and its catalogue in memory.

    Attributes
    ----------
    catalogue : one row per image, in the same order.
    """

    catalogue: pd.DataFrame


def open_store(path: str | Path) -> CutoutStore:
    """Open a store for reading.

    Raises
    ------
    InputError : no store there, a half-written one, another version, files that do not fit each other, or a
        catalogue that was changed after it was written.
    """
    found = open_images(path)
    try:
        catalogue = pd.read_parquet(found.path / CATALOGUE)
    except (OSError, ValueError) as error:
        raise InputError(_unreadable(found.path, error)) from error
    return CutoutStore(found.path, found.header, found.images, catalogue)


def open_images(path: str | Path) -> StoreImages:
    """Open a store and leave its catalogue on the disk, for stores of any length.

    Raises
    ------
    InputError : as :func:`open_store`.
    """
    folder = Path(path)
    require_store(folder)
    header = _read_header(folder / "store.json")
    try:
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        rows = pq.read_metadata(folder / CATALOGUE).num_rows
        checksum = file_checksum(folder / CATALOGUE) if header.catalogue_checksum else 0
    except (OSError, ValueError, EOFError) as error:
        raise InputError(_unreadable(folder, error)) from error
    if images.shape != header.shape or images.dtype != np.dtype(header.dtype) or rows != len(images):
        raise InputError(
            f"{folder}: images {images.dtype} {images.shape} and {rows} catalogue rows do not fit store.json"
            f" ({header.dtype} {header.shape}); write the store again."
        )
    if checksum != header.catalogue_checksum:
        raise InputError(
            f"{folder / CATALOGUE} was changed after the store was written, and runs would not know; write"
            " the store again, or give new labels as data.labels=<table>."
        )
    return StoreImages(folder, header, images)


def _unreadable(folder: Path, error: Exception) -> str:
    return f"{folder}: images or catalogue cannot be read ({error}); write the store again."


def file_checksum(path: Path) -> int:
    """Return the CRC-32 of a file."""
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _read_header(path: Path) -> StoreHeader:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); write the store again.") from error
    version = content.get("version") if isinstance(content, dict) else None
    if version != STORE_VERSION:
        raise InputError(f"{path}: store version {version} is not {STORE_VERSION}; write the store again.")
    try:
        return StoreHeader.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{path}: '{'.'.join(map(str, first['loc']))}' is wrong: {first['msg']}.") from error
