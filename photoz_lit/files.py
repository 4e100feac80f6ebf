"""Files that are there whole or not at all, and names that stay inside their folder."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from photoz_lit.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to inside a ``with`` block; at its end the file takes its name, after an error it is gone.

    The folder is made where it is missing, and an older file of that name stays until the new one is whole. A link of
    either name is replaced; what it points to stays as it is.

    Raises
    ------
    InputError : the folder or the file cannot be written.
    """
    partial = path.with_name(f"{path.stem}.{os.getpid()}.partial{path.suffix}")  # writers look at the suffix
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # fails rather than follow a link
        yield partial
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error}); free some space or choose another folder.") from error
    finally:
        if partial.exists():
            partial.unlink()


def require_whole_archive(path: Path) -> None:
    """Compare every member of a zip archive (``.npz``, a checkpoint of torch) with its CRC-32.

    Raises
    ------
    InputError : the file is not there, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); train the run again.") from error
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{path} cannot be read ({reason}); take a whole copy, or train the run again.") from error
    if damaged is not None:
        raise InputError(
            f"{path} cannot be read ('{damaged}' in it differs from its checksum); take a whole copy, or train the run"
            " again."
        )


def inside(folder: Path, name: str) -> Path:
    """Path of a name that a file gives, below a folder.

    Parameters
    ----------
    folder : the only place the name may lead to.
    name : relative, e.g. ``galaxies/baseline_seed0.parquet``.

    Raises
    ------
    InputError : the name is absolute, or it leaves the folder by ``..`` or through a link.
    """
    path = folder / name
    root = folder.resolve()
    if root not in path.resolve().parents:
        raise InputError(f"'{name}' leads out of {folder}; a name in a file must stay below the folder of the file.")
    return path


def require_no_links(folder: Path) -> None:
    """Refuse a folder with links in it before anything is written or removed there.

    What W&B keeps in its own subfolder ``wandb`` is left to it: it links its last run there.

    Raises
    ------
    InputError : names the first link.
    """
    for place, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            path = Path(place) / name
            if path.is_symlink():
                raise InputError(
                    f"{path} is a link, and nothing is written through one; remove it or put a copy there."
                )
        if Path(place) == folder:
            folders[:] = [name for name in folders if name != "wandb"]


def _file_name(name: str) -> str:
    if not name or name in (".", "..") or any(character in name for character in "/\\\0"):
        raise ValueError("it names a folder, so it must be a plain name without '/'")
    return name


#: Text that becomes the name of a file or folder.
FileName = Annotated[str, AfterValidator(_file_name)]
