"""How RAIL reads and writes what belongs to photoz_lit: a store of images, and a finished run as the model."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, ClassVar

from rail.core.data import DataHandle, ModelHandle

from photoz_lit.data.store import CutoutStore, open_images, open_store
from photoz_lit.errors import InputError
from photoz_lit.files import whole_file
from photoz_lit.run_folder import require_finished

#: Files of a run that predictions do without.
NOT_OF_THE_MODEL = ("plots/*", "report.html", "pdfs.hdf5", "predictions.parquet", "*_pdf.npy", "*/last.ckpt", ".*")


#: A model's file unpacks to so many times its size at most; weights hardly shrink, texts do by ten.
INFLATES = 50


class StoreHandle(DataHandle):  # type: ignore[misc]
    """A store of images. Its path is the folder; its data a :class:`~photoz_lit.data.store.CutoutStore`."""

    suffix: ClassVar[str | None] = None
    interactive_type = "photoz_lit.data.store.CutoutStore"

    @classmethod
    def _open(cls, path: str, **_: Any) -> CutoutStore:
        return open_store(path)

    @classmethod
    def _read(cls, path: str, **_: Any) -> CutoutStore:
        return open_store(path)

    def _size(self, path: str, **_: Any) -> int:
        return len(open_images(path))

    def _data_size(self, data: CutoutStore, **_: Any) -> int:
        return len(data)

    def _in_memory_iterator(self, **options: Any) -> Iterator[tuple[int, int, CutoutStore]]:
        return _blocks(self.data, **options)

    @classmethod
    def _iterator(cls, path: str, **options: Any) -> Iterator[tuple[int, int, CutoutStore]]:
        return _blocks(open_store(path), **options)


def _blocks(
    store: CutoutStore, chunk_size: int, rank: int = 0, parallel_size: int = 1, **_: Any
) -> Iterator[tuple[int, int, CutoutStore]]:
    """First row, end and the store, for every block of galaxies of a process."""
    for start in range(0, len(store), chunk_size)[rank::parallel_size]:
        yield start, min(start + chunk_size, len(store)), store


@dataclass(frozen=True)
class Run:
    """A finished run as a model.

    Attributes
    ----------
    path : its folder.
    unpacked : keeps the folder of a run that came out of a file.
    """

    path: Path
    unpacked: tempfile.TemporaryDirectory[str] | None = None


class RunHandle(ModelHandle):  # type: ignore[misc]
    """A finished run. Its path is the run folder, or a ``.zip`` of what predictions need of it."""

    suffix: ClassVar[str | None] = "zip"
    interactive_type = "photoz_lit.rail.handles.Run"

    @classmethod
    def _open(cls, path: str, **_: Any) -> Run:
        return read_run(path)

    @classmethod
    def _read(cls, path: str, **_: Any) -> Run:
        return read_run(path)

    @classmethod
    def _write(cls, data: Run, path: str, **_: Any) -> None:
        pack_run(data.path, path)


def pack_run(folder: Path, file: str | Path) -> None:
    """Write what predictions need of a run into one file, a zip of the run folder without its results.

    Raises
    ------
    InputError : the folder is no finished run.
    """
    require_finished(folder)
    with whole_file(Path(file)) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            if not any(fnmatch(name, pattern) for pattern in NOT_OF_THE_MODEL):
                archive.write(path, name)


def read_run(path: str | Path) -> Run:
    """Return the run of a run folder or of a file that :func:`pack_run` wrote.

    Raises
    ------
    InputError : there is neither.
    """
    place = Path(path)
    if place.is_dir():
        require_finished(place)
        return Run(place)
    unpacked = tempfile.TemporaryDirectory(prefix="photoz_lit_run_")
    try:
        with zipfile.ZipFile(place) as archive:
            size = sum(one.file_size for one in archive.infolist())
            if size > INFLATES * place.stat().st_size:
                raise InputError(f"{place} would unpack to {size / 1e9:.2f} GB, as no model does; take another copy.")
            archive.extractall(unpacked.name)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{place} is no model of photoz_lit ({error}); give a run folder or a model's .zip."
        ) from error
    require_finished(Path(unpacked.name))
    return Run(Path(unpacked.name), unpacked)
