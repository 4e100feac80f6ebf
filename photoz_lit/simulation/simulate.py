"""Simulate a field into a store, in parallel and resumably."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.catalogue import complete_catalogue
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.data.store_blocks import shares_work, write_on_engine
from photoz_lit.data.store_writer import StoreWriter
from photoz_lit.engines.settings import EngineSettings
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.files import locked, whole_folder, write_json, write_table
from photoz_lit.processes import end_with_parent
from photoz_lit.progress import counted
from photoz_lit.rows import RowCount
from photoz_lit.simulation.blocks import SimulatedBlocks
from photoz_lit.simulation.chunks import ChunkSimulator, chunks_of
from photoz_lit.simulation.identity import header_of, simulation_hash
from photoz_lit.simulation.prepared import prepare
from photoz_lit.simulation.settings import SimulationSettings


def simulate_store(
    field: Field, settings: SimulationSettings, seed: int, path: Path, engine: EngineSettings | None = None
) -> CutoutStore:
    """Simulate a field and write its store.

    An interrupted simulation goes on where it stopped when the same call comes again. The bytes depend on the
    arguments alone, not on the number of processes.

    Parameters
    ----------
    field : bands and observing conditions.
    settings : what is simulated; ``stamps`` must be true.
    seed : of all randomness.
    path : folder of the store; must not exist.
    engine : where blocks are drawn; by default ``settings.processes`` processes of this machine share their chunks.

    Raises
    ------
    InputError : the catalogue is bad, the field has no window, the store exists, or the disk is full.
    """
    if not settings.stamps:
        raise InputError("simulation.stamps=false makes a catalogue and no store; use simulation.stamps=true.")
    simulator, drawn = prepare(field, settings, seed)
    writer = StoreWriter(path, header_of(field, settings, seed, drawn))
    blocks = writer.missing_blocks()
    with counted("galaxies") as progress:
        total = sum(writer.block_rows(b).stop - writer.block_rows(b).start for b in blocks)
        job = progress.add_task(f"simulate {field.name}", total=total)
        if engine is not None and shares_work(engine):
            work = SimulatedBlocks(path.absolute(), writer.header, field, settings, seed)
            return write_on_engine(engine, work, writer, lambda n: progress.advance(job, n))
        results = _run(simulator, blocks, writer)
        for block in blocks:
            rows = writer.block_rows(block)
            images: list[NDArray[np.float32]] = []
            tables: list[pd.DataFrame] = []
            for _ in chunks_of(rows):
                pixels, table = next(results)
                images.append(pixels)
                tables.append(table)
                progress.advance(job, len(table))
            writer.write_block(block, np.concatenate(images), pd.concat(tables, ignore_index=True))
    return writer.finish()


def simulate_catalogue(field: Field, settings: SimulationSettings, seed: int) -> pd.DataFrame:
    """Simulate the catalogue of a field without drawing a pixel; the same rows as the store of the same arguments."""
    return _catalogue(field, *prepare(field, settings, seed))


def _catalogue(field: Field, simulator: ChunkSimulator, rows: RowCount) -> pd.DataFrame:
    """Return the catalogue of all chunks."""
    parts = [simulator.table(chunk, n) for chunk, n in chunks_of(slice(0, rows.used))]
    return complete_catalogue(pd.concat(parts, ignore_index=True), field.band_names)


def write_catalogue(field: Field, settings: SimulationSettings, seed: int, path: Path) -> Path:
    """Write a catalogue without stamps: the folder of a store, less ``images.npy``.

    ``catalogue.parquet`` has the columns of a store's catalogue; ``catalogue.json`` says how it was made. It is no
    store (no ``store.json``), so nothing takes it for one.

    Raises
    ------
    InputError : the folder exists or cannot be written.
    """
    with whole_folder(path) as partial:
        simulator, rows = prepare(field, settings, seed)
        catalogue = _catalogue(field, simulator, rows)
        header = header_of(field, settings, seed, rows.checked(len(catalogue)))
        write_table(partial / "catalogue.parquet", catalogue)
        about = header.model_dump(include={"data", "field", "bands", "n_galaxies", "rows", "provenance"})
        write_json(partial / "catalogue.json", about)
    return path


def _run(
    simulator: ChunkSimulator, blocks: list[int], writer: StoreWriter
) -> Iterator[tuple[NDArray[np.float32], pd.DataFrame]]:
    """Chunks of the blocks, in order; at most a few chunks per process wait in memory."""
    jobs = []
    for block in blocks:
        jobs += chunks_of(writer.block_rows(block))
    processes = min(simulator.settings.processes or os.cpu_count() or 1, max(len(jobs), 1))
    if processes == 1:
        for chunk, n in jobs:
            yield simulator.images(chunk, n)
        return
    context = multiprocessing.get_context("spawn")
    simulators = context.SimpleQueue()
    with ProcessPoolExecutor(processes, context, initializer=_start, initargs=(simulators, os.getpid())) as pool:
        # by a thread: to hand a large object to a process that was just killed never ends
        threading.Thread(target=_hand_out, args=(simulators, simulator, processes), daemon=True).start()
        waiting = [pool.submit(_draw, *job) for job in jobs[: 2 * processes]]
        for following in range(len(jobs)):
            result = waiting.pop(0).result()
            if following + 2 * processes < len(jobs):
                waiting.append(pool.submit(_draw, *jobs[following + 2 * processes]))
            yield result


_WORKER: dict[str, ChunkSimulator] = {}


def _hand_out(simulators: SimpleQueue[ChunkSimulator], simulator: ChunkSimulator, processes: int) -> None:
    for _ in range(processes):
        simulators.put(simulator)


def _start(simulators: SimpleQueue[ChunkSimulator], parent: int) -> None:
    end_with_parent(parent)
    _WORKER["simulator"] = simulators.get()


def _draw(chunk: int, n: int) -> tuple[NDArray[np.float32], pd.DataFrame]:
    return _WORKER["simulator"].images(chunk, n)


def cached_store(
    field: Field, settings: SimulationSettings, seed: int, cache: Path, engine: EngineSettings | None = None
) -> CutoutStore:
    """Return the store of a simulation from ``cache``, simulating it where it is not there yet.

    The folder's name carries a hash of everything that shapes a byte. Two processes that ask for the same simulation
    wait for each other; an interrupted one is resumed. ``engine`` is that of :func:`simulate_store`.
    """
    path = cache / f"{field.name}-{simulation_hash(field, settings, seed)}"
    try:
        with locked(cache / f"{path.name}.lock"):
            return open_store(path) if path.exists() else simulate_store(field, settings, seed, path, engine)
    except OSError as error:
        raise InputError(f"the cache {cache} cannot be written ({error.strerror or error}).") from error
