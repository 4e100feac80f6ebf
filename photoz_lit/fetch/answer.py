"""Whether what a service sent is a whole FITS image with something in it; nothing else is kept."""

from __future__ import annotations

import bz2
import gzip
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

_BLOCK = 2880  # bytes; a FITS file is a number of these
_PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open}


class AnswerError(Exception):
    """An answer that is not kept, for some trouble that may pass; the message says why.

    Attributes
    ----------
    wait : seconds after which the service wants to be asked again, None where it does not say.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class RefusedError(AnswerError):
    """An answer that a second attempt would not change, though a correction may."""


class AbsentError(AnswerError):
    """The service has no image there."""


def require_image(path: Path) -> None:
    """Check a file as it came, packed or not.

    Raises
    ------
    AnswerError : it is empty, no FITS file, cut off, or holds no image.
    AbsentError : its image is blank.
    """
    head = path.open("rb").read(_BLOCK)
    if not head:
        raise AnswerError("empty answer")
    unpack: Any = next((opener for magic, opener in _PACKED.items() if head.startswith(magic)), None)
    try:
        length = path.stat().st_size
        if unpack is not None:
            with unpack(path, "rb") as file:
                head = file.read(_BLOCK)
                length = len(head)
                while block := file.read(1 << 20):
                    length += len(block)
        if not head.startswith(b"SIMPLE  ="):
            raise AnswerError(f"no FITS file ({_beginning(head)})")
        if length % _BLOCK:
            raise AnswerError(f"cut off after {length} bytes")
        known = _any_pixel(path)
    except AnswerError:
        raise
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, IndexError, UserWarning) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise AnswerError(f"unreadable FITS file ({reason})") from error
    if known is None:
        raise AnswerError("FITS file without an image")
    if not known:
        raise AbsentError("blank image: nothing was observed there")


def _any_pixel(path: Path) -> bool | None:
    """Whether the first HDU with an image has a pixel with a value; None where none has an image.

    All HDUs are decoded: the last one may be cut off.
    """
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what astropy corrects by itself
        warnings.filterwarnings("error", message=".*truncated.*")
        with fits.open(path, memmap=False, lazy_load_hdus=False) as hdus:
            for hdu in hdus:
                if hdu.is_image and hdu.header.get("NAXIS", 0) >= 2:
                    pixels = np.asarray(hdu.data)
                    found.append(bool(np.any(np.isfinite(pixels) & (pixels != 0))))
    return found[0] if found else None


def _beginning(head: bytes) -> str:
    """Return how an answer begins, in letters that can be printed."""
    text = " ".join(head[:60].decode("ascii", "replace").split())
    return f"it begins with '{text[:40]}'"
