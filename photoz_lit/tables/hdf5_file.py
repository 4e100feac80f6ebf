"""Open an HDF5 file that holds all of its data itself."""

from __future__ import annotations

from pathlib import Path

import h5py

from photoz_lit.errors import InputError


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading.

    HDF5 lets a file name other files whose bytes it then shows as its own. Such a file, from elsewhere, would copy
    whatever the reader may read into a store, so it is refused.

    Raises
    ------
    InputError : it is no HDF5 file, is cut off, cannot be read, or takes data from other files.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        reason = str(error).split("(", 1)[-1].rstrip(")")
        raise InputError(
            f"{path} is no HDF5 file or is cut off ({reason}) and cannot be read; copy it again."
        ) from error
    try:
        _require_own_data(file, path)
    except BaseException:
        file.close()
        raise
    return file


def _require_own_data(file: h5py.File, path: Path) -> None:
    """Walk the file's own links; where none of them leaves it, no soft link can."""
    groups, seen = [file["/"]], {h5py.h5o.get_info(file.id).addr}
    while groups:
        group = groups.pop()
        for name in group:
            where = f"{group.name.rstrip('/')}/{name}"
            try:
                link = group.get(name, getlink=True)
                if isinstance(link, h5py.SoftLink):
                    continue
                if not isinstance(link, h5py.HardLink):
                    raise _refused(path, where, "a link to another file")
                item = group[name]
            except (TypeError, KeyError, OSError, RuntimeError) as error:
                raise InputError(f"{path}: '{where}' cannot be opened ({error}); copy the file again.") from error
            if isinstance(item, h5py.Group):
                address = h5py.h5o.get_info(item.id).addr
                if address not in seen:
                    seen.add(address)
                    groups.append(item)
            elif isinstance(item, h5py.Dataset):
                if item.is_virtual:
                    raise _refused(path, where, "a virtual data set over other files")
                if item.external:
                    raise _refused(path, where, "stored in another file")


def _refused(path: Path, where: str, what: str) -> InputError:
    return InputError(
        f"{path}: '{where}' is {what}, which is not followed for safety; write all data into one file (h5repack)."
    )
