"""Write an archive's stamps as a store: block by block, resumable, in the narrowest type that keeps them."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError
from rich.console import Console

from photoz_lit.console import shown
from photoz_lit.data.store import CutoutStore, StoreHeader, open_store
from photoz_lit.data.store_writer import Float16Error, StoreWriter, float16_suits
from photoz_lit.errors import InputError
from photoz_lit.ingest.catalogue import Wanted
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import INCOMPLETE, Source, StampFlag, Stamps
from photoz_lit.progress import counted
from photoz_lit.rows import RowCount

#: What the provenance of a store says whose galaxies have no ids.
NUMBERED = "row number, from 0"
SAMPLE_ROWS = 1024  # stamps on which the pixel type is decided


def write_archive(
    source: Source,
    wanted: Wanted,
    settings: IngestSettings,
    field_name: str,
    path: Path,
    console: Console,
) -> CutoutStore:
    """Write the wanted galaxies of an archive.

    Parameters
    ----------
    source : the opened archive.
    wanted : the galaxies, their row numbers in the archive, and how many rows were left out why.
    settings : pixel type, and whether incomplete stamps are dropped.
    field_name : name of the field, for the header.
    path : the store to be.
    console : where the progress is shown.

    Raises
    ------
    InputError : the store exists, the disk is full, the archive is broken, or no galaxy has an image. What was written
        of it stays beside it as ``.partial`` and the same command goes on from there.
    """
    if path.exists():
        raise InputError(f"{path} exists already; choose another 'store' or remove it.")
    wanted = wanted.in_order(source.reading_order(wanted.catalogue), source.without_image)
    catalogue, rows = wanted.catalogue, wanted.archive_rows
    header = _header(source, wanted, settings, field_name)
    if settings.flagged == "keep":
        return _write(source, catalogue, rows, header, settings.dtype, path, console)
    # Which stamps are incomplete is known when all are read: they are written first and sifted then.
    candidates = path.with_name(f".{path.name}.candidates")
    store = _finished_candidates(candidates, header)
    if store is None:
        store = _write(source, catalogue, rows, header, settings.dtype, candidates, console)
    sifted = _sift(store, path, console)
    shutil.rmtree(candidates)
    return sifted


def _header(source: Source, wanted: Wanted, settings: IngestSettings, field_name: str) -> StoreHeader:
    """Describe the store; its provenance holds all that, when changed, makes a half-written store obsolete."""
    layout = source.layout
    files = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in layout.files]
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
            **({"object_id": NUMBERED} if wanted.numbered else {}),
            "settings": settings.model_dump(mode="json", by_alias=True),
            "files": [name for name, _, _ in files[:100]],
            "n_files": len(files),
            "files_checksum": zlib.crc32(repr(files).encode()),
            "rows_checksum": zlib.crc32(np.ascontiguousarray(wanted.archive_rows).tobytes()),
            "catalogue_rows_checksum": int(pd.util.hash_pandas_object(wanted.catalogue, index=False).sum() % 2**63),
        },
    )


def _write(
    source: Source,
    catalogue: pd.DataFrame,
    rows: NDArray[np.int64],
    header: StoreHeader,
    dtype: str,
    path: Path,
    console: Console,
) -> CutoutStore:
    """Write the store; half precision is given up, and everything read again, where a later block does not fit it."""
    chosen = _pixel_type(source, catalogue, rows, header, dtype, path)
    try:
        return _write_blocks(source, catalogue, rows, header.model_copy(update={"dtype": chosen}), path, console)
    except Float16Error as error:
        if dtype == "float16":
            raise
        console.print(f"[yellow]{shown(error)}[/yellow] Starting again with float32; nothing is lost.")
        wide = header.model_copy(update={"dtype": "float32"})
        return _write_blocks(source, catalogue, rows, wide, path, console)


def _pixel_type(
    source: Source, catalogue: pd.DataFrame, rows: NDArray[np.int64], header: StoreHeader, dtype: str, path: Path
) -> Literal["float16", "float32"]:
    """Return the type of the pixels: as asked, as an interrupted job began, or by a sample of the stamps."""
    if dtype in ("float16", "float32"):
        return "float16" if dtype == "float16" else "float32"
    begun = _begun_type(path, header)
    if begun is not None:
        return begun
    count = min(SAMPLE_ROWS, len(rows))
    if source.layout.sequential:
        sample = np.arange(min(count, 256))
    else:  # short runs all over the archive: neighbours are read at one go
        starts = np.linspace(0, len(rows) - min(count, 32), max(1, count // 32)).astype(int)
        sample = np.unique(starts[:, None] + np.arange(min(count, 32)))
    stamps = source.read(rows[sample], catalogue.iloc[sample].reset_index(drop=True))
    return "float16" if float16_suits(stamps.images).all() else "float32"


def _begun_type(path: Path, header: StoreHeader) -> Literal["float16", "float32"] | None:
    """Return the type with which the same store was begun, if it was."""
    plan = path.with_name(path.name + ".partial") / "plan.json"
    try:
        begun = StoreHeader.model_validate_json(plan.read_text())
    except (OSError, ValidationError):
        return None
    return begun.dtype if begun.model_copy(update={"dtype": header.dtype}) == header else None


def _write_blocks(
    source: Source,
    catalogue: pd.DataFrame,
    rows: NDArray[np.int64],
    header: StoreHeader,
    path: Path,
    console: Console,
) -> CutoutStore:
    writer = StoreWriter(path, header)
    missing = writer.missing_blocks()
    with counted("galaxies", console) as progress:
        done = header.n_galaxies - sum(_length(writer.block_rows(block)) for block in missing)
        task = progress.add_task("reading", total=header.n_galaxies, completed=done)
        for block in missing:
            block_rows = writer.block_rows(block)
            part = catalogue.iloc[block_rows].reset_index(drop=True)
            stamps = source.read(rows[block_rows], part)
            writer.write_block(block, stamps.images, flagged_catalogue(part, stamps, header.bands))
            progress.advance(task, _length(block_rows))
    return writer.finish()


def flagged_catalogue(catalogue: pd.DataFrame, stamps: Stamps, bands: tuple[str, ...]) -> pd.DataFrame:
    """Return the catalogue with the stamps' flags and what is unknown of their pixels.

    ``unknown_<reason>`` is the share of a stamp's pixels that is NaN by that reason, ``missing_<band>`` whether a band
    has no pixels. A flag of the archive's own becomes the bit ARCHIVE.
    """
    out = catalogue.copy()
    own = out["flags"].to_numpy(np.int64) if "flags" in out else np.zeros(len(out), np.int64)
    out["flags"] = stamps.flags | np.where(own != 0, int(StampFlag.ARCHIVE), 0)
    for reason, share in stamps.unknown.items():
        out[f"unknown_{reason}"] = share
    lacking = ~np.any(np.isfinite(stamps.images), axis=(2, 3))
    for position, band in enumerate(bands):
        out[f"missing_{band}"] = lacking[:, position]
    return out


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
