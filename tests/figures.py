"""Figures and report of a run: half of a tiny run's time, so tests make them only where they look at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from photoz_lit.tasks import results

DRAWN = {name: getattr(results, name) for name in ("draw_run", "write_report")}


@contextmanager
def left_out() -> Iterator[None]:
    """Within it, runs of this process draw no figures and write no report."""
    with pytest.MonkeyPatch.context() as patch:
        for name in DRAWN:
            patch.setattr(results, name, lambda *_: None)
        yield


@contextmanager
def made() -> Iterator[None]:
    """Within it, runs of this process make both."""
    with pytest.MonkeyPatch.context() as patch:
        for name, function in DRAWN.items():
            patch.setattr(results, name, function)
        yield
