"""Blocks of a simulated store, drawn by the workers of an engine."""

from __future__ import annotations

import platform
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.store_blocks import RowsOfStore, StoreBlocks
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.simulation.chunks import chunks_of
from photoz_lit.simulation.identity import identity
from photoz_lit.simulation.prepared import prepare
from photoz_lit.simulation.settings import SimulationSettings


@dataclass(frozen=True)
class SimulatedBlocks(StoreBlocks):
    """Blocks of a simulated store; a worker draws the chunks of one after another.

    Attributes
    ----------
    simulated : the field.
    settings, seed : of the simulation; the file of a catalogue is seen by all workers.
    """

    simulated: Field
    settings: SimulationSettings
    seed: int

    def rows_of_store(self) -> RowsOfStore:
        """Return what draws rows, where this process would simulate the same store."""
        here = identity(self.simulated, self.settings, self.seed)
        if here != self.header.provenance["simulation"]:
            differs = next(name for name, value in here.items() if value != self.header.provenance["simulation"][name])
            raise InputError(
                f"a worker on {platform.node()} would simulate another field than the command that began ({differs}"
                " differs); give all workers one installation and one catalogue."
            )
        simulator, _ = prepare(self.simulated, self.settings, self.seed)

        def rows_of_store(rows: slice) -> tuple[NDArray[np.float32], pd.DataFrame]:
            drawn = [simulator.images(chunk, n) for chunk, n in chunks_of(rows)]
            images, tables = zip(*drawn, strict=True)
            return np.concatenate(images), pd.concat(tables, ignore_index=True)

        return rows_of_store
