"""Members of an ``.npz`` archive read in place: memory-mapped where they are stored, streamed where compressed."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError, nearest

_CHUNK = 65536  # rows of a compressed record array held at once
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, …, length of the name, length of the extra field


class NpzMember:
    """One array of an archive.

    Parameters
    ----------
    path : the archive.
    name : of the member, without ``.npy``.

    Attributes
    ----------
    shape, dtype : of the array; the byte order is the file's.
    mapped : whether the member is stored uncompressed, so that any row is read in place.

    Raises
    ------
    InputError : the archive is broken, has no such member, or the member holds Python objects.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        with open_archive(path) as archive:
            names = [Path(n).stem for n in archive.namelist()]
            if name not in names:
                raise InputError(f"{path} has no member '{name}'{nearest(name, names)}")
            self._info = archive.infolist()[names.index(name)]
            try:
                with archive.open(self._info) as stream:
                    self.shape, self._fortran, self.dtype = _array_header(stream)
                    self._header_size = stream.tell()
            except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, struct.error) as error:
                raise InputError(f"{path}: member '{name}' is no complete array ({error}); copy it again.") from error
        if self.dtype.hasobject:
            raise InputError(
                f"{path}: member '{name}' holds pickled Python objects, which are not read for safety; save it as a"
                " record array."
            )
        self.mapped = self._info.compress_type == zipfile.ZIP_STORED
        if not self.shape or (self._fortran and not self.mapped and len(self.shape) > 1):
            what = "a scalar" if not self.shape else "compressed in Fortran order"
            raise InputError(f"{path}: member '{name}' is {what}; save it with np.savez in C order.")
        if not self.mapped and self._info.compress_type != zipfile.ZIP_DEFLATED:
            raise InputError(f"{path}: member '{name}' has an unusual compression; save it with np.savez.")
        self._map = self._mapped() if self.mapped else None
        self._stream: IO[bytes] | None = None
        self._next_row = 0

    def __len__(self) -> int:
        return int(self.shape[0])

    def _mapped(self) -> NDArray[Any]:
        """Map the member at its offset: local header, name, extra field, array header, then the data."""
        with self.path.open("rb") as file:
            file.seek(self._info.header_offset)
            head = file.read(_LOCAL_HEADER.size)
            size = os.fstat(file.fileno()).st_size
        if len(head) < _LOCAL_HEADER.size or head[:4] != b"PK\x03\x04":
            raise InputError(f"{self.path}: member '{self.name}' is not where the archive says; copy it again.")
        _, name_length, extra_length = _LOCAL_HEADER.unpack(head)
        offset = self._info.header_offset + _LOCAL_HEADER.size + name_length + extra_length + self._header_size
        if offset + int(np.prod(self.shape)) * self.dtype.itemsize > size:
            raise InputError(f"{self.path} ends before its member '{self.name}' does; copy the archive again.")
        order: Any = "F" if self._fortran else "C"
        if 0 in self.shape:
            return np.zeros(self.shape, self.dtype)
        return np.memmap(self.path, self.dtype, "r", offset, self.shape, order)

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return some rows, in the archive's byte order. Rows of a compressed member are best asked for in order.

        Raises
        ------
        InputError : the compressed data are broken.
        """
        if self._map is not None:
            first, last = (int(rows.min()), int(rows.max())) if len(rows) else (0, -1)
            if len(rows) and last - first + 1 == len(rows) and np.all(np.diff(rows) == 1):
                return np.asarray(self._map[first : last + 1])
            return np.asarray(self._map[rows])
        return self._streamed(rows)

    def columns(self, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return these columns of a record array, whole."""
        if self._map is not None:
            return {name: np.array(self._map[name]) for name in names}
        parts = []
        for start in range(0, len(self), _CHUNK):
            records = self._streamed(np.arange(start, min(start + _CHUNK, len(self))))
            parts.append({name: np.array(records[name]) for name in names})
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def _streamed(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        row_size = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
        try:
            for position in np.argsort(rows, kind="stable"):
                stream = self._stream_at(int(rows[position]), row_size)
                data = stream.read(row_size)
                if len(data) < row_size:
                    raise EOFError("it ends too early")
                out[position] = np.frombuffer(data, self.dtype).reshape(self.shape[1:])
                self._next_row += 1
        except (EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(
                f"{self.path}: member '{self.name}' is broken ({error}); copy the archive again."
            ) from error
        return out

    def _stream_at(self, row: int, row_size: int) -> IO[bytes]:
        """Return the decompressed stream, at a row; going back means to start again."""
        if self._stream is None or row < self._next_row:
            self._stream = open_archive(self.path).open(self._info.filename)
            self._skip(self._stream, self._header_size)
            self._next_row = 0
        self._skip(self._stream, (row - self._next_row) * row_size)
        self._next_row = row
        return self._stream

    @staticmethod
    def _skip(stream: IO[bytes], size: int) -> None:
        while size > 0:
            data = stream.read(min(size, 1 << 22))
            if not data:
                raise EOFError("it ends too early")
            size -= len(data)


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open an ``.npz`` file.

    Raises
    ------
    InputError : it is no archive, is cut off, or cannot be read.
    """
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise InputError(f"{path} is no .npz archive or is cut off ({error}); copy it again.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}).") from error


def member_names(path: Path) -> list[str]:
    """Return the names of the arrays in an archive."""
    with open_archive(path) as archive:
        return [Path(name).stem for name in archive.namelist()]


def _array_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"array format {version} is unknown")
    shape, fortran, dtype = readers[version](stream)
    return tuple(int(n) for n in shape), bool(fortran), dtype
