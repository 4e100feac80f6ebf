"""Processor time of each step from mosaics to shards, per galaxy, and how much two workers are faster than one.

``python experiments/speed/cost_per_galaxy.py steps <run>`` cuts galaxies from drawn mosaics in one process.
``python experiments/speed/cost_per_galaxy.py scaling <run of six bands, 32 px> <folder>`` predicts 20 000 empty stamps
with one worker, then 40 000 with two.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from astropy.io import fits
from astropy.wcs import WCS

from experiments.speed.stream_memory import write_sparse_store
from photoz_lit.data.pixels import stretch
from photoz_lit.data.sample import Sample
from photoz_lit.data.store import StoreImages
from photoz_lit.data.store_view import views_of
from photoz_lit.evaluation.predictions.pdf_columns import PdfColumns
from photoz_lit.evaluation.predictions.shard_files import ShardRows, write_shard
from photoz_lit.ingest import resample, tile
from photoz_lit.ingest.blocks import flagged_catalogue
from photoz_lit.ingest.catalogue import build_catalogue
from photoz_lit.ingest.fits_image import PlaneReader
from photoz_lit.ingest.reader import open_source
from photoz_lit.ingest.streamed_mosaics import header_of
from photoz_lit.rows import RowCount
from photoz_lit.run_folder import RunFolder, config_of_run
from photoz_lit.tasks.prediction_shard import described
from photoz_lit.tasks.reliability_columns import reliability_columns
from photoz_lit.tasks.unseen_networks import UnseenNetworks
from tests.composed import composed_as_typed

SIDE = 4096  # pixels of a mosaic, a patch of HSC
STEPS = ("read", "cut", "resample", "stretch", "network", "flags", "write")
DENSITY = 2048  # galaxies on it, of 0.036 square degrees


class Clock:
    """Adds up the processor time of calls by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose time is added to a name."""

        def call(*arguments: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - start

        return call


def write_mosaics(folder: Path, bands: tuple[str, ...], compressed: bool) -> Path:
    """Noise with the sky's numbers, as coadds are: tile-compressed or plain float32."""
    random = np.random.default_rng(0)
    wcs = WCS(naxis=2)
    wcs.wcs.crpix, wcs.wcs.cdelt, wcs.wcs.crval = [SIDE / 2] * 2, [-0.168 / 3600, 0.168 / 3600], [150.0, 2.0]
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    header = wcs.to_header()
    header["FLUXMAG0"] = 10 ** (0.4 * 27.0)
    for band in bands:
        image = random.normal(0, 0.02, (SIDE, SIDE)).astype(np.float32)
        kind = fits.CompImageHDU if compressed else fits.ImageHDU
        options = {"compression_type": "RICE_1", "quantize_level": 16.0} if compressed else {}
        fits.HDUList([fits.PrimaryHDU(), kind(image, header, **options)]).writeto(folder / f"{band}_coadd.fits")
    x, y = random.uniform(40, SIDE - 40, (2, DENSITY))
    ra, dec = wcs.all_pix2world(x, y, 0)
    table = pd.DataFrame({"object_id": np.arange(DENSITY), "ra": ra, "dec": dec, "ebv": 0.03, "mag_i": 23.0})
    table.to_csv(folder / "catalogue.csv", index=False)
    return folder


def steps(run: str, compressed: bool) -> dict[str, float]:
    """Processor time per galaxy of each step [ms]."""
    trained = config_of_run(Path(run), composed_as_typed("task=predict", f"run={run}", "data.store=x"))
    applied = trained.trainer.model_copy(update={"threads": 1, "progress": False, "accelerator": "cpu"})
    trained = trained.model_copy(update={"trainer": applied})
    torch.set_num_threads(1)
    bands = tuple(trained.data.bands or trained.field.band_names)
    clock, source_folder = Clock(), RunFolder(Path(run))
    with tempfile.TemporaryDirectory() as place:
        folder = write_mosaics(Path(place), bands, compressed)
        given = composed_as_typed(f"field={trained.field.name}", f"ingest.catalogue={folder / 'catalogue.csv'}").ingest
        size = trained.scale.stamp_size
        settings = given.model_copy(update={"path": str(folder), "bands": list(bands), "stamp_size": size})
        source = open_source(settings, trained.field)
        wanted = build_catalogue(source, settings)
        wanted = wanted.in_order(source.reading_order(wanted.catalogue), "outside")
        PlaneReader.window = clock.timed("read", PlaneReader.window)  # type: ignore[method-assign]
        vars(tile)["resample_stamp"] = clock.timed("resample", resample.resample_stamp)
        part = wanted.catalogue
        stamps = clock.timed("all of cutting", source.read)(wanted.archive_rows, part)
        clock.seconds["cut"] = clock.seconds.pop("all of cutting") - clock.seconds["read"] - clock.seconds["resample"]
        table = flagged_catalogue(part, stamps, bands).assign(z=np.nan, z_source="", fold=-1)
        store = StoreImages(folder, header_of(source, settings, len(part)), stamps.images)
        views = views_of([store], trained.field, bands, size)
        n = len(part)
        sample = Sample(
            trained.field, bands, size, "real", "", table, views, np.zeros(n, int), np.arange(n), RowCount.of(n)
        )
        flux = torch.from_numpy(sample.flux(np.arange(n)))
        clock.timed("stretch", stretch)(flux)
        networks = UnseenNetworks(trained, source_folder, [])
        fold = np.full(n, -1)
        networks.predict(sample, fold)  # loads them
        pdf = clock.timed("network", networks.predict)(sample, fold)
        clock.seconds["network"] -= clock.seconds["stretch"]
        clock.timed("flags", reliability_columns)(networks, sample, fold, pdf)
        columns = PdfColumns("quantiles", trained.field.z_edges)

        def write() -> None:
            rows = ShardRows(*described(pdf, table, fold, trained.field.reference_band, columns), columns, "real")
            write_shard(rows, folder, 0, ["parquet"])

        clock.timed("write", write)()
    return {name: 1000 * clock.seconds[name] / n for name in STEPS}


def scaling(run: str, folder: str, galaxies: str = "20000") -> dict[str, dict[str, float]]:
    """Wall and processor time [s] of one worker, and of two with twice the galaxies, on stores of empty stamps."""
    found = {}
    for workers in (1, 2):
        store, output = Path(folder) / f"store_{workers}", Path(folder) / f"shards_{workers}"
        if not store.exists():
            write_sparse_store(store, workers * int(galaxies))
        command = [
            sys.executable, "-m", "photoz_lit", "task=predict", f"run={run}", f"data.store={store}",
            f"task.output={output}", f"engine.workers={workers}", "task.shard=5000", "tta=1", "trainer.progress=false",
        ]  # fmt: skip
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(command, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found[f"workers_{workers}"] = {"wall": time.monotonic() - start, "processor": used}
    return found


if __name__ == "__main__":
    if sys.argv[1] == "steps":
        found = {kind: steps(sys.argv[2], kind == "compressed") for kind in ("plain", "compressed")}
    else:
        found = scaling(*sys.argv[2:])
    print(json.dumps(found, indent=1))
