"""Write a CutoutStore block by block, atomically and resumably, from one process or several."""

from __future__ import annotations

import errno
import json
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.block_check import BLOCK_ROWS, block_checksum
from photoz_lit.data.catalogue import complete_catalogue
from photoz_lit.data.store import CATALOGUE, CutoutStore, StoreHeader, open_store
from photoz_lit.errors import InputError
from photoz_lit.files import write_text
from photoz_lit.rows import RowCount

FLOAT16_LARGEST = 6.0e4
FLOAT16_ROUNDING = 0.05
_FLOAT16_ROWS = 128  # rows looked at once


class Float16Error(InputError):
    """A block does not fit float16; write the store as float32."""


class StoreWriter:
    """Writes blocks of ``BLOCK_ROWS`` rows into ``<path>.partial``; :meth:`finish` makes it the store.

    A block counts as written once its small JSON file is there, so an interrupted job resumes with
    :meth:`missing_blocks`. Several processes may write different blocks of one partial store.

    Parameters
    ----------
    path : folder of the store to be; must not exist yet.
    header : describes the store; its checksums are filled in by :meth:`finish`.

    Raises
    ------
    InputError : the store exists, its folder cannot be written, or the disk is too small.
    """

    def __init__(self, path: str | Path, header: StoreHeader) -> None:
        self._name(path, header)
        if self.path.exists():
            raise InputError(f"{self.path} exists already; choose another 'store' or remove it.")
        try:
            self._prepare()
        except OSError as error:
            raise InputError(f"{self.partial} cannot be written ({error.strerror or error}).") from error

    @classmethod
    def begun(cls, path: str | Path, header: StoreHeader) -> StoreWriter:
        """Return a writer of a store that another process began; it begins and removes nothing.

        Raises
        ------
        InputError : no store is begun there, or another one.
        """
        writer = cls.__new__(cls)
        writer._name(path, header)
        if not writer._is_begun():
            raise InputError(f"{writer.partial} is gone, or of another store; give the command that writes it again.")
        return writer

    def _name(self, path: str | Path, header: StoreHeader) -> None:
        self.path = Path(path)
        self.header = header
        self.partial = self.path.with_name(self.path.name + ".partial")
        self._joined = self.partial / "store.json"

    def _is_begun(self) -> bool:
        plan = self.partial / "plan.json"
        return plan.is_file() and plan.read_text() == self.header.model_dump_json()

    def _prepare(self) -> None:
        if self._is_begun():
            return
        if self.partial.exists():
            shutil.rmtree(self.partial)
        (self.partial / "blocks").mkdir(parents=True)
        needed = int(np.prod(self.header.shape)) * np.dtype(self.header.dtype).itemsize
        free = shutil.disk_usage(self.partial).free
        if needed > free:
            shutil.rmtree(self.partial)
            raise InputError(
                f"{self.path} needs {needed / 1e9:.2f} GB and its disk has {free / 1e9:.2f} GB free; make room or"
                " write elsewhere."
            )
        np.lib.format.open_memmap(
            self.partial / "images.npy", "w+", dtype=self.header.dtype, shape=self.header.shape
        ).flush()
        _claim_space(self.partial / "images.npy")
        (self.partial / "plan.json").write_text(self.header.model_dump_json())

    @property
    def n_blocks(self) -> int:
        """Number of blocks of the whole store."""
        return -(-self.header.n_galaxies // BLOCK_ROWS)

    def block_rows(self, block: int) -> slice:
        """Rows of a block."""
        return slice(block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, self.header.n_galaxies))

    def missing_blocks(self) -> list[int]:
        """Blocks that are not written yet."""
        if self._joined.is_file():  # the blocks may be gone
            return []
        return [b for b in range(self.n_blocks) if not self._block_file(b, "json").is_file()]

    def write_block(self, block: int, images: NDArray[Any], catalogue: pd.DataFrame) -> None:
        """Write one block.

        Parameters
        ----------
        block : its number.
        images : (rows, bands, height, width) linear flux.
        catalogue : one row per image.

        Raises
        ------
        InputError : shapes do not fit, a pixel is not finite in float16's range, or the disk is full.
        """
        rows = self.block_rows(block)
        expected = (rows.stop - rows.start, *self.header.shape[1:])
        if images.shape != expected or len(catalogue) != expected[0]:
            raise InputError(
                f"block {block} of {self.path} has images {images.shape} and {len(catalogue)} catalogue rows;"
                f" {expected} are due."
            )
        if self.header.dtype == "float16":
            _require_float16(images, self.header.bands, self.path)
        pixels = np.ascontiguousarray(images, dtype=self.header.dtype)
        try:
            target = np.load(self.partial / "images.npy", mmap_mode="r+")
            target[rows] = pixels
            target.flush()
            del target
            complete_catalogue(catalogue, self.header.bands).to_parquet(self._block_file(block, "parquet"), index=False)
            write_text(self._block_file(block, "json"), json.dumps({"checksum": block_checksum(pixels)}))
        except OSError as error:
            raise InputError(
                f"{self.partial} cannot be written ({error.strerror or error}); what is there is kept and the same"
                " command goes on from it."
            ) from error

    def finish(self, provenance: dict[str, Any] | None = None) -> CutoutStore:
        """Join the catalogue, write ``store.json`` last and rename the folder into place.

        ``plan.json`` goes after that: stopped at any point, the same call goes on.

        Raises
        ------
        InputError : blocks are missing, or the disk is full.
        """
        missing = self.missing_blocks()
        if missing:
            raise InputError(f"{self.path}: {len(missing)} of {self.n_blocks} blocks are missing; run the task again.")
        try:
            if not self._joined.is_file():
                self._join(provenance or {})
            shutil.rmtree(self.partial / "blocks", ignore_errors=True)
            self.partial.rename(self.path)
            (self.path / "plan.json").unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written ({error.strerror or error}).") from error
        return open_store(self.path)

    def _join(self, provenance: dict[str, Any]) -> None:
        """Write the whole catalogue, then ``store.json``."""
        n = self.header.n_galaxies
        checksums = tuple(
            int(json.loads(self._block_file(b, "json").read_text())["checksum"]) for b in range(self.n_blocks)
        )
        parts = [pd.read_parquet(self._block_file(b, "parquet")) for b in range(self.n_blocks)]
        table = self.partial / CATALOGUE
        pd.concat(parts, ignore_index=True).to_parquet(table, index=False)
        header = self.header.model_copy(
            update={
                "checksums": checksums,
                "catalogue_checksum": zlib.crc32(table.read_bytes()),
                "rows": (self.header.rows or RowCount.of(n)).checked(n),
                "provenance": {**self.header.provenance, **provenance},
            }
        )
        write_text(self._joined, header.model_dump_json(indent=1))

    def _block_file(self, block: int, suffix: str) -> Path:
        return self.partial / "blocks" / f"{block:06d}.{suffix}"


def _claim_space(path: Path) -> None:
    """Allocate a sparse file's blocks, where the system can.

    A disk that fills up under a memory map kills the process instead of raising an error.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise


def write_store(path: str | Path, header: StoreHeader, images: NDArray[Any], catalogue: pd.DataFrame) -> CutoutStore:
    """Write a store that fits in memory, see :class:`StoreWriter`."""
    writer = StoreWriter(path, header)
    for block in writer.missing_blocks():
        rows = writer.block_rows(block)
        writer.write_block(block, images[rows], catalogue.iloc[rows])
    return writer.finish()


def float16_suits(images: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether half precision keeps each band: no pixel over 6e4, rms rounding below 5 % of the sky noise.

    The sky noise is 1.4826 · MAD of the band's outermost pixels.

    Parameters
    ----------
    images : (N, bands, height, width) linear flux.

    Returns
    -------
    (bands,) booleans.
    """
    return np.array([_float16_suits_band(images[:, band]) for band in range(images.shape[1])])


def _float16_suits_band(images: NDArray[Any]) -> bool:
    """:func:`float16_suits` of one band, (N, height, width), in pieces of bounded memory."""
    squares, edges = 0.0, []
    for start in range(0, len(images), _FLOAT16_ROWS):
        piece = images[start : start + _FLOAT16_ROWS].astype(np.float32)
        edge = np.concatenate([piece[:, 0], piece[:, -1], piece[..., 0], piece[..., -1]], axis=-1)
        edges.append(edge[np.isfinite(edge)])
        piece = np.where(np.isfinite(piece), piece, np.float32(0.0))
        if np.abs(piece).max(initial=0.0) > FLOAT16_LARGEST:
            return False
        squares += float(np.sum((piece.astype(np.float16).astype(np.float32) - piece) ** 2, dtype=np.float64))
    sky = np.concatenate([np.zeros(0), *edges])
    noise = 1.4826 * np.median(np.abs(sky - np.median(sky))) if len(sky) else 0.0
    return bool(np.sqrt(squares / max(images.size, 1)) <= FLOAT16_ROUNDING * noise)


def _require_float16(images: NDArray[Any], bands: tuple[str, ...], path: Path) -> None:
    bad = [band for band, suits in zip(bands, float16_suits(images), strict=True) if not suits]
    if bad:
        raise Float16Error(
            f"{path}: band {bad[0]} does not fit float16 (a pixel over 6e4, or rounding over 5 % of the sky noise);"
            " write it as float32."
        )
