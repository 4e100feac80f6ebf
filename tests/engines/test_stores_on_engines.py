"""Simulations, ingests and measured pixels on the workers of an engine: the bytes of one process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from photoz_lit.data.sample import load_sample
from photoz_lit.data.store_blocks import shares_work
from photoz_lit.data.store_writer import StoreWriter
from photoz_lit.engines.settings import EngineSettings
from photoz_lit.errors import InputError
from photoz_lit.evaluation.mismatch import field_pixels
from photoz_lit.evaluation.mismatch.field_pixels import pixels_of_fields
from photoz_lit.fields import load_field
from photoz_lit.ingest import writing
from photoz_lit.ingest.archive import ingest
from photoz_lit.simulation import simulate
from photoz_lit.simulation.blocks import SimulatedBlocks
from photoz_lit.simulation.identity import header_of
from photoz_lit.simulation.prepared import prepare
from photoz_lit.simulation.settings import SimulationSettings
from photoz_lit.simulation.simulate import simulate_store
from tests.conftest import make_store
from tests.ingest.archives import ARRAY_FACTS, settings_of, write_arrays
from tests.simulation.conftest import settings_of as simulation_of

QUIET = Console(quiet=True)
TWO = EngineSettings(workers=2)
DASK = EngineSettings.model_validate({"name": "dask", "_target_": "photoz_lit.engines.dask.DaskEngine", "workers": 2})
#: One worker, in this process, by the way of tiles: quick, and all but the processes.
ONE = EngineSettings()
ENGINES = pytest.mark.parametrize(
    "engine",
    [ONE, *(pytest.param(engine, marks=pytest.mark.long) for engine in (TWO, DASK))],
    ids=["one worker", "local", "dask"],
)
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def by_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one worker count as shared work."""
    for module in (simulate, writing, field_pixels):
        monkeypatch.setattr(module, "shares_work", lambda _: True)


def bytes_of(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.iterdir()}


def test_one_process_here_shares_no_work() -> None:
    assert not shares_work(EngineSettings())
    assert shares_work(TWO)
    assert shares_work(DASK.model_copy(update={"workers": 1}))


@pytest.fixture
def simulation() -> SimulationSettings:
    return simulation_of(n_galaxies=1100, stamp_size=16, neighbours=0)


@ENGINES
@pytest.mark.usefixtures("by_tiles")
def test_a_simulation(engine: EngineSettings, simulation: SimulationSettings, tmp_path: Path) -> None:
    pytest.importorskip("distributed") if engine is DASK else None
    field = load_field("sdss")
    alone = simulate_store(field, simulation, 3, tmp_path / "alone")
    shared = simulate_store(field, simulation, 3, tmp_path / "shared", engine)
    assert bytes_of(shared.path) == bytes_of(alone.path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "shared"]


def test_a_worker_that_would_simulate_another_field_is_refused(simulation: SimulationSettings, tmp_path: Path) -> None:
    field = load_field("sdss")
    _, rows = prepare(field, simulation, 3)
    header = header_of(field, simulation, 3, rows)
    work = SimulatedBlocks(tmp_path / "store", header, field, simulation, 3)
    with pytest.raises(InputError, match=r"store\.partial is gone"):
        work.worker()
    StoreWriter(tmp_path / "store", header)
    with pytest.raises(InputError, match=r"would simulate another field than the command that began \(seed differs\)"):
        replace(work, seed=4).worker()
    with pytest.raises(InputError, match=r"has other numpy .* than the command that began \(1\.0\)"):
        replace(work, versions={"numpy": "1.0"}).worker()


@ENGINES
@pytest.mark.usefixtures("by_tiles")
def test_an_ingest(engine: EngineSettings, tmp_path: Path) -> None:
    pytest.importorskip("distributed") if engine is DASK else None
    write_arrays(tmp_path, 2100, 24)
    place = [f"ingest.path={tmp_path}/images.npy", f"ingest.catalogue={tmp_path}/cat.csv"]
    settings, field = settings_of("arrays", *place, *ARRAY_FACTS)
    alone = ingest(settings, field, tmp_path / "alone", QUIET)
    shared = ingest(settings, field, tmp_path / "shared", QUIET, engine)
    assert bytes_of(shared.path) == bytes_of(alone.path)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.usefixtures("by_tiles")
def test_pixels_that_do_not_fit_half_precision_are_read_again_as_float32(tmp_path: Path) -> None:
    images = write_arrays(tmp_path, 2100, 24)
    images[1500, 1, 3, 3] = 1e5  # outside the sample on which the type is decided
    np.save(tmp_path / "images.npy", images)
    place = [f"ingest.path={tmp_path}/images.npy", f"ingest.catalogue={tmp_path}/cat.csv"]
    settings, field = settings_of("arrays", *place, *ARRAY_FACTS)
    store = ingest(settings, field, tmp_path / "store", QUIET, ONE)
    assert store.header.dtype == "float32"
    np.testing.assert_array_equal(store.images[1500], images[1500])


@ENGINES
@pytest.mark.usefixtures("by_tiles")
def test_pixels_of_fields(engine: EngineSettings, tmp_path: Path) -> None:
    pytest.importorskip("distributed") if engine is DASK else None
    field = load_field("hsc6b")
    stores = {name: make_store(tmp_path / name, n=60, seed=seed) for name, seed in (("a", 0), ("b", 5))}
    samples = {name: load_sample([store], field, 32) for name, store in stores.items()}
    alone = pixels_of_fields(samples, 40, 0, None, tmp_path)
    shared = pixels_of_fields(samples, 40, 0, engine, tmp_path)
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one.rows, other.rows)
        np.testing.assert_array_equal(one.conditions, other.conditions)
        assert list(one.conditions) == list(other.conditions)
        assert list(one.conditions.index) == list(other.conditions.index)
        np.testing.assert_array_equal(one.power.power, other.power.power)
        for name in ("wide", "core", "sky"):
            np.testing.assert_array_equal(getattr(one.sums, name), getattr(other.sums, name))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
