"""What the pixels of one field show, measured in this process or by the workers of an engine, a field a tile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.store import open_store
from photoz_lit.data.store_blocks import shares_work
from photoz_lit.engines.engine import engine_of, made_tiles
from photoz_lit.engines.settings import EnginePlace, EngineSettings
from photoz_lit.engines.tiles import Tiles, TileWorker
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.files import whole_file
from photoz_lit.imaging.conditions import NoisePower, measured_conditions, noise_power, some_galaxies
from photoz_lit.imaging.pixel_summaries import PixelSums, pixel_sums


@dataclass(frozen=True)
class FieldPixels:
    """What was measured of one field's pixels.

    Attributes
    ----------
    rows : galaxies that the sums are of.
    conditions : see :func:`photoz_lit.imaging.conditions.measured_conditions`.
    power : noise power spectra.
    sums : of ``rows``.
    """

    rows: NDArray[np.int64]
    conditions: pd.DataFrame
    power: NoisePower
    sums: PixelSums


def field_pixels(name: str, sample: Sample, most: int, seed: int) -> FieldPixels:
    """Measure a field; ``most`` of its galaxies are drawn for the sums.

    Raises
    ------
    InputError : its pixels have no noise; ``name`` is that of the field in the sentence.
    """
    everything = np.arange(len(sample))
    conditions = measured_conditions(sample, everything, seed=seed)
    _require_noise(name, conditions)
    rows = some_galaxies(everything, most, seed)
    sums = pixel_sums(sample, rows, conditions["background"].to_numpy(float))
    return FieldPixels(rows, conditions, noise_power(sample, everything, seed=seed), sums)


def _require_noise(name: str, conditions: pd.DataFrame) -> None:
    """Refuse a field whose pixels have no noise to be measured, as where all are 0 or no numbers."""
    noise = conditions["sky_noise"].to_numpy(float)
    for band in conditions.index[~(np.isfinite(noise) & (noise > 0))]:
        raise InputError(
            f"field '{name}' has no sky noise in band '{band}': its pixels are all the same or no numbers; see"
            " task=inspect."
        )


def pixels_of_fields(
    samples: Mapping[str, Sample], most: int, seed: int, engine: EngineSettings | None, folder: Path
) -> list[FieldPixels]:
    """Measure fields, one after another or on the workers of an engine, with the same numbers.

    Parameters
    ----------
    samples : name -> galaxies of one store each.
    most, seed : of :func:`field_pixels`.
    engine : where; by default this process.
    folder : that all workers see, for what they measure.

    Raises
    ------
    InputError : a field cannot be measured, or the workers are lost.
    """
    if engine is None or not shares_work(engine):
        return [field_pixels(name, sample, most, seed) for name, sample in samples.items()]
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".engine-") as place:
        first = next(iter(samples.values()))
        stores = tuple(sample.views[0].store.path.absolute() for sample in samples.values())
        tiles = FieldTiles(
            Path(place).absolute(), tuple(samples), stores, first.field, first.stamp_size, first.bands, most, seed
        )
        for _ in made_tiles(engine_of(engine, EnginePlace(folder=Path(place))), tiles, range(len(stores))):
            pass
        return [_read(tiles.file(number), first.bands) for number in range(len(stores))]


@dataclass(frozen=True)
class FieldTiles(Tiles):
    """Fields to be measured.

    Attributes
    ----------
    folder : of what was measured.
    names : of the fields.
    stores, field, stamp_size, bands : how each field's sample is loaded.
    most, seed : of :func:`field_pixels`.
    """

    folder: Path
    names: Sequence[str]
    stores: Sequence[Path]
    field: Field
    stamp_size: int
    bands: tuple[str, ...]
    most: int
    seed: int

    name = "field"

    def worker(self) -> FieldWorker:
        """Return the worker of this process."""
        return FieldWorker(self)

    def file(self, number: int) -> Path:
        """File of what was measured of a field."""
        return self.folder / f"{number}.npz"


class FieldWorker(TileWorker):
    """Measures fields in one process."""

    def __init__(self, tiles: FieldTiles) -> None:
        self.tiles = tiles

    def make(self, number: int) -> dict[str, Any]:
        """Measure a field and keep it as a file."""
        tiles = self.tiles
        sample = load_sample([open_store(tiles.stores[number])], tiles.field, tiles.stamp_size, tiles.bands)
        found = field_pixels(tiles.names[number], sample, tiles.most, tiles.seed)
        arrays: dict[str, NDArray[Any]] = {
            "rows": found.rows,
            "columns": np.array(found.conditions.columns, str),
            "conditions": found.conditions.to_numpy(np.float64),
            "frequency": found.power.frequency,
            "power": found.power.power,
            **asdict(found.sums),
        }
        with whole_file(tiles.file(number)) as partial, partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the arrays for its own options
        return {"galaxies": len(sample)}


def _read(file: Path, bands: tuple[str, ...]) -> FieldPixels:
    with np.load(file, allow_pickle=False) as kept:
        conditions = pd.DataFrame(
            kept["conditions"], index=pd.Index(bands, name="band"), columns=kept["columns"].tolist()
        )
        sums = PixelSums(kept["wide"], kept["core"], kept["sky"])
        return FieldPixels(kept["rows"], conditions, NoisePower(bands, kept["frequency"], kept["power"]), sums)
