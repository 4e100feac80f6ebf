"""The margin of a HATS catalogue: with it LSDB finds matches across the edges of partitions that it misses without."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import Latitude, Longitude
from numpy.typing import NDArray

from photoz_lit.evaluation.predictions import hats_catalogue
from photoz_lit.evaluation.predictions.hats_catalogue import write_hats
from photoz_lit.evaluation.predictions.pdf_columns import LEVELS, PdfColumns
from tests.evaluation.predictions.test_hats_catalogue import shards, sky
from tests.evaluation.predictions.test_shard_files import EDGES

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # compiling takes 20 s, some hundred rows take none
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lsdb = pytest.importorskip("lsdb")
    validation = pytest.importorskip("hats.io.validation")
    cdshealpix = pytest.importorskip("cdshealpix")

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
COLUMNS = PdfColumns("quantiles", EDGES)
SUFFIXES = {"suffixes": ("", "_phot"), "suffix_method": "overlapping_columns"}
ARCSEC = 1 / 3600


def at_an_edge() -> pd.DataFrame:
    """Galaxies of two base pixels, of which one is east of the edge between them, at ra = 90° near the pole."""
    table = sky(60, seed=1)
    table["ra"], table["dec"] = np.random.default_rng(2).uniform(20, 160, 60), 0.5
    table.loc[7, ["ra", "dec"]] = [90 + ARCSEC, 60.0]
    table.loc[8, ["ra", "dec"]] = [90 - 200 * ARCSEC, 60.0]  # where the partition west of it has a galaxy
    return table


def written(folder: Path, table: pd.DataFrame, rows: int, **options: float) -> dict[str, Any]:
    """Write a catalogue whose partitions have at most so many rows; return its entry in the manifest."""
    paths, _ = shards(folder, "quantiles", table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hats_catalogue, "PARTITION_BYTES", rows * (4 * len(LEVELS) + hats_catalogue.BYTES_BESIDE_PDF))
        return write_hats(folder, paths, COLUMNS, **options)


def matched(path: Path, **margin: str) -> pd.DataFrame:
    """Matches within 5″ of one galaxy 1″ west of the edge."""
    one = pd.DataFrame({"name": ["west"], "ra": [90 - ARCSEC], "dec": [60.0]})
    left = lsdb.from_dataframe(one, ra_column="ra", dec_column="dec", catalog_name="one", lowest_order=3)
    found: pd.DataFrame = left.crossmatch(lsdb.open_catalog(path, **margin), radius_arcsec=5, **SUFFIXES).compute()
    return found


def test_a_match_across_an_edge_is_found_with_the_margin_alone(tmp_path: Path) -> None:
    entry = written(tmp_path, at_an_edge(), 20, margin=10.0)
    assert entry["margin"] == 10
    assert entry["rows_of_margin"] >= 1
    assert {name.split("/")[0] for name in entry["files"]} == {"hats", "hats_margin", "collection.properties"}
    assert validation.is_valid_catalog(tmp_path / "hats", strict=True, verbose=False)
    assert validation.is_valid_catalog(tmp_path / "hats_margin", strict=True, verbose=False)
    assert not len(matched(tmp_path / "hats"))
    with_margin = matched(tmp_path / "hats", margin_cache=str(tmp_path / "hats_margin"))
    assert with_margin["object_id"].to_list() == ["7"]
    np.testing.assert_allclose(with_margin["_dist_arcsec"], 2 * np.cos(np.radians(60)), atol=1e-3)
    assert matched(tmp_path)["object_id"].to_list() == ["7"]  # by the collection, which names the margin
    properties = (tmp_path / "hats_margin" / "hats.properties").read_text()
    assert "dataproduct_type=margin" in properties
    assert "hats_margin_threshold=10" in properties


@pytest.mark.parametrize("margin", [2.0, 60.0])
def test_the_margin_of_a_partition_holds_all_within_it_and_none_of_its_own(tmp_path: Path, margin: float) -> None:
    """The galaxies are some arcminutes apart, in partitions of order 10, so that many lie near edges and corners."""
    random = np.random.default_rng(4)
    table = sky(400)
    table["ra"], table["dec"] = 45 + random.uniform(-0.15, 0.15, 400), random.uniform(-0.1, 0.15, 400)
    entry = written(tmp_path, table, 12, margin=margin)
    files = sorted((tmp_path / "hats_margin").rglob("Npix=*.parquet"))
    ra, dec, names = (table[name].to_numpy() for name in ("ra", "dec", "object_id"))
    total = 0
    for path in files:
        order, pixel = (int(part.split("=")[1].split(".")[0]) for part in (path.parts[-3], path.parts[-1]))
        inside = set(pd.read_parquet(path, partitioning=None)["object_id"])
        total += len(inside)
        away = distances(ra, dec, order, pixel)
        assert inside <= set(names[away > 0])
        assert set(names[(away > 0) & (away <= margin)]) <= inside
    assert total == entry["rows_of_margin"] > 20


def distances(ra: NDArray[np.float64], dec: NDArray[np.float64], order: int, pixel: int) -> NDArray[np.float64]:
    """Distance of places from a HEALPix pixel [arcsec], by points along its edge, (N,); 0 inside."""
    own = cdshealpix.lonlat_to_healpix(Longitude(ra * u.deg), Latitude(dec * u.deg), order)
    lon, lat = cdshealpix.vertices(np.array([pixel], np.uint64), order, step=20)
    away = np.hypot((lon.deg - ra[:, None]) * np.cos(np.radians(dec[:, None])), lat.deg - dec[:, None]).min(axis=1)
    return np.where(np.asarray(own) == pixel, 0.0, away * 3600)


def test_no_margin_and_one_without_galaxies_leave_no_folder(tmp_path: Path) -> None:
    table = sky(30)
    table["ra"], table["dec"] = 45 + np.linspace(-1, 1, 30), 20.0  # far from the edges of the base pixel
    written(tmp_path, at_an_edge(), 20, margin=10.0)
    for margin in (10.0, 0.0):
        entry = written(tmp_path, table, 1000, margin=margin)
        assert (entry["margin"], entry["rows_of_margin"]) == (margin, 0)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["hats", "shards"]
