"""Write an archive's stamps as a store: block by block, resumable, in the narrowest type that keeps them."""

from __future__ import annotations

import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError
from rich.console import Console

from photoz_lit.console import shown
from photoz_lit.data.id_type import KEY, record_of
from photoz_lit.data.store import CutoutStore, StoreHeader, open_store
from photoz_lit.data.store_blocks import shares_work, write_on_engine
from photoz_lit.data.store_writer import Float16Error, StoreWriter, float16_suits
from photoz_lit.engines.settings import EngineSettings
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.blocks import ArchiveBlocks, files_checksum, galaxies_file, read_rows
from photoz_lit.ingest.catalogue import Wanted
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import INCOMPLETE, Source, StampFlag
from photoz_lit.progress import counted
from photoz_lit.rows import RowCount

#: What the provenance of a store says whose galaxies have no ids.
NUMBERED = "row number, from 0"
SAMPLE_ROWS = 1024  # stamps on which the pixel type is decided


def write_archive(
    source: Source,
    wanted: Wanted,
    settings: IngestSettings,
    field: Field,
    path: Path,
    console: Console,
    engine: EngineSettings | None = None,
) -> CutoutStore:
    """Write the wanted galaxies of an archive.

    Parameters
    ----------
    source : the opened archive.
    wanted : the galaxies, their row numbers in the archive, and how many rows were left out why.
    settings : pixel type, and whether incomplete stamps are dropped.
    field : that the images are of.
    path : the store to be.
    console : where the progress is shown.
    engine : whose workers read blocks; by default this process alone.

    Raises
    ------
    InputError : the store exists, the disk is full, the archive is broken, or no galaxy has an image. What was written
        of it stays beside it as ``.partial`` and the same command goes on from there.
    """
    if path.exists():
        raise InputError(f"{path} exists already; choose another 'store' or remove it.")
    wanted = wanted.in_order(source.reading_order(wanted.catalogue), source.without_image)
    catalogue, rows = wanted.catalogue, wanted.archive_rows
    header = _header(source, wanted, settings, field.name)
    reading = Reading(source, catalogue, rows, settings, field, console, engine)
    if settings.flagged == "keep":
        return _write(reading, header, path)
    # Which stamps are incomplete is known when all are read: they are written first and sifted then.
    candidates = path.with_name(f".{path.name}.candidates")
    store = _finished_candidates(candidates, header)
    if store is None:
        store = _write(reading, header, candidates)
    sifted = _sift(store, path, console)
    shutil.rmtree(candidates)
    return sifted


@dataclass(frozen=True)
class Reading:
    """What is read, and how.

    Attributes
    ----------
    source : the opened archive.
    catalogue, rows : the galaxies in the order of the store, and their rows in the archive.
    settings, field : of the reader.
    console : where the progress is shown.
    engine : whose workers read; None is this process.
    """

    source: Source
    catalogue: pd.DataFrame
    rows: NDArray[np.int64]
    settings: IngestSettings
    field: Field
    console: Console
    engine: EngineSettings | None


def _header(source: Source, wanted: Wanted, settings: IngestSettings, field_name: str) -> StoreHeader:
    """Describe the store; its provenance holds all that, when changed, makes a half-written store obsolete."""
    layout = source.layout
    return StoreHeader(
        data=settings.data,
        field=field_name,
        bands=layout.bands,
        pixel_scale=layout.pixel_scale,
        flux_unit=layout.flux_unit,
        zero_points=layout.zero_points,
        n_galaxies=len(wanted.catalogue),
        height=layout.height,
        width=layout.width,
        rows=wanted.rows,
        rows_of=wanted.rows_of,
        provenance={
            "task": "ingest",
            **id_record(wanted),
            "settings": settings.model_dump(mode="json", by_alias=True),
            "files": [str(path) for path in layout.files[:100]],
            "n_files": len(layout.files),
            "files_checksum": files_checksum(layout),
            "rows_checksum": zlib.crc32(np.ascontiguousarray(wanted.archive_rows).tobytes()),
            "catalogue_rows_checksum": int(pd.util.hash_pandas_object(wanted.catalogue, index=False).sum() % 2**63),
        },
    )


def id_record(wanted: Wanted) -> dict[str, str]:
    """What a provenance says of ids: that they are row numbers, or which integers they came as; texts need no word."""
    return {KEY: NUMBERED} if wanted.numbered else record_of(wanted.id_type)


def _write(reading: Reading, header: StoreHeader, path: Path) -> CutoutStore:
    """Write the store; half precision is given up, and everything read again, where a later block does not fit it."""
    try:
        return _write_blocks(reading, header.model_copy(update={"dtype": _pixel_type(reading, header, path)}), path)
    except Float16Error as error:
        if reading.settings.dtype == "float16":
            raise
        reading.console.print(f"[yellow]{shown(error)}[/yellow] Starting again with float32; nothing is lost.")
        return _write_blocks(reading, header.model_copy(update={"dtype": "float32"}), path)


def _pixel_type(reading: Reading, header: StoreHeader, path: Path) -> Literal["float16", "float32"]:
    """Return the type of the pixels: as asked, as an interrupted job began, or by a sample of the stamps."""
    dtype, rows = reading.settings.dtype, reading.rows
    if dtype in ("float16", "float32"):
        return "float16" if dtype == "float16" else "float32"
    begun = _begun_type(path, header)
    if begun is not None:
        return begun
    count = min(SAMPLE_ROWS, len(rows))
    if reading.source.layout.sequential:
        sample = np.arange(min(count, 256))
    else:  # short runs all over the archive: neighbours are read at one go
        starts = np.linspace(0, len(rows) - min(count, 32), max(1, count // 32)).astype(int)
        sample = np.unique(starts[:, None] + np.arange(min(count, 32)))
    stamps = reading.source.read(rows[sample], reading.catalogue.iloc[sample].reset_index(drop=True))
    return "float16" if float16_suits(stamps.images).all() else "float32"


def _begun_type(path: Path, header: StoreHeader) -> Literal["float16", "float32"] | None:
    """Return the type with which the same store was begun, if it was."""
    plan = path.with_name(path.name + ".partial") / "plan.json"
    try:
        begun = StoreHeader.model_validate_json(plan.read_text())
    except (OSError, ValidationError):
        return None
    return begun.dtype if begun.model_copy(update={"dtype": header.dtype}) == header else None


def _write_blocks(reading: Reading, header: StoreHeader, path: Path) -> CutoutStore:
    writer = StoreWriter(path, header)
    missing = writer.missing_blocks()
    with counted("galaxies", reading.console) as progress:
        done = header.n_galaxies - sum(_length(writer.block_rows(block)) for block in missing)
        task = progress.add_task("reading", total=header.n_galaxies, completed=done)
        if reading.engine is not None and shares_work(reading.engine):
            with galaxies_file(path, reading.catalogue, reading.rows) as galaxies:
                blocks = ArchiveBlocks(path.absolute(), header, reading.settings, reading.field, galaxies.absolute())
                return write_on_engine(reading.engine, blocks, writer, lambda n: progress.advance(task, n))
        for block in missing:
            rows = writer.block_rows(block)
            images, table = read_rows(reading.source, reading.rows[rows], reading.catalogue.iloc[rows], header.bands)
            writer.write_block(block, images, table)
            progress.advance(task, _length(rows))
    return writer.finish()


def _finished_candidates(path: Path, header: StoreHeader) -> CutoutStore | None:
    """Return the candidates of an interrupted job of the same settings, if all of them are there."""
    if not path.exists():
        return None
    store = open_store(path)
    if store.header.provenance == header.provenance:
        return store
    shutil.rmtree(path)
    return None


def _sift(candidates: CutoutStore, path: Path, console: Console) -> CutoutStore:
    """Copy the complete stamps of a store to another one."""
    keep = np.flatnonzero((candidates.catalogue["flags"].to_numpy() & int(INCOMPLETE)) == 0)
    dropped = len(candidates) - len(keep)
    if not len(keep):
        raise InputError(
            f"all {dropped} stamps have missing pixels (an edge, a gap or a band) and ingest.flagged=drop; use"
            " ingest.flagged=keep, or other bands or images."
        )
    rows = (candidates.header.rows or RowCount.of(len(candidates))).without("incomplete stamp", dropped)
    header = candidates.header.model_copy(
        update={"n_galaxies": len(keep), "checksums": (), "catalogue_checksum": 0, "rows": rows},
    )
    header = header.model_copy(update={"provenance": {**header.provenance, "dropped": dropped}})
    writer = StoreWriter(path, header)
    with counted("galaxies", console) as progress:
        task = progress.add_task("dropping incomplete stamps", total=len(keep))
        for block in writer.missing_blocks():
            chosen = keep[writer.block_rows(block)]
            writer.write_block(block, candidates.images[chosen], candidates.catalogue.iloc[chosen])
            progress.advance(task, len(chosen))
    return writer.finish()


def _length(rows: slice) -> int:
    return int(rows.stop - rows.start)


def describe(store: CutoutStore) -> dict[str, Any]:
    """Return what the terminal shows of a new store: size, type, flags and labels."""
    flags = store.catalogue["flags"].to_numpy()
    return {
        "galaxies": len(store),
        "bands": " ".join(store.header.bands),
        "stamps": f"{store.header.height}×{store.header.width} {store.header.dtype}",
        "labelled": int(np.isfinite(store.catalogue["z"]).sum()),
        **{flag.name.lower(): int(((flags & int(flag)) != 0).sum()) for flag in StampFlag if flag.name},
        **{
            str(name).replace("unknown_", "unknown pixels, "): f"{store.catalogue[name].mean():.2%}"
            for name in store.catalogue
            if str(name).startswith("unknown_") and store.catalogue[name].any()
        },
    }
