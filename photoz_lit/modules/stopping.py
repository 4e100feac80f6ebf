"""SIGTERM and lost ranks: what works together ends together, at once and with a sentence."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from types import FrameType

import pytorch_lightning as pl
import torch

from photoz_lit.faults import GOES_ON, INTERRUPTED

INTERVAL = 1.0  # between two looks at the other ranks [s]


class StopsAtOnce(pl.Callback):
    """Ends a training or prediction at SIGTERM, and all its ranks where one is lost.

    The state of the last whole epoch is on disk, so there is nothing to save. Lightning itself lets an epoch go on
    until the ranks agree that one of them was signalled: its handler sends a broadcast, and hangs where a rank is in
    another collective. It is set after ``on_fit_start`` and calls what it finds after its own, so that it is replaced
    when the first epoch starts.
    """

    def __init__(self) -> None:
        self._watched = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Take over SIGTERM from Lightning, which gives it back at the end."""
        self._take_over(trainer)

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """As :meth:`on_train_start`."""
        self._take_over(trainer)

    def _take_over(self, trainer: pl.Trainer) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        atexit.unregister(_leave_group)
        atexit.register(_leave_group)

        def stop(number: int, _frame: FrameType | None) -> None:
            if trainer.world_size == 1:
                raise SystemExit(128 + number)
            _end(trainer, INTERRUPTED, 128 + number)  # at once: the others may wait in a collective

        signal.signal(signal.SIGTERM, stop)
        if not self._watched and _started_here(trainer):
            self._watched = True
            threading.Thread(target=_watch, args=(trainer,), daemon=True).start()


def _leave_group() -> None:
    """Join gloo's threads, which may abort a rank that has ended well; Lightning does so for NCCL alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _started_here(trainer: pl.Trainer) -> list[object]:
    """Processes of the other ranks that this one started."""
    return list(getattr(trainer.strategy.launcher, "procs", ()))


def _watch(trainer: pl.Trainer) -> None:
    """End this rank and the others once one has failed."""
    while True:
        codes = [process.poll() for process in _started_here(trainer)]  # type: ignore[attr-defined]
        failed = [(rank, code) for rank, code in enumerate(codes, start=1) if code]
        if failed:
            rank, code = failed[0]
            _end(trainer, f"rank {rank} of this training ended with exit code {code}; {GOES_ON}.", 2)
        if codes and all(code == 0 for code in codes):
            return
        time.sleep(INTERVAL)


def _end(trainer: pl.Trainer, sentence: str, code: int) -> None:
    """End the ranks that this one started, then this one."""
    if trainer.is_global_zero:
        print(f"photoz_lit: {sentence}", file=sys.stderr, flush=True)
    if trainer.strategy.launcher is not None:
        trainer.strategy.launcher.kill(signal.SIGKILL)
    os._exit(code)
