"""Faults of a store's pixels: damaged blocks, stamps without pixels, infinite pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rich.console import Console

from photoz_lit.data.block_check import BLOCK_ROWS, block_checksum
from photoz_lit.data.store import CutoutStore
from photoz_lit.ingest.inspection.faults import Fault, named
from photoz_lit.ingest.inspection.measure import Measurements
from photoz_lit.ingest.source import INCOMPLETE
from photoz_lit.progress import counted

SHARE = 0.01  # of the galaxies; fewer stamps with missing pixels that nothing marks are no fault of the store


def checksum_faults(store: CutoutStore, console: Console) -> list[Fault]:
    """Compare every block of images with its checksum."""
    checksums, n_blocks = store.header.checksums, -(-len(store) // BLOCK_ROWS)
    damaged = []
    with counted("galaxies", console) as progress:
        task = progress.add_task("checksums", total=len(store))
        for block in range(min(n_blocks, len(checksums))):
            rows = slice(block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, len(store)))
            if block_checksum(store.images[rows]) != checksums[block]:
                damaged.append(rows)
            progress.advance(task, rows.stop - rows.start)
    faults = []
    if damaged:
        first = f"rows {damaged[0].start} to {damaged[0].stop - 1}"
        faults.append(f"{len(damaged)} of {n_blocks} blocks differ from their checksums, the first has {first}")
    if len(checksums) < n_blocks:
        faults.append(
            f"{n_blocks - len(checksums)} of {n_blocks} blocks have no checksum, so damage would go unnoticed"
        )
    return [Fault("checksum", (), f"images.npy: {sentence}; write the store again.") for sentence in faults]


def missing_pixels(store: CutoutStore, measurements: Measurements) -> list[Fault]:
    """Find galaxies and bands without pixels that the catalogue does not tell, and infinite pixels."""
    return [*_without_pixels(store, measurements), *_unmarked(store, measurements), *_infinite(store, measurements)]


def _without_pixels(store: CutoutStore, measurements: Measurements) -> Iterator[Fault]:
    empty = measurements.missing == store.header.height * store.header.width
    rows = np.flatnonzero(empty.all(axis=1))
    if len(rows):
        sentence = f"{len(rows)} galaxies have no pixel in any band (NaN), the first is {named(store, rows[0])}"
        yield Fault("missing", (), f"{sentence}; they carry no image and should be dropped.")
    some = ~empty.all(axis=1)
    for k, band in enumerate(store.header.bands):
        marked = store.catalogue.get(f"missing_{band}")
        untold = empty[some, k] & (True if marked is None else ~marked.to_numpy(bool)[some])
        if some.any() and empty[some, k].all():
            sentence = f"band {band} has no pixel of any galaxy (NaN); leave it out: ingest.bands."
            yield Fault("missing", (band,), sentence)
        elif some.any() and untold.mean() > SHARE:
            sentence = (
                f"{int(untold.sum())} galaxies have no pixel in band {band} (NaN) and missing_{band} does not say so"
            )
            yield Fault("missing", (band,), f"{sentence}; write the store again.")


def _unmarked(store: CutoutStore, measurements: Measurements) -> Iterator[Fault]:
    """Find stamps with some pixels missing whose flags say that they are whole."""
    size = store.header.height * store.header.width
    partly = ((measurements.missing > 0) & (measurements.missing < size)).any(axis=1)
    untold = partly & ((store.catalogue["flags"].to_numpy(np.int64) & int(INCOMPLETE)) == 0)
    if untold.mean() > SHARE:
        rows = np.flatnonzero(untold)
        sentence = f"{len(rows)} galaxies have pixels without a value (NaN) and flags that say their stamps are whole"
        yield Fault("missing", (), f"{sentence}, the first is {named(store, rows[0])}; write the store again.")


def _infinite(store: CutoutStore, measurements: Measurements) -> Iterator[Fault]:
    for k, band in enumerate(store.header.bands):
        rows = np.flatnonzero(measurements.infinite[:, k])
        if len(rows):
            sentence = (
                f"{len(rows)} stamps of band {band} have infinite pixels, the first is of {named(store, rows[0])}"
            )
            yield Fault("infinite", (band,), f"{sentence}; write the store again with NaN in their place.")
