"""Open a file of stamps as numpy writes it, find the stamps in it and what it says of them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.ingest.npy import ArrayHeader, NpyFile, StoredArray
from photoz_lit.ingest.npz import NpzMember, array_headers

BANDS_MEMBER = "bands"  # an .npz may name its bands


@dataclass(frozen=True)
class ImageFile:
    """A file with stamps.

    Attributes
    ----------
    path : the file.
    array : the stamps.
    member : its name within an ``.npz``, None for a ``.npy`` file.
    """

    path: Path
    array: StoredArray
    member: str | None


def open_images(path: Path, member: str | None) -> ImageFile:
    """Open the stamps of a file.

    Parameters
    ----------
    path : the file.
    member : of an ``.npz``; None takes the only one that can be stamps.

    Raises
    ------
    InputError : it is no such file, or holds no stamps or several arrays that can be.
    """
    if not zipfile.is_zipfile(path):
        array: StoredArray = NpyFile(path)
    else:
        headers = array_headers(path)
        if member is None:
            member = _only_images(path, headers)
        array = NpzMember(path, member)
    if not (array.dtype.kind in "fiu" and len(array.shape) in (3, 4) and 0 not in array.shape):
        raise InputError(
            f"{array.where} is {array.dtype} {array.shape}; numbers (galaxies, bands, height, width) or (galaxies,"
            " height, width, bands) are due. Name the files of stamps: ingest.path=<file or pattern>."
        )
    return ImageFile(path, array, member if isinstance(array, NpzMember) else None)


def _only_images(path: Path, headers: dict[str, ArrayHeader]) -> str:
    found = [name for name, header in headers.items() if header.is_images and len(header.shape) == 4]
    found = found or [name for name, header in headers.items() if header.is_images and len(header.shape) == 3]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{name} {headers[name].shape}" for name in found or headers)
    what = "several arrays that can be stamps" if found else "no array of stamps (galaxies, bands, height, width)"
    raise InputError(f"{path} holds {what}: {listed}; choose one: ingest.options.images=<member>.")


def band_names(file: ImageFile) -> tuple[str, ...] | None:
    """Return the bands as the file names them (member ``bands``), None where it does not.

    Raises
    ------
    InputError : a name stands there twice.
    """
    if file.member is None:
        return None
    header = array_headers(file.path).get(BANDS_MEMBER)
    if header is None or header.dtype.kind not in "SU" or len(header.shape) != 1:
        return None
    values = NpzMember(file.path, BANDS_MEMBER).values()
    names = tuple((v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v)).strip() for v in values.tolist())
    if len(set(names)) != len(names):
        raise InputError(
            f"{file.path} names its bands {' '.join(names)}, one of them twice; correct its member 'bands'."
        )
    return names


def open_values(file: ImageFile, name: str) -> NDArray[np.generic]:
    """Return one value per stamp: a member of the file's ``.npz``, or a ``.npy`` file.

    Raises
    ------
    InputError : it is not there, or is not of one value per stamp.
    """
    array: StoredArray = NpzMember(file.path, name) if file.member is not None else NpyFile(Path(name))
    if array.shape not in ((len(file.array),), (len(file.array), 1)):
        raise InputError(
            f"{array.where} is {array.shape} and there are {len(file.array)} stamps; ingest.options.ids needs one id of"
            " each."
        )
    return array.values()
