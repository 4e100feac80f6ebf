"""Open a file that may be compressed, and look at its beginning to see what it is."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from typing import Any, BinaryIO, cast

_PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_BEGINNINGS = {
    b"SIMPLE  =": "fits",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"PAR1": "parquet",
}
HEAD = 4096  # bytes


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading bytes, unpacked where it begins as gzip, bzip2 or xz does."""
    with path.open("rb") as file:
        start = file.read(8)
    for sign, opener in _PACKED.items():
        if start.startswith(sign):
            return cast(BinaryIO, opener(path, "rb"))
    return path.open("rb")


def kind_of_content(path: Path) -> str:
    """Return ``fits``, ``hdf5``, ``parquet``, ``votable`` or ``ecsv`` by a file's first bytes, else ``""``.

    Raises
    ------
    OSError, EOFError : the file cannot be read or unpacked.
    """
    with open_plain(path) as stream:
        head = stream.read(HEAD)
    for sign, kind in _BEGINNINGS.items():
        if head.startswith(sign):
            return kind
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"# %ECSV"):
        return "ecsv"
    return "votable" if text.startswith((b"<?xml", b"<VOTABLE")) and b"VOTABLE" in head else ""
