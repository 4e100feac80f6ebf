"""Blocks of one store, written by the workers of an engine: processes, a Dask cluster, or jobs of Slurm."""

from __future__ import annotations

import shutil
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.store import CutoutStore, StoreHeader
from photoz_lit.data.store_writer import Float16Error, StoreWriter
from photoz_lit.engines.engine import engine_of, made_tiles
from photoz_lit.engines.local import LocalEngine
from photoz_lit.engines.same_here import library_versions, package_version, require_same_here
from photoz_lit.engines.settings import EnginePlace, EngineSettings
from photoz_lit.engines.tiles import Tiles, TileWorker
from photoz_lit.targets import find_class

#: Images (rows, bands, height, width) and catalogue of some rows of a store.
RowsOfStore = Callable[[slice], tuple[NDArray[Any], pd.DataFrame]]
LIBRARIES = ("numpy", "pandas", "pyarrow")
TOO_WIDE = "does_not_fit_float16"


def versions() -> dict[str, str]:
    """Versions here of what shapes a block's bytes: the package and the libraries that it writes with."""
    return {**package_version(), **library_versions(LIBRARIES)}


@dataclass(frozen=True)
class StoreBlocks(Tiles):
    """What is needed to make any block of a store.

    Attributes
    ----------
    path : of the store to be, in a folder that all workers see.
    header : of the store; its ``.partial`` folder was begun with it.
    versions : of the process that began; a worker with others is refused.
    """

    path: Path
    header: StoreHeader
    versions: Mapping[str, str] = field(default_factory=versions, kw_only=True)

    name = "block"

    @abstractmethod
    def rows_of_store(self) -> RowsOfStore:
        """Return what makes rows of the store; it is asked for once in each process.

        Raises
        ------
        InputError : this process cannot make them as the one that began does.
        """

    def worker(self) -> BlockWorker:
        """Return the worker of this process; errors as of :meth:`rows_of_store`."""
        require_same_here(self.versions, versions(), "give all workers one installation")
        return BlockWorker(StoreWriter.begun(self.path, self.header), self.rows_of_store())


class BlockWorker(TileWorker):
    """Makes blocks in one process and writes each into the store, whole or not at all."""

    def __init__(self, writer: StoreWriter, rows: RowsOfStore) -> None:
        self.writer = writer
        self.rows = rows

    def make(self, number: int) -> dict[str, Any]:
        """Write a block and return how many rows it has, or that its pixels do not fit half precision."""
        rows = self.writer.block_rows(number)
        images, catalogue = self.rows(rows)
        try:
            self.writer.write_block(number, images, catalogue)
        except Float16Error as error:
            return {TOO_WIDE: str(error)}
        return {"rows": rows.stop - rows.start}


def shares_work(settings: EngineSettings) -> bool:
    """Whether an engine is more than one process on this machine."""
    local = find_class(settings.target, object, "engine", "engine._target_") is LocalEngine
    return settings.workers > 1 or not local


def write_on_engine(
    settings: EngineSettings, blocks: StoreBlocks, writer: StoreWriter, advance: Callable[[int], None]
) -> CutoutStore:
    """Let an engine make the blocks that are missing, and finish the store.

    Parameters
    ----------
    settings : section ``engine``.
    blocks : the work.
    writer : of the same store, which begins it here.
    advance : is called with the number of galaxies of each block that is whole.

    Raises
    ------
    Float16Error : a block does not fit half precision.
    InputError : blocks cannot be made (the sentence names them; all others are whole), or the workers are lost.
    """
    place = writer.path.with_name(f".{writer.path.name}.engine")
    place.mkdir(parents=True, exist_ok=True)
    for made in made_tiles(engine_of(settings, EnginePlace(folder=place)), blocks, writer.missing_blocks()):
        if TOO_WIDE in made.entry:
            raise Float16Error(made.entry[TOO_WIDE])
        advance(int(made.entry["rows"]))
    store = writer.finish()
    shutil.rmtree(place, ignore_errors=True)  # logs of jobs; they stay where something went wrong
    return store
