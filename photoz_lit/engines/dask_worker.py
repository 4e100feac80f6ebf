"""What runs in the processes of a Dask cluster; importing it imports ``distributed``."""

from __future__ import annotations

import threading
from typing import Any

from distributed import WorkerPlugin, get_worker

from photoz_lit.engines.tiles import KeptWorker, Outcome, Tiles

PLUGIN = "photoz_lit_tiles"


class TilePlugin(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """Keeps one worker per process of the cluster; Dask gives it to processes that come later too."""

    name = PLUGIN

    def __init__(self, tiles: Tiles) -> None:
        self.tiles = tiles

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Begin in a process; its networks are loaded with the first tile."""
        self.kept = KeptWorker(self.tiles)
        self.lock = threading.Lock()  # a worker may have several threads, and a network is used by one at a time

    def teardown(self, worker: Any) -> None:  # noqa: ARG002
        """Let go of the networks."""
        del self.kept


def attempt(number: int) -> Outcome:
    """Make a tile in a process of a cluster."""
    plugin = get_worker().plugins[PLUGIN]
    with plugin.lock:
        outcome: Outcome = plugin.kept.attempt(number)
        return outcome
