"""Runs without figures and report, for tests that look at neither."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from photoz_lit.tasks import results


@pytest.fixture(scope="module", autouse=True)
def without_plots() -> Iterator[None]:
    """Import it into a module, and none of its runs draws figures or writes a report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "draw_run", lambda *_: None)
        patch.setattr(results, "write_report", lambda _: None)
        yield
