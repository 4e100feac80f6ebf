"""Mistakes of users: each ends in one sentence that names the mistake and its correction, and leaves no store."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from rich.console import Console

from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from tests.ingest.archives import positions_table, settings_of, stamps, write_sdss
from tests.ingest.skies import megacam_header, tan_wcs, write_plain

#: Writes an archive with a slip into a folder and returns the reader and the overrides.
Slip = Callable[[Path], tuple[str, list[str]]]


class Slips:
    """Cases of one test module; a decorator registers each with a pattern of its sentence."""

    def __init__(self) -> None:
        self.cases: list[tuple[str, str, Slip]] = []

    def __call__(self, sentence: str) -> Callable[[Slip], Slip]:
        def register(slip: Slip) -> Slip:
            self.cases.append((slip.__name__, sentence, slip))
            return slip

        return register

    def parametrize(self) -> pytest.MarkDecorator:
        """One test per case."""
        pairs = [(sentence, slip) for _, sentence, slip in self.cases]
        return pytest.mark.parametrize(("sentence", "slip"), pairs, ids=[name for name, _, _ in self.cases])


def assert_refused(slip: Slip, sentence: str, folder: Path) -> None:
    """Ingest an archive with a slip; the error is one sentence that matches, and nothing is written."""
    reader, overrides = slip(folder)
    settings, field = settings_of(reader, *overrides)
    store = folder / "stores" / "store"
    store.parent.mkdir()
    with pytest.raises(InputError) as raised:
        ingest(settings, field, store, Console(quiet=True))
    text = str(raised.value)
    assert re.search(sentence, text), text
    assert "\n" not in text
    assert not store.exists()


def cube(n: int = 6, bands: int = 5, size: int = 64) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(stamps(n, bands, size), 1, -1))


def sdss(tmp: Path, *overrides: str, n: int = 6, **replaced: Any) -> tuple[str, list[str]]:
    write_sdss(tmp / "sdss.npz", n, **replaced)
    return "sdss_npz", [f"ingest.path={tmp}/sdss.npz", *overrides]


def mosaic(
    tmp: Path, *overrides: str, header: Any = megacam_header, scale: float = 0.186, **catalogue: Any
) -> tuple[str, list[str]]:
    wcs = tan_wcs(scale, (300, 300))
    folder = tmp / "images"
    folder.mkdir()
    write_plain(folder / "i.fits", np.random.default_rng(0).normal(size=(300, 300)), header(wcs))
    positions_table(tmp / "cat.csv", np.array([150.1, 150.101]), np.array([2.2, 2.201]), **catalogue)
    return "fits_mosaic", [
        f"ingest.path={folder}",
        f"ingest.catalogue={tmp}/cat.csv",
        "ingest.bands=[i]",
        "ingest.stamp_size=32",
        *overrides,
    ]


def rewritten(tmp: Path, change: Callable[[fits.Header], None]) -> None:
    with fits.open(tmp / "images" / "i.fits", mode="update") as hdus:
        change(hdus[0].header)
