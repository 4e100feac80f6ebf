"""Whole files and folders, JSON, locks, and names that stay inside their folder."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from photoz_lit.errors import InputError

if TYPE_CHECKING:  # --help and the check of a command line load no tables
    import pandas as pd

NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


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


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a new folder to fill inside a ``with`` block; at its end it takes its name, after an error it is gone.

    Raises
    ------
    InputError : the folder exists already, or cannot be written.
    """
    if path.exists():
        raise InputError(f"{path} exists already; choose another 'store' or remove it.")
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # after an error; else it has its name already


def write_text(path: Path, text: str) -> Path:
    """Write a text file whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def write_json(path: Path, content: Any) -> Path:
    """Write a JSON file whole or not at all; NaN becomes null."""
    return write_text(path, json.dumps(plain(content), indent=1, ensure_ascii=False) + "\n")


def write_table(path: Path, table: pd.DataFrame, **options: Any) -> Path:
    """Write a table as Parquet or CSV, by the path's ending, whole or not at all; without its index."""
    with whole_file(path) as partial:
        write = table.to_csv if path.suffix == ".csv" else table.to_parquet
        write(partial, index=False, **options)
    return path


def write_array(path: Path, values: NDArray[np.float32]) -> Path:
    """Write an ``.npy`` file whole or not at all."""
    with whole_file(path) as partial, partial.open("wb") as file:
        np.save(_Written(file), values)
    return path


class _Written:
    """A file that numpy writes to through Python: its own way says nothing where the last bytes find no room."""

    def __init__(self, file: IO[bytes]) -> None:
        self.write = file.write


def read_array(path: Path) -> NDArray[np.float32]:
    """Read an ``.npy`` file of numbers.

    Raises
    ------
    InputError : it is not there, or holds something else.
    """
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read ({error}); remove it, and the same command makes it again.") from error


def plain(value: Any) -> Any:
    """Return numbers, lists and dicts as JSON knows them; NaN and infinities become None."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock file; the system frees it when the process ends, however it ends.

    Parameters
    ----------
    path : the lock file; it and its folder are made if missing, and the file stays. On file systems that know no
        locks nothing is held.
    waiting : is called once where another process, or another thread, holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o666), "r+") as file:  # empties no file
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS_HERE:
                raise
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # said outright: forked loaders of data share the open file


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
