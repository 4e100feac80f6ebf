"""Several processes that make shards; each takes the next one, and ends where this process does."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from photoz_lit.errors import InputError
from photoz_lit.processes import end_with_parent
from photoz_lit.tasks.prediction_shard import ShardMaker, ShardPlan

Made = tuple[int, dict[str, Any]]


def make_shards(plan: ShardPlan, numbers: Sequence[int], processes: int, gpus: Sequence[str]) -> Iterator[Made]:
    """Make shards, in this process or in several.

    Parameters
    ----------
    plan : of the predictions.
    numbers : of the shards.
    processes : how many at once; 1 is this one.
    gpus : among which several processes are shared out; empty on a CPU.

    Yields
    ------
    Number and manifest entry of each shard whose files are whole.

    Raises
    ------
    InputError : a shard cannot be made; the others that were begun are left.
    """
    if processes == 1 or len(numbers) <= 1:
        maker = ShardMaker(plan)
        yield from ((number, maker.make(number)) for number in numbers)
        return
    context = multiprocessing.get_context("spawn")  # forked, they would hold the lock of this process after its end
    taken = context.Value("q", 0)
    workers = {}
    try:
        for rank in range(min(processes, len(numbers))):
            here, there = context.Pipe(duplex=False)
            gpu = gpus[rank % len(gpus)] if gpus else None
            process = context.Process(target=_work, args=(plan, list(numbers), taken, there, gpu), daemon=True)
            process.start()
            there.close()
            workers[here] = process
        while workers:
            for ready in wait(list(workers)):
                assert isinstance(ready, Connection)
                try:
                    made = ready.recv()
                except EOFError:
                    process = workers.pop(ready)
                    process.join()
                    if process.exitcode:
                        raise InputError(_died(process.exitcode)) from None
                    continue
                if isinstance(made, str):
                    raise InputError(made)
                yield made
    finally:
        for process in workers.values():
            process.terminate()
            process.join()


def _work(
    plan: ShardPlan, numbers: Sequence[int], taken: Synchronized[int], results: Connection, gpu: str | None
) -> None:
    """Make the next shard until none is left; a broken pipe, where the first process is gone, ends it too."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    signal.signal(signal.SIGTERM, lambda number, _frame: os._exit(128 + number))
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    try:
        maker = ShardMaker(plan)
        while True:
            with taken.get_lock():
                turn, taken.value = taken.value, taken.value + 1
            if turn >= len(numbers):
                return
            results.send((numbers[turn], maker.make(numbers[turn])))
    except InputError as error:
        results.send(str(error))
    except BrokenPipeError:
        return


def _died(code: int) -> str:
    return (
        f"a process that made shards ended with exit code {code} (-9: the system ran out of memory); give fewer"
        " task.processes, and the same command goes on from the shards that are there."
    )
