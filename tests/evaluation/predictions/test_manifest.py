"""The manifest of many tiles: little time, little memory, and no shard lost by a stop."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from photoz_lit.engines.engine import engine_of, made_tiles
from photoz_lit.engines.settings import EnginePlace, EngineSettings
from photoz_lit.engines.tiles import Tiles, TileWorker
from photoz_lit.evaluation.predictions import manifest as module
from photoz_lit.evaluation.predictions.manifest import JOURNAL, MADE_OF, Manifest

MADE: dict[str, Any] = dict.fromkeys(MADE_OF, "1")


class Empty(Tiles):
    def worker(self) -> TileWorker:
        return EmptyWorker()


class EmptyWorker(TileWorker):
    def make(self, number: int) -> dict[str, Any]:
        return {"rows": [number, number], "without_pdf": 0, "files": {}}


@pytest.mark.long
def test_ten_thousand_empty_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds: 30 s of core where 3 are usual, and 30 times the manifest written, where 21 are."""
    written, plainly = [0], module.write_json

    def counted(path: Path, content: Any) -> Path:
        plainly(path, content)
        written[0] += path.stat().st_size
        return path

    monkeypatch.setattr(module, "write_json", counted)
    manifest, n = Manifest(tmp_path, MADE, {"galaxies": 0}), 10_000
    engine = engine_of(EngineSettings(), EnginePlace(folder=tmp_path))
    start = time.process_time()
    for made in made_tiles(engine, Empty(), range(n)):
        manifest.add(made.number, made.entry)
    manifest.write()
    seconds, size = time.process_time() - start, (tmp_path / "manifest.json").stat().st_size
    print(f"{seconds:.1f} s of core, {written[0] / size:.1f} manifests written")
    assert seconds < 30
    assert written[0] < 30 * size
    assert not (tmp_path / JOURNAL).exists()
    again = Manifest(tmp_path, MADE, {})
    assert again.take_up() == []
    assert again.shards == {number: EmptyWorker().make(number) for number in range(n)}


def test_a_tile_takes_little_memory(tmp_path: Path) -> None:
    """An entry is all that is kept of a tile: less than 1 KB, of 10 000 tiles 10 MB."""
    manifest, n = Manifest(tmp_path, MADE, {}), 300
    engine = engine_of(EngineSettings(), EnginePlace(folder=tmp_path))
    rounds = []  # the least of three: threads of other tests in this process may keep something too
    for first in (0, n, 2 * n):
        gc.collect()
        tracemalloc.start()
        for made in made_tiles(engine, Empty(), range(first, first + n)):
            manifest.add(made.number, made.entry)
        gc.collect()
        rounds.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    kept = min(rounds)
    print(f"{kept / n:.0f} B a tile")
    assert kept < 1000 * n


def test_a_stop_loses_no_shard_of_the_journal(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, MADE, {})
    manifest.write()
    for number in range(100):
        manifest.add(number, EmptyWorker().make(number))
    in_manifest = json.loads((tmp_path / "manifest.json").read_text())["shards"]
    assert 0 < len(in_manifest) < 100
    with (tmp_path / JOURNAL).open("a") as journal:
        journal.write('[100, {"rows": [100')  # the stop came here
    again = Manifest(tmp_path, MADE, {})
    assert again.take_up() == []
    assert sorted(again.shards) == list(range(100))
    again.add(100, EmptyWorker().make(100))
    last = Manifest(tmp_path, MADE, {})
    last.take_up()
    assert set(range(100)) <= set(last.shards)
