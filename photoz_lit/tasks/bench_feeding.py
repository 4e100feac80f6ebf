"""What a training step does beside the network: waiting for its batch, and Muon."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.prefetch import Batch
from photoz_lit.data.sample import load_sample
from photoz_lit.data.split import Split
from photoz_lit.data.store import CutoutStore, StoreHeader
from photoz_lit.data.store_writer import write_store
from photoz_lit.fields import load_field
from photoz_lit.modules.trainer import quieten

FIELD = "hsc9b"
STEPS = {"cpu": 2, "cuda": 16}  # batches of a pass over the galaxies, by the kind of device


@contextmanager
def feeding(n_bands: int, stamp_size: int, batch_size: int, device: torch.device) -> Iterator[CutoutDataModule]:
    """Batches of noise from a store in half precision, as a training on this device gets them."""
    quieten()
    bands = load_field(FIELD).band_names[:n_bands]
    with tempfile.TemporaryDirectory() as folder:
        sample = load_sample(
            [_store(Path(folder) / "store", bands, stamp_size, batch_size * STEPS[device.type])],
            load_field(FIELD),
            stamp_size,
        )
        rows = np.arange(len(sample))
        data = CutoutDataModule(sample, Split(rows, rows, rows, 0), batch_size=batch_size, resident="auto")
        data.trainer = pl.Trainer(
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=1, logger=False, enable_checkpointing=False, enable_model_summary=False,
        )  # fmt: skip
        data.trainer.training = True
        data.setup("fit")
        yield data


def data_wait(data: CutoutDataModule, step: Callable[[Batch], object], seconds: float) -> float:
    """Share of a training's time in which it waits for batches.

    A CPU reads and computes in turn, so the reading is clocked. A GPU computes while the next batch is on its way:
    there it is the time by which steps on fresh batches take longer than as many on one and the same.

    Parameters
    ----------
    data : of :func:`feeding`.
    step : a training step on a batch.
    seconds : for how long it is measured, one pass over the galaxies at least.
    """
    waited = spent = 0.0
    while spent < seconds:
        fresh, n, batch = _pass(data, step)
        spent += fresh[0]
        waited += fresh[1] if data.device.type == "cpu" else max(0.0, fresh[0] - _still(data, step, batch, n))
    return waited / spent


def _pass(data: CutoutDataModule, step: Callable[[Batch], object]) -> tuple[tuple[float, float], int, Batch]:
    """Time of a pass over the galaxies, and of that outside its steps [s]; its steps, and its last batch."""
    start = before = time.perf_counter()
    waited, n, batch = 0.0, 0, {}
    for given in data.train_dataloader():
        there = {name: column.to(data.device, non_blocking=True) for name, column in given.items()}
        batch = data.on_after_batch_transfer(there, 0)
        waited += time.perf_counter() - before
        step(batch)
        before, n = time.perf_counter(), n + 1
    waited += time.perf_counter() - before
    _synchronise(data.device)
    return (time.perf_counter() - start, waited), n, batch


def _still(data: CutoutDataModule, step: Callable[[Batch], object], batch: Batch, n: int) -> float:
    """Time of so many steps on one batch [s]."""
    start = time.perf_counter()
    for _ in range(n):
        step(batch)
    _synchronise(data.device)
    return time.perf_counter() - start


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _store(path: Path, bands: tuple[str, ...], stamp_size: int, n: int) -> CutoutStore:
    field = load_field(FIELD)
    random = np.random.default_rng(0)
    header = StoreHeader(
        data="simulated", field=FIELD, bands=bands, pixel_scale=field.pixel_scale, flux_unit="noise",
        zero_points={band: field.bands[band].zero_point for band in bands}, n_galaxies=n, height=stamp_size,
        width=stamp_size, dtype="float16",
    )  # fmt: skip
    table = pd.DataFrame({"object_id": np.arange(n).astype(str), "ra": 0.01 * np.arange(n), "dec": 0.0, "z": 0.5})
    images = random.normal(0, 1, header.shape).astype(np.float32)
    return write_store(path, header, images, table.assign(z_source="spec", ebv=0.0))
