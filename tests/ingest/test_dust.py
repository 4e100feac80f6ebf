"""E(B-V) from a dust map, through a stand-in for the optional library."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from photoz_lit.errors import InputError
from photoz_lit.ingest.dust import fill_ebv
from photoz_lit.ingest.settings import DustSettings


class Query:
    """As dustmaps' queries: made with ``map_dir``, called with coordinates."""

    def __init__(self, map_dir: str) -> None:
        if not (Path(map_dir) / "map.fits").is_file():
            raise OSError("map.fits is missing")

    def __call__(self, coordinates: SkyCoord) -> Any:
        return 0.01 * np.abs(coordinates.galactic.b.deg)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("dustmaps.sfd")
    module.SFDQuery = Query  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dustmaps", ModuleType("dustmaps"))
    monkeypatch.setitem(sys.modules, "dustmaps.sfd", module)


RA, DEC = np.array([150.1, 150.1, np.nan]), np.array([2.2, 2.2, 2.2])
EBV = np.array([0.5, np.nan, np.nan])


def test_fills_what_the_catalogue_lacks(library: None, tmp_path: Path) -> None:
    (tmp_path / "map.fits").touch()
    ebv = fill_ebv(EBV, RA, DEC, DustSettings(path=str(tmp_path)))
    np.testing.assert_allclose(ebv, [0.5, 0.4212, np.nan], atol=1e-3)  # COSMOS lies at b = 42.12 deg
    assert np.isnan(EBV[1])


def test_without_a_map_nothing_changes() -> None:
    np.testing.assert_array_equal(fill_ebv(EBV, RA, DEC, DustSettings()), EBV)


def test_bad_maps(library: None, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"the dust map cannot be read by dustmaps\.sfd\.SFDQuery \(map\.fits is missing\)"
    ):
        fill_ebv(EBV, RA, DEC, DustSettings(path=str(tmp_path)))
    with pytest.raises(InputError, match=r"dustmaps\.sfd\.SFD is not in dustmaps; e\.g\. dustmaps\.sfd\.SFDQuery"):
        fill_ebv(EBV, RA, DEC, DustSettings(path=str(tmp_path), map="dustmaps.sfd.SFD"))
