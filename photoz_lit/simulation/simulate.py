"""Simulate a field into a store, in parallel and resumably."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.catalogue import complete_catalogue
from photoz_lit.data.store import CutoutStore, DataKind, StoreHeader, open_store
from photoz_lit.data.store_writer import StoreWriter
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.files import locked, whole_folder, write_json, write_table
from photoz_lit.processes import end_with_parent
from photoz_lit.progress import counted
from photoz_lit.rows import RowCount
from photoz_lit.settings import Settings
from photoz_lit.simulation.catalogue import file_hash, read_catalogue
from photoz_lit.simulation.chunks import CHUNK, ChunkSimulator, chunk_simulator
from photoz_lit.simulation.settings import SimulationSettings
from photoz_lit.simulation.survey_window import disturbances_of, observed_as, origin_of, survey_window
from photoz_lit.simulation.version import SIMULATION_VERSION

#: Settings that shape a byte only where they are on; off, they stay out of the hash.
SWITCHES = ("conditions", "emitters", "structure", "own_streams", "table", "allow")


def simulate_store(field: Field, settings: SimulationSettings, seed: int, path: Path) -> CutoutStore:
    """Simulate a field and write its store.

    An interrupted simulation goes on where it stopped when the same call comes again. The bytes depend on the
    arguments alone, not on the number of processes.

    Parameters
    ----------
    field : bands and observing conditions.
    settings : what is simulated; ``stamps`` must be true.
    seed : of all randomness.
    path : folder of the store; must not exist.

    Raises
    ------
    InputError : the catalogue is bad, the field has no window, the store exists, or the disk is full.
    """
    if not settings.stamps:
        raise InputError("simulation.stamps=false makes a catalogue and no store; use simulation.stamps=true.")
    simulator, drawn = prepare(field, settings, seed)
    writer = StoreWriter(path, _header(field, settings, seed, drawn))
    blocks = writer.missing_blocks()
    with counted("galaxies") as progress:
        total = sum(writer.block_rows(b).stop - writer.block_rows(b).start for b in blocks)
        job = progress.add_task(f"simulate {field.name}", total=total)
        results = _run(simulator, blocks, writer)
        for block in blocks:
            rows = writer.block_rows(block)
            images: list[NDArray[np.float32]] = []
            tables: list[pd.DataFrame] = []
            for _ in range(-(-(rows.stop - rows.start) // CHUNK)):
                pixels, table = next(results)
                images.append(pixels)
                tables.append(table)
                progress.update(job, advance=len(table))
            writer.write_block(block, np.concatenate(images), pd.concat(tables, ignore_index=True))
    return writer.finish()


def simulate_catalogue(field: Field, settings: SimulationSettings, seed: int) -> pd.DataFrame:
    """Simulate the catalogue of a field without drawing a pixel; the same rows as the store of the same arguments."""
    return _catalogue(field, *prepare(field, settings, seed))


def _catalogue(field: Field, simulator: ChunkSimulator, rows: RowCount) -> pd.DataFrame:
    """Return the catalogue of all chunks."""
    n = rows.used
    parts = [simulator.table(chunk, min(CHUNK, n - chunk * CHUNK)) for chunk in range(-(-n // CHUNK))]
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
        header = _header(field, settings, seed, rows.checked(len(catalogue)))
        write_table(partial / "catalogue.parquet", catalogue)
        about = header.model_dump(include={"data", "field", "bands", "n_galaxies", "rows", "provenance"})
        write_json(partial / "catalogue.json", about)
    return path


def simulation_hash(field: Field, settings: SimulationSettings, seed: int) -> str:
    """Hash, 16 hex digits, of everything that shapes the pixels of a simulation."""
    text = json.dumps(_identity(field, settings, seed), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def prepare(field: Field, settings: SimulationSettings, seed: int) -> tuple[ChunkSimulator, RowCount]:
    """Return the simulator of a field's chunks, and the rows of the catalogue that are drawn (or how many are drawn).

    Raises
    ------
    InputError : the catalogue is bad, or neither it nor ``n_galaxies`` says how many galaxies to draw.
    """
    window = survey_window(field, settings)
    catalogue = None
    n, rows = settings.n_galaxies, None
    if settings.catalogue is not None:
        if settings.mapping is None:
            raise InputError("simulation.catalogue needs simulation.mapping; choose simulation=zcosmos or the like.")
        catalogue, rows = read_catalogue(settings.catalogue, settings.mapping, field, settings.table)
        if n is not None and n < len(catalogue):
            chosen = np.random.default_rng(seed).choice(len(catalogue), n, replace=False)
            rows = rows.without("not drawn for simulation.n_galaxies", len(catalogue) - n)
            catalogue = catalogue.iloc[np.sort(chosen)].reset_index(drop=True)
    elif n is not None:
        rows = RowCount.of(n)
    if rows is None:
        raise InputError("simulation.n_galaxies is not set; give the number of galaxies to draw.")
    origin = origin_of(field, settings)
    return chunk_simulator(observed_as(field, settings), origin, settings, window, seed, catalogue), rows


def data_kind(settings: SimulationSettings) -> DataKind:
    """How results must mark this data."""
    return "simulated" if settings.catalogue is None else "simulated_from_catalogue"


def _identity(field: Field, settings: SimulationSettings, seed: int) -> dict[str, Any]:
    shaping = _dumped(settings, {"processes", "catalogue", "windows", "galaxies_of", "disturbances"})
    origin = origin_of(field, settings)
    disturbances = disturbances_of(field, settings)
    return {
        "code_version": SIMULATION_VERSION,
        "simulation_version": settings.galaxies.version,
        "versions": {name: version(name) for name in ("galsim", "numpy", "scipy", "speclite", "astro-sedpy", "skypy")},
        "field": _shaping(observed_as(field, settings)),
        "window": _dumped(survey_window(field, settings), set()),
        "settings": shaping,
        "seed": seed,
        "catalogue": file_hash(settings.catalogue) if settings.catalogue else None,
        **({} if origin is field else {"origin": _shaping(origin)}),
        **({} if disturbances is None else {"disturbances": disturbances.model_dump(mode="json")}),
    }


def _shaping(field: Field) -> dict[str, Any]:
    """Content of a field, less its name for pages, which is younger than kept simulations."""
    return field.model_dump(mode="json", exclude={"label"})


def _dumped(section: Settings, without: set[str]) -> dict[str, Any]:
    """Content of a section of the settings, less what cannot change a byte: switches that are off."""
    return _without_idle(section.model_dump(mode="json", exclude=without))


def _without_idle(content: dict[str, Any]) -> dict[str, Any]:
    on = {name: value for name, value in content.items() if value or name not in SWITCHES}
    return {name: _without_idle(value) if isinstance(value, dict) else value for name, value in on.items()}


def _header(field: Field, settings: SimulationSettings, seed: int, rows: RowCount) -> StoreHeader:
    return StoreHeader(
        data=data_kind(settings),
        field=field.name,
        bands=field.band_names,
        pixel_scale=field.pixel_scale,
        flux_unit="flux of one zero point",
        zero_points={name: band.zero_point for name, band in field.bands.items()},
        n_galaxies=rows.used,
        height=settings.stamp_size,
        width=settings.stamp_size,
        rows=rows,
        provenance={"simulation": _identity(field, settings, seed)},
    )


def _run(
    simulator: ChunkSimulator, blocks: list[int], writer: StoreWriter
) -> Iterator[tuple[NDArray[np.float32], pd.DataFrame]]:
    """Chunks of the blocks, in order; at most a few chunks per process wait in memory."""
    jobs = []
    for block in blocks:
        rows = writer.block_rows(block)
        starts = range(rows.start, rows.stop, CHUNK)
        jobs += [(start // CHUNK, min(CHUNK, rows.stop - start)) for start in starts]
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


def cached_store(field: Field, settings: SimulationSettings, seed: int, cache: Path) -> CutoutStore:
    """Return the store of a simulation from ``cache``, simulating it where it is not there yet.

    The folder's name carries a hash of everything that shapes a byte. Two processes that ask for the same simulation
    wait for each other; an interrupted one is resumed.
    """
    path = cache / f"{field.name}-{simulation_hash(field, settings, seed)}"
    try:
        with locked(cache / f"{path.name}.lock"):
            return open_store(path) if path.exists() else simulate_store(field, settings, seed, path)
    except OSError as error:
        raise InputError(f"the cache {cache} cannot be written ({error.strerror or error}).") from error
