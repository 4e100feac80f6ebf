"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from photoz_lit.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to inside a ``with`` block; at its end the file takes its name, after an error it is gone.

    The folder is made where it is missing, and an older file of that name stays until the new one is whole.

    Raises
    ------
    InputError : the folder or the file cannot be written.
    """
    partial = path.with_name(f"{path.stem}.partial{path.suffix}")  # writers look at the suffix
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error}); free some space or choose another folder.") from error
    finally:
        if partial.exists():
            partial.unlink()
