"""Read rows of HDF5 datasets; a file is opened for each read, as handles must not be shared between processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError, nearest
from photoz_lit.tables.hdf5_file import open_hdf5 as open_hdf5

_CHUNK_BYTES = 64e6
_LARGEST_RATIO = 1100  # deflate packs at most 1032 bytes into one
_WIDEST_VALUE = 4096  # bytes; no column of a catalogue is wider


def dataset_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of the datasets at the root of a file.

    Raises
    ------
    InputError : a dataset claims more than its file can hold.
    """
    largest, shapes = _LARGEST_RATIO * (path.stat().st_size + 4096), {}
    with open_hdf5(path) as file:
        for name in file:
            item = _opened(file, name)
            if not isinstance(item, h5py.Dataset) or item.shape is None:
                continue
            size = math.prod(item.shape) * item.dtype.itemsize  # numpy's product would overflow
            if size > largest:
                raise InputError(
                    f"{path}: dataset '{name}' claims {item.shape} values, {size:,} bytes, which its"
                    f" {path.stat().st_size:,} bytes cannot hold; copy the file again."
                )
            shapes[name] = tuple(item.shape)
    return shapes


def _opened(file: h5py.File, name: str) -> Any:
    """Return an object of a file; None for a link that leads nowhere or in a circle."""
    try:
        return file[name]
    except (KeyError, OSError, RuntimeError):
        return None


def require_images(path: Path, name: str, shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape of a dataset of stamps, four axes of numbers.

    Raises
    ------
    InputError : it is missing, empty, or of another kind.
    """
    shape = require_dataset(path, name, shapes, 4)
    with open_hdf5(path) as file:
        kind = file[name].dtype
    if kind.kind not in "fiu" or 0 in shape:
        raise InputError(f"{path}: dataset '{name}' is {kind} {shape}; stamps need numbers, and one galaxy at least.")
    return shape


def require_dataset(path: Path, name: str, shapes: dict[str, tuple[int, ...]], ndim: int) -> tuple[int, ...]:
    """Return the shape of a dataset.

    Raises
    ------
    InputError : it is missing or has another number of axes.
    """
    if name not in shapes:
        raise InputError(f"{path} has no dataset '{name}'{nearest(name, shapes)}")
    if len(shapes[name]) != ndim:
        raise InputError(f"{path}: dataset '{name}' is {shapes[name]}; {ndim} axes are due.")
    return shapes[name]


def read_rows(file: h5py.File, name: str, rows: NDArray[np.int64], crop: tuple[Any, ...] = ()) -> NDArray[Any]:
    """Return some rows of a dataset, reading the span between the first and the last in pieces of bounded size.

    Parameters
    ----------
    rows : (n,) row numbers, in any order.
    crop : slices of the further axes.

    Raises
    ------
    InputError : the data are damaged.
    """
    dataset = file[name]
    order = np.argsort(rows, kind="stable")
    parts = []
    row_bytes = int(np.prod(dataset.shape[1:], dtype=np.int64)) * dataset.dtype.itemsize
    step = max(1, int(_CHUNK_BYTES // max(row_bytes, 1)))
    try:
        for start in range(0, len(rows), step):
            wanted = rows[order[start : start + step]]
            first, last = int(wanted[0]), int(wanted[-1])
            if last - first < 4 * len(wanted):  # a slice is far faster than h5py's list of points
                parts.append(dataset[(slice(first, last + 1), *crop)][wanted - first])
            else:
                parts.append(np.stack([dataset[(int(row), *crop)] for row in wanted]))
    except (OSError, RuntimeError) as error:
        raise InputError(f"{file.filename}: dataset '{name}' is damaged ({error}); copy the file again.") from error
    stacked = np.concatenate(parts) if parts else np.empty((0, *dataset.shape[1:]), dataset.dtype)
    out = np.empty_like(stacked)
    out[order] = stacked
    return out


def flat_columns(path: Path, names: Sequence[str], rows: int) -> dict[str, NDArray[Any]]:
    """Return the datasets of these names that hold one value per row.

    Raises
    ------
    InputError : a column's values are too wide to be a catalogue's, or damaged.
    """
    out = {}
    with open_hdf5(path) as file:
        for name in names:
            item = _opened(file, name) if name in file else None
            if not isinstance(item, h5py.Dataset) or item.shape not in ((rows,), (rows, 1)):
                continue
            if item.dtype.itemsize > _WIDEST_VALUE:
                raise InputError(
                    f"{path}: a value of column '{name}' takes {item.dtype.itemsize:,} bytes, which no catalogue needs;"
                    " leave it out."
                )
            try:
                out[name] = item[()].reshape(rows)
            except (OSError, RuntimeError) as error:
                raise InputError(f"{path}: dataset '{name}' is damaged ({error}); copy the file again.") from error
    return out
