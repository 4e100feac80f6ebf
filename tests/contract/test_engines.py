"""One suite over every engine: each tile is made once or named, whatever happens to the workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from photoz_lit.engines.engine import Engine, engine_of, made_tiles
from photoz_lit.engines.settings import EnginePlace, EngineSettings
from photoz_lit.engines.tiles import Failed, Made
from photoz_lit.errors import InputError
from photoz_lit.fields import conf_directory
from tests.composed import composed
from tests.engines.numbered_files import NumberedFiles

#: Choice -> overrides with which it runs on this machine with two workers.
HERE = {
    "local": ("engine=local", "engine.workers=2"),
    "dask": ("engine=dask", "engine.workers=2"),
    "slurm": ("engine=slurm", "engine.workers=2", "engine.options.cluster=local", "engine.options.poll=0.2"),
}
NEEDS = {"dask": "distributed", "slurm": "submitit"}
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(params=sorted(HERE))
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])
    settings = composed("task=predict", "run=r", "data.store=s", *HERE[request.param]).engine
    (tmp_path / "place").mkdir()
    return engine_of(settings, EnginePlace(folder=tmp_path / "place"))


def test_every_engine_is_here() -> None:
    assert sorted(path.stem for path in (conf_directory() / "engine").glob("*.yaml")) == sorted(HERE)


def test_each_tile_is_made_once_or_named(engine: Engine, tmp_path: Path) -> None:
    """Tile 3 is poisoned; the worker of tile 5 is killed in the middle of it, once."""
    tiles = NumberedFiles(tmp_path, poisoned=(3,), deadly_once=(5,))
    numbers = [0, 1, 2, 3, 5, 8, 9, 10]
    made: list[int] = []
    with pytest.raises(InputError) as told:  # noqa: PT012  # what comes before the sentence counts
        for one in made_tiles(engine, tiles, numbers):
            assert one.entry == {"bytes": len(f"tile {one.number}")}
            made.append(one.number)
    assert str(told.value) == (
        "1 of 8 tiles could not be made (tile 3: its pixels differ from their checksum); the others are whole, and the"
        " same command tries it again."
    )
    assert sorted(made) == [0, 1, 2, 5, 8, 9, 10]
    assert sorted(int(path.stem) for path in tmp_path.glob("*.txt")) == [0, 1, 2, 5, 8, 9, 10]
    assert (tmp_path / "died_5").exists()
    assert (tmp_path / "5.txt").read_text() == "tile 5"
    assert len(list((tmp_path / "workers").iterdir())) <= 4  # one worker a process, not one a tile
    assert not list((tmp_path / "place").glob(".dask")) + list((tmp_path / "place").glob(".jobs"))


def test_a_full_disk_and_a_foreign_worker_end_it(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^the disk is full\.$"):
        list(made_tiles(engine, NumberedFiles(tmp_path, full_at=0), [0, 1]))
    if engine.settings.name == "local":  # one start of a cluster is enough
        with pytest.raises(InputError, match=r"^a worker has another version\.$"):
            list(made_tiles(engine, NumberedFiles(tmp_path, foreign=True), [0, 1]))


def test_a_tile_that_kills_each_worker_is_named(tmp_path: Path) -> None:
    engine = engine_of(EngineSettings(workers=2), EnginePlace(folder=tmp_path))
    outcomes = list(engine.outcomes(NumberedFiles(tmp_path, deadly=(2,)), range(6)))
    (failed,) = (one for one in outcomes if isinstance(one, Failed))
    assert failed == Failed(2, "its process ended with exit code -9 twice (-9: the system ran out of memory)")
    assert sorted(one.number for one in outcomes if isinstance(one, Made)) == [0, 1, 3, 4, 5]


@pytest.mark.long
@pytest.mark.parametrize("name", ["dask", "slurm"])
def test_a_tile_that_kills_each_worker_of_a_cluster_is_named(name: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS[name])
    settings = composed("task=predict", "run=r", "data.store=s", *HERE[name]).engine
    engine = engine_of(settings, EnginePlace(folder=tmp_path))
    outcomes = list(engine.outcomes(NumberedFiles(tmp_path, deadly=(2,)), range(6)))
    assert [one.number for one in outcomes if isinstance(one, Failed)] == [2]
    assert sorted(one.number for one in outcomes if isinstance(one, Made)) == [0, 1, 3, 4, 5]


def test_slips_are_one_sentence(tmp_path: Path) -> None:
    place = EnginePlace(folder=tmp_path)
    slurm = EngineSettings(target="photoz_lit.engines.slurm.SlurmEngine", options={"partiton": "gpu"})
    with pytest.raises(InputError, match=r"unknown key 'engine\.options\.partiton'; did you mean 'partition'\?"):
        engine_of(slurm, place)
    dask = EngineSettings(target="photoz_lit.engines.dask.DaskEngine", options={"wait_for_workers": "soon"})
    with pytest.raises(InputError, match=r"'engine\.options\.wait_for_workers=soon' is wrong"):
        engine_of(dask, place)
    with pytest.raises(InputError, match=r"engine 'photoz_lit\.engines\.local\.None' cannot be imported"):
        engine_of(EngineSettings(target="photoz_lit.engines.local.None"), place)
