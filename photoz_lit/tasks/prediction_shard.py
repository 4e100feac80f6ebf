"""One shard of predictions: PDFs of galaxies that follow each other, computed and written."""

from __future__ import annotations

import gc
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from photoz_lit.config import Config
from photoz_lit.data.id_type import with_typed_ids
from photoz_lit.data.sample import Sample, lacking_bands
from photoz_lit.data.streamed_sample import FOLD, StreamedSample
from photoz_lit.engines.tiles import Tiles, TileWorker
from photoz_lit.evaluation.metrics.pdf import point_estimates
from photoz_lit.evaluation.predictions.manifest import file_state
from photoz_lit.evaluation.predictions.pdf_columns import PdfColumns
from photoz_lit.evaluation.predictions.shard_files import ShardFormat, ShardRows, write_shard
from photoz_lit.evaluation.predictions.table import LEVELS, predictions_table
from photoz_lit.ingest.streamed_mosaics import StreamedMosaics
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.prediction_identity import require_same_predictions
from photoz_lit.tasks.reliability_columns import reliability_columns
from photoz_lit.tasks.unseen_networks import SEEN_BY_ALL, UnseenNetworks

#: Galaxies that go through the networks together, by their number in the sample: the last bits of a PDF may depend on
#: which galaxies share its batch, and these are the same whatever the shards.
BLOCK = 4096
#: Point estimates, which a galaxy without a PDF has not.
ESTIMATES = ("z_phot", "z_mode", "z_mean", "z_lo68", "z_hi68", "z_lo95", "z_hi95", "pdf_width", "crps", "pit")


@dataclass(frozen=True)
class ShardPlan(Tiles):
    """What every process needs to make any shard.

    Attributes
    ----------
    folder : of the predictions.
    trained : config of the run, with the trainer that it is applied on.
    source : folder of the run.
    dropped : modalities left out.
    galaxies : that are predicted.
    columns : what is kept of a PDF.
    formats : of the files.
    size : galaxies in a shard.
    made_of : what shapes every byte, as the manifest has it.
    """

    name = "shard"
    folder: Path
    trained: Config
    source: RunFolder
    dropped: list[str]
    galaxies: StreamedSample | StreamedMosaics
    columns: PdfColumns
    formats: list[ShardFormat]
    size: int
    made_of: dict[str, Any]

    def worker(self) -> ShardMaker:
        """A maker of shards in this process.

        Raises
        ------
        InputError : its package, libraries or networks are not those of the process that began.
        """
        require_same_predictions(self.made_of, self.source)
        return ShardMaker(self)

    @property
    def block(self) -> int:
        """Galaxies that go through the networks together."""
        return min(BLOCK, self.galaxies.most_at_once)

    @property
    def n_shards(self) -> int:
        """How many shards hold all galaxies."""
        return -(-len(self.galaxies) // self.size)


class ShardMaker(TileWorker):
    """Makes shards; the networks are read once."""

    def __init__(self, plan: ShardPlan) -> None:
        self.plan = plan
        self.networks = UnseenNetworks(plan.trained, plan.source, plan.dropped)
        self._kept: tuple[int, pd.DataFrame, NDArray[np.float32]] | None = None
        self._coming: tuple[int, Future[Sample]] | None = None
        self._reader = ThreadPoolExecutor(1, "photoz_lit_reader")

    def make(self, number: int) -> dict[str, Any]:
        """Predict the galaxies of a shard and write its files.

        Returns
        -------
        Its entry in the manifest.

        Raises
        ------
        InputError : a file cannot be written, or pixels differ from their checksum.
        """
        plan = self.plan
        start, stop = number * plan.size, min((number + 1) * plan.size, len(plan.galaxies))
        tables, values = [], []
        size = plan.block
        for block in range(start // size, -(-stop // size)):
            table, pdf = self._block(block)
            rows = slice(max(start - block * size, 0), stop - block * size)
            tables.append(table.iloc[rows])
            values.append(pdf[rows])
        shard = ShardRows(
            pd.concat(tables, ignore_index=True), np.concatenate(values), plan.columns, plan.galaxies.data
        )
        names = write_shard(shard, plan.folder, number, plan.formats)
        gc.collect()  # Lightning's trainers refer to themselves, each with the PDFs of a block
        pa.default_memory_pool().release_unused()
        without = int((~np.isfinite(shard.values).all(axis=1)).sum())
        return {
            "rows": [start, stop],
            "without_pdf": without,
            "files": {name: file_state(plan.folder / name) for name in names},
        }

    def _block(self, number: int) -> tuple[pd.DataFrame, NDArray[np.float32]]:
        """Rows of a block of galaxies and their PDFs; the last one is kept, where two shards may meet."""
        if self._kept is None or self._kept[0] != number:
            sample = self._read(number)
            self._kept = (number, *self._predicted(sample))
            self.plan.galaxies.release()
        return self._kept[1:]

    def _read(self, number: int) -> Sample:
        """Galaxies of a block; the next one is read by a thread while the networks predict this one."""
        if not self.plan.galaxies.read_ahead:
            return self._cut(number)
        coming, self._coming = self._coming, None
        sample = coming[1].result() if coming is not None and coming[0] == number else self._cut(number)
        if (number + 1) * self.plan.block < len(self.plan.galaxies):
            self._coming = (number + 1, self._reader.submit(self._cut, number + 1))
        return sample

    def _cut(self, number: int) -> Sample:
        galaxies, size = self.plan.galaxies, self.plan.block
        return galaxies.galaxies(number * size, min((number + 1) * size, len(galaxies)))

    def _predicted(self, sample: Sample) -> tuple[pd.DataFrame, NDArray[np.float32]]:
        fold = sample.catalogue[FOLD].to_numpy(np.int64)
        pdf = self.networks.predict(sample, fold)
        lacking = lacking_bands(sample.catalogue, sample.bands)
        if lacking is not None and sample.blank is None:  # known only when the stamps are cut
            pdf[lacking.any(axis=1)] = np.nan
        table, values = described(pdf, sample.catalogue, fold, sample.field.reference_band, self.plan.columns)
        table = table.assign(**reliability_columns(self.networks, sample, fold, pdf))
        return with_typed_ids(table, self.plan.galaxies.id_type), values


def described(
    pdf: NDArray[np.float32],
    catalogue: pd.DataFrame,
    fold: NDArray[np.int64],
    reference_band: str,
    columns: PdfColumns,
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Point estimates, flags and what is kept of PDFs.

    Parameters
    ----------
    pdf : probabilities, (N, n_bins); a row that is not finite, as of a galaxy without a band, leaves NaN.
    catalogue : of the galaxies, (N rows).
    fold : see :class:`~photoz_lit.tasks.unseen_networks.UnseenNetworks`, (N,).
    reference_band : whose magnitude is ``mag``.
    columns : what is kept of a PDF.

    Returns
    -------
    The table of predictions with ``flags`` of the catalogue and ``in_training``, (N rows), and (N, columns.size).
    """
    none = ~np.isfinite(pdf.sum(axis=1))
    if none.any():
        pdf = np.where(none[:, None], np.float32(1.0 / pdf.shape[1]), pdf)
    estimates = point_estimates(pdf, columns.z_edges, (*LEVELS, *columns.levels))
    table = predictions_table(pdf, columns.z_edges, catalogue, fold, reference_band, estimates)
    kept = estimates.quantiles[:, len(LEVELS) :] if columns.levels else pdf
    values = np.array(kept, np.float32)
    if none.any():
        table.loc[none, list(ESTIMATES)] = np.nan
        values[none] = np.nan
    table["flags"] = catalogue["flags"].to_numpy(np.int64) if "flags" in catalogue else 0
    table["in_training"] = fold == SEEN_BY_ALL
    return table, values
