"""Arrays on the disk, read row by row: ``.npy`` files in place, and what the header of an array says."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError

_CHUNK_BYTES = 64e6  # of a table held at once
_MOST_AXES = 32  # numpy maps no more
_LONGEST_HEADER = 10_000  # bytes, as numpy allows
_WIDEST_VALUE = 4096  # bytes; no column of a catalogue is wider
#: What reading a damaged or hostile header can raise.
BROKEN = (ValueError, EOFError, OSError, MemoryError, RecursionError, struct.error)


@dataclass(frozen=True)
class ArrayHeader:
    """What an array says of itself.

    Attributes
    ----------
    shape, dtype : of the array; the byte order is the file's.
    fortran : whether its first axis runs fastest.
    size : of the header [byte].
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    size: int

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize  # numpy's product would overflow

    @property
    def is_images(self) -> bool:
        """Whether it can be stamps: numbers along three axes or more."""
        return len(self.shape) >= 3 and 0 not in self.shape and self.dtype.kind in "fiu"


def read_header(stream: IO[bytes]) -> ArrayHeader:
    """Read the header of an array from the beginning of a stream.

    Raises
    ------
    One of :data:`BROKEN` : it is none.
    """
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"array format {version} is unknown")
    prefix = stream.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(prefix, "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header claims {length:,} bytes")
    text = io.BytesIO(prefix + stream.read(length))
    one_byte = np.lib.format.read_array_header_1_0
    shape, fortran, dtype = one_byte(text) if version == (1, 0) else np.lib.format.read_array_header_2_0(text)
    if any(n < 0 for n in shape) or len(shape) > _MOST_AXES:
        raise ValueError(f"shape {shape}")
    size = np.lib.format.MAGIC_LEN + len(prefix) + length
    return ArrayHeader(tuple(int(n) for n in shape), dtype, bool(fortran), size)


def one_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class StoredArray:
    """An array on the disk whose rows are read in any order, without loading the others.

    Parameters
    ----------
    path : the file.
    where : names the array in sentences.
    header : what it says of itself.
    offset : byte of the file at which the values lie, None where they are packed and a subclass reads them.
    end : byte of the file behind which nothing of the array can lie.

    Attributes
    ----------
    shape, dtype : of the array; the byte order is the file's.
    mapped : whether any row is read in place.

    Raises
    ------
    InputError : the file ends before the array does, or it holds Python objects.
    """

    def __init__(self, path: Path, where: str, header: ArrayHeader, offset: int | None, end: int) -> None:
        self.path, self.where = path, where
        self.shape, self.dtype = header.shape, header.dtype
        self.mapped = offset is not None
        if header.dtype.hasobject:
            raise InputError(
                f"{where} holds pickled Python objects, which are not read for safety; save it as a record array."
            )
        if not header.shape:
            raise InputError(f"{where} is a scalar; save it with np.savez in C order.")
        if header.nbytes == 0 and header.shape[0]:
            raise InputError(f"{where} claims {header.shape} values and holds none; save it again.")
        self._map: NDArray[Any] | None = None
        if offset is None:
            return
        if offset + header.nbytes > end:
            raise InputError(
                f"{where} claims {header.shape} values of {header.dtype.itemsize} bytes, and {path} ends before them;"
                " copy it again."
            )
        order: Any = "F" if header.fortran else "C"
        if header.nbytes == 0:
            self._map = np.zeros(header.shape if 0 in header.shape else (0,), header.dtype)
        else:
            self._map = np.memmap(path, header.dtype, "r", offset, header.shape, order)

    def __len__(self) -> int:
        return int(self.shape[0])

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return some rows, in the file's byte order. Rows of a packed array are best asked for in order.

        Raises
        ------
        InputError : packed data are broken.
        """
        if self._map is None:
            return self._unpacked(rows)
        first, last = (int(rows.min()), int(rows.max())) if len(rows) else (0, -1)
        if len(rows) and last - first + 1 == len(rows) and np.all(np.diff(rows) == 1):
            return np.asarray(self._map[first : last + 1])
        return np.asarray(self._map[rows])

    def _unpacked(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        raise NotImplementedError

    def pieces(self, rows: NDArray[np.int64]) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Yield some rows in pieces of bounded size, each with its place among the rows."""
        step = max(1, int(_CHUNK_BYTES // max(1, math.prod(self.shape[1:]) * self.dtype.itemsize)))
        for start in range(0, len(rows), step):
            yield slice(start, start + step), self.read(rows[start : start + step])

    def columns(self, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return these columns of a record array, whole.

        Raises
        ------
        InputError : a column's values are too wide to be a catalogue's.
        """
        for name in names:
            if self.dtype[name].itemsize > _WIDEST_VALUE:
                raise InputError(
                    f"{self.where}: a value of column '{name}' takes {self.dtype[name].itemsize:,} bytes, which no"
                    " catalogue needs; leave it out."
                )
        out = {name: np.empty((len(self), *self.dtype[name].shape), self.dtype[name].base) for name in names}
        for place, records in self.pieces(np.arange(len(self))):
            for name in names:
                out[name][place] = records[name]
        return out

    def values(self) -> NDArray[Any]:
        """Return an array of one value per row, whole, (rows,).

        Raises
        ------
        InputError : its values are too wide to be a catalogue's.
        """
        if self.dtype.itemsize > _WIDEST_VALUE:
            raise InputError(
                f"{self.where}: a value takes {self.dtype.itemsize:,} bytes, which no catalogue needs; leave it out."
            )
        return np.array(self.read(np.arange(len(self)))).reshape(len(self))


class NpyFile(StoredArray):
    """A ``.npy`` file, memory-mapped.

    Raises
    ------
    InputError : it is no such file, is cut off, or holds Python objects.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as stream:
                header = read_header(stream)
            end = path.stat().st_size
        except BROKEN as error:
            raise InputError(f"{path} is no whole .npy file ({one_line(error)}); copy it again.") from error
        super().__init__(path, str(path), header, header.size, end)
