"""Members of an ``.npz`` archive read in place: memory-mapped where they are stored, streamed where compressed."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError, nearest
from photoz_lit.ingest.npy import BROKEN, ArrayHeader, StoredArray, one_line, read_header

_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, …, length of the name, length of the extra field
_LARGEST_RATIO = 1100  # deflate packs at most 1032 bytes into one
_UNREADABLE = (*BROKEN, zipfile.BadZipFile, zlib.error, RuntimeError)  # RuntimeError: encrypted, or an unknown packing


class NpzMember(StoredArray):
    """One array of an archive.

    Parameters
    ----------
    path : the archive.
    name : of the member, without ``.npy``.

    Raises
    ------
    InputError : the archive is broken, has no such member, or the member is larger than the file can hold, packed in an
        unusual way or of Python objects.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        where = f"{path}: member '{name}'"
        with open_archive(path) as archive:
            members = _members(archive)
            if name not in members:
                raise InputError(f"{path} has no member '{name}'{nearest(name, list(members))}")
            self._info = members[name]
            header = _member_header(archive, self._info, where)
        stored = self._info.compress_type == zipfile.ZIP_STORED
        if header.fortran and not stored and len(header.shape) > 1:
            raise InputError(f"{where} is compressed in Fortran order; save it with np.savez in C order.")
        if not stored and self._info.compress_type != zipfile.ZIP_DEFLATED:
            raise InputError(f"{where} has an unusual compression; save it with np.savez.")
        offset = _offset(path, self._info, where) + header.size if stored else None
        super().__init__(path, where, header, offset, path.stat().st_size)
        if not stored:
            _require_size(self._info, header, where)
        self._header_size = header.size
        self._stream: IO[bytes] | None = None
        self._next_row = 0

    def _unpacked(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        row_size = math.prod(self.shape[1:]) * self.dtype.itemsize
        try:
            for position in np.argsort(rows, kind="stable"):
                stream = self._stream_at(int(rows[position]), row_size)
                data = stream.read(row_size)
                if len(data) < row_size:
                    raise EOFError("it ends too early")
                out[position] = np.frombuffer(data, self.dtype).reshape(self.shape[1:])
                self._next_row += 1
        except _UNREADABLE as error:
            raise InputError(f"{self.where} is broken ({one_line(error)}); copy the archive again.") from error
        return out

    def _stream_at(self, row: int, row_size: int) -> IO[bytes]:
        """Return the decompressed stream, at a row; going back means to start again."""
        if self._stream is None or row < self._next_row:
            with open_archive(self.path) as archive:
                self._stream = archive.open(self._info)  # keeps the file open until it is closed itself
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
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise InputError(f"{path} is no .npz archive or is cut off ({one_line(error)}); copy it again.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}).") from error


def member_names(path: Path) -> list[str]:
    """Return the names of the arrays in an archive."""
    with open_archive(path) as archive:
        return list(_members(archive))


def array_headers(path: Path) -> dict[str, ArrayHeader]:
    """Return what the arrays of an archive say of themselves; scalars and Python objects are left out."""
    with open_archive(path) as archive:
        headers = {
            name: _member_header(archive, info, f"{path}: member '{name}'") for name, info in _members(archive).items()
        }
    return {name: header for name, header in headers.items() if header.shape and not header.dtype.hasobject}


def flat_members(path: Path, rows: int, apart_from: tuple[str, ...]) -> dict[str, NpzMember]:
    """Return the members with one value or record per row, by name.

    Parameters
    ----------
    rows : how many rows the images have.
    apart_from : members that are no part of the table.
    """
    return {
        name: NpzMember(path, name)
        for name, header in array_headers(path).items()
        if name not in apart_from and header.shape in ((rows,), (rows, 1)) and header.dtype.kind in "fiubSUV"
    }


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the arrays of an archive; of two with one name the later counts, as for numpy."""
    return {info.filename[:-4]: info for info in archive.infolist() if info.filename.endswith(".npy")}


def _member_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> ArrayHeader:
    try:
        with archive.open(info) as stream:
            return read_header(stream)
    except _UNREADABLE as error:
        raise InputError(f"{where} is no complete array ({one_line(error)}); copy it again.") from error


def _offset(path: Path, info: zipfile.ZipInfo, where: str) -> int:
    """Return the byte at which a stored member begins: behind its local header, name and extra field."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        head = file.read(_LOCAL_HEADER.size)
    if len(head) < _LOCAL_HEADER.size or head[:4] != b"PK\x03\x04":
        raise InputError(f"{where} is not where the archive says; copy it again.")
    _, name_length, extra_length = _LOCAL_HEADER.unpack(head)
    return int(info.header_offset + _LOCAL_HEADER.size + name_length + extra_length)


def _require_size(info: zipfile.ZipInfo, header: ArrayHeader, where: str) -> None:
    """Refuse a compressed member that is not as large as it says, before anything is made for it."""
    if header.size + header.nbytes != info.file_size:
        raise InputError(
            f"{where} claims {header.shape} values of {header.dtype.itemsize} bytes and has {info.file_size:,} bytes;"
            " copy it again."
        )
    if info.file_size > _LARGEST_RATIO * (info.compress_size + 64):
        raise InputError(
            f"{where} claims {info.file_size:,} bytes in {info.compress_size:,} packed ones, which no compression"
            " reaches; copy it again."
        )
