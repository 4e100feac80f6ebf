"""``engine=dask``: workers of a Dask cluster, at a scheduler's address or started on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from queue import Empty, Queue
from typing import Any

from photoz_lit.config_errors import checked
from photoz_lit.engines.engine import Engine
from photoz_lit.engines.settings import EnginePlace, EngineSettings
from photoz_lit.engines.tiles import Failed, Outcome, Tiles
from photoz_lit.errors import InputError
from photoz_lit.settings import Settings

WAIT = 1.0  # between looks at the scheduler [s]


class DaskOptions(Settings):
    """Options of ``engine=dask``.

    Attributes
    ----------
    wait_for_workers : how long the first worker may take to come [s].
    """

    wait_for_workers: float = 600.0


class DaskEngine(Engine):
    """Hands tiles to a cluster, as many at a time as it has threads, and makes those of lost workers again."""

    def __init__(self, settings: EngineSettings, place: EnginePlace) -> None:
        super().__init__(settings, place)
        self.options = checked(DaskOptions, settings.options, "engine.options.")
        try:
            import distributed  # noqa: F401
        except ImportError as error:
            raise InputError("engine=dask needs dask and distributed; pip install 'photoz-lit[dask]'.") from error

    def outcomes(self, tiles: Tiles, numbers: Sequence[int]) -> Iterator[Outcome]:
        """Outcomes, see :class:`~photoz_lit.engines.engine.Engine`.

        Raises
        ------
        InputError : the scheduler cannot be reached or is lost.
        """
        if not len(numbers):
            return
        with self._client(tiles) as client:
            lost: list[int] = []
            yield from self._round(client, numbers, lost)
            for number in list(lost):  # a worker's death may be the fault of another tile that it held
                again: list[int] = []
                yield from self._round(client, [number], again)
                if again:
                    yield Failed(number, "every worker that took it died")

    def _round(self, client: Any, numbers: Sequence[int], lost: list[int]) -> Iterator[Outcome]:
        """Outcomes of some tiles; those whose workers died again and again go into a list."""
        from distributed import KilledWorker

        from photoz_lit.engines.dask_worker import attempt

        waiting, running, ended = list(reversed(numbers)), dict[Any, int](), Queue[Any]()
        while waiting or running:
            with self._scheduler(client):
                while waiting and len(running) < max(sum(client.nthreads().values()), 1):
                    number = waiting.pop()
                    future = client.submit(attempt, number, pure=False)
                    running[future] = number
                    future.add_done_callback(ended.put)
            try:
                future = ended.get(timeout=WAIT)
            except Empty:
                continue
            number = running.pop(future)
            with self._scheduler(client):
                try:
                    outcome: Outcome = future.result()
                except KilledWorker:
                    lost.append(number)
                    continue
            yield outcome

    @contextmanager
    def _client(self, tiles: Tiles) -> Iterator[Any]:
        """A client of the cluster whose workers know the tiles."""
        import dask
        from distributed import Client, LocalCluster

        from photoz_lit.engines.dask_worker import PLUGIN, TilePlugin

        with ExitStack() as stack:
            if self.settings.scheduler is None:
                stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": 1}))
                local = {"dashboard_address": "127.0.0.1:0", "local_directory": str(self.place.folder / ".dask")}
                stack.callback(_remove, self.place.folder / ".dask")
                cluster = LocalCluster(n_workers=self.settings.workers, threads_per_worker=1, **local)
                address: Any = stack.enter_context(cluster)
            else:
                address = self.settings.scheduler
            try:
                client = Client(address, set_as_default=False, timeout=30)
            except (OSError, ValueError) as error:
                raise InputError(
                    f"the Dask scheduler {self.settings.scheduler} cannot be reached ({error}); correct"
                    " engine.scheduler, or leave it out for a cluster on this machine."
                ) from error
            stack.callback(_close, client)
            with self._scheduler(client):
                client.wait_for_workers(1, timeout=self.options.wait_for_workers)
                client.register_plugin(TilePlugin(tiles), name=PLUGIN)
            yield client

    @contextmanager
    def _scheduler(self, client: Any) -> Iterator[None]:
        """Turn what Dask raises where its scheduler is gone into a sentence."""
        from concurrent.futures import CancelledError

        try:
            yield
            if client.status not in ("running", "newly-created"):
                raise OSError(f"the connection is {client.status}")
        except (OSError, CancelledError, TimeoutError) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise InputError(
                f"the Dask scheduler {self.settings.scheduler or 'on this machine'} is lost ({reason}); what is whole"
                " stays, and the same command goes on."
            ) from error


def _close(client: Any) -> None:
    """Take the tiles from the workers, which may serve others, and leave."""
    from photoz_lit.engines.dask_worker import PLUGIN

    with suppress(Exception):  # of a scheduler that is gone
        client.unregister_worker_plugin(PLUGIN)
    with suppress(Exception):
        client.close(timeout=5)


def _remove(folder: Any) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
