"""A HATS catalogue of predictions as LSDB sees it: same rows, same PDFs, sorted on the sky."""

from __future__ import annotations

import errno
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import qp

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions import hats_catalogue
from photoz_lit.evaluation.predictions.hats_catalogue import write_hats
from photoz_lit.evaluation.predictions.hats_partitions import PixelCounts
from photoz_lit.evaluation.predictions.manifest import file_state
from photoz_lit.evaluation.predictions.pdf_columns import LEVELS, PdfColumns, PdfKind
from photoz_lit.evaluation.predictions.shard_files import ShardRows, shard_file, write_shard
from photoz_lit.tasks.prediction_shard import described
from tests.evaluation.predictions.test_shard_files import EDGES, mixtures

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # compiling takes 20 s, some hundred rows take none
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lsdb = pytest.importorskip("lsdb")
    validation = pytest.importorskip("hats.io.validation")

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
N, SHARD = 300, 80


def sky(n: int, seed: int = 0) -> pd.DataFrame:
    """Galaxies all over the sky, and some around one place."""
    random = np.random.default_rng(seed)
    ra, dec = random.uniform(0, 360, n), np.degrees(np.arcsin(random.uniform(-1, 1, n)))
    ra[: n // 3], dec[: n // 3] = 150 + random.normal(0, 0.3, n // 3), 2 + random.normal(0, 0.3, n // 3)
    return pd.DataFrame({"object_id": [f"{i}" for i in range(n)], "ra": ra, "dec": dec, "z": np.nan, "mag_i": 24.0})


def shards(folder: Path, kind: PdfKind, table: pd.DataFrame) -> tuple[list[Path], pd.DataFrame]:
    """Parquet shards of PDFs of some galaxies, and what they hold together."""
    columns = PdfColumns(kind, EDGES)
    for number, start in enumerate(range(0, len(table), SHARD)):
        part = table.iloc[start : start + SHARD].reset_index(drop=True)
        pdf = mixtures(len(part), seed=number).astype(np.float32)
        if not number:
            pdf[3] = np.nan
        rows = ShardRows(*described(pdf, part, np.full(len(part), -1), "i", columns), columns, "real")
        write_shard(rows, folder, number, ["parquet"])
    paths = [folder / shard_file("parquet", number) for number in range(-(-len(table) // SHARD))]
    return paths, pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True).set_index("object_id")


@pytest.fixture(scope="module", params=["bins", "quantiles"])
def catalogue(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame, PdfKind]:
    """A HATS catalogue of many partitions, and the rows of its shards."""
    folder = tmp_path_factory.mktemp(request.param)
    paths, expected = shards(folder, request.param, sky(N))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hats_catalogue, "PARTITION_BYTES", 40 * (4 * (400 if request.param == "bins" else 20) + 200))
        entry = write_hats(folder, paths, PdfColumns(request.param, EDGES))
    assert entry["rows"] == N
    assert entry["without_position"] == 0
    assert entry["files"] == {
        str(path.relative_to(folder)): file_state(path) for path in (folder / "hats").rglob("*") if path.is_file()
    }
    assert sorted(path.name for path in folder.iterdir()) == ["hats", "shards"]
    return folder / "hats", expected, request.param


def test_lsdb_opens_it_and_finds_every_galaxy(catalogue: tuple[Path, pd.DataFrame, PdfKind]) -> None:
    path, expected, _ = catalogue
    assert validation.is_valid_catalog(path, strict=True, verbose=False)
    opened = lsdb.open_catalog(path)
    assert len(opened) == N
    assert len(opened.get_healpix_pixels()) > 10
    found = opened.compute()
    assert found.index.is_monotonic_increasing
    found = found.set_index("object_id").loc[expected.index]
    for theirs, ours in {
        "z_phot": "z_phot",
        "photoz_lit_z_median": "z_phot",
        "photoz_lit_z_mode": "z_mode",
        "photoz_lit_z_mean": "z_mean",
        "photoz_lit_z_err68_low": "z_lo68",
        "photoz_lit_z_err68_high": "z_hi68",
        "photoz_lit_z_err95_low": "z_lo95",
        "photoz_lit_z_err95_high": "z_hi95",
        "flags": "flags",
        "ra": "ra",
    }.items():
        np.testing.assert_array_equal(found[theirs].to_numpy(float), expected[ours].to_numpy(float), err_msg=theirs)


def test_its_pdfs_are_those_of_the_shards_as_a_qp_ensemble(catalogue: tuple[Path, pd.DataFrame, PdfKind]) -> None:
    """The way from nested columns to an ensemble is that of LSDB's page on Rubin's DP1 redshifts."""
    path, expected, kind = catalogue
    found = lsdb.open_catalog(path).compute().set_index("object_id").loc[expected.index]
    there = expected["z_phot"].notna().to_numpy()
    assert there.sum() == N - 1
    values = np.stack(expected[kind].to_list())[there]
    if kind == "bins":
        nested = found.loc[there, "photoz_lit_ens_hist"]
        pdfs = np.stack([one["pdfs"].to_numpy() for one in nested])
        np.testing.assert_allclose(pdfs * np.diff(EDGES), values, rtol=1e-6, atol=1e-30)
        ensemble = qp.Ensemble(qp.hist, data={"bins": EDGES, "pdfs": pdfs})
        own = qp.Ensemble(qp.hist, data={"bins": EDGES, "pdfs": values / np.diff(EDGES)})
    else:
        nested = found.loc[there, "photoz_lit_ens_quant"]
        locs = np.stack([one["locs"].to_numpy() for one in nested])
        np.testing.assert_array_equal(locs, values)
        quants = nested.iloc[-1]["quants"].to_numpy()
        np.testing.assert_array_equal(quants, np.float32(LEVELS))
        ensemble = qp.Ensemble(qp.quant, data={"quants": quants, "locs": locs})
        own = qp.Ensemble(qp.quant, data={"quants": np.float32(LEVELS), "locs": values})
    grid = np.linspace(0.01, 5.9, 50)
    np.testing.assert_allclose(ensemble.cdf(grid), own.cdf(grid), atol=1e-6)


def test_it_is_crossmatched_with_another_catalogue(catalogue: tuple[Path, pd.DataFrame, PdfKind]) -> None:
    path, expected, _ = catalogue
    other = expected.reset_index()[["object_id", "ra", "dec"]].iloc[::3].assign(z_spec=0.5)
    other["dec"] += 0.3 / 3600
    theirs = lsdb.from_dataframe(other, ra_column="ra", dec_column="dec", catalog_name="spec", margin_threshold=5)
    suffixes = {"suffixes": ("", "_spec"), "suffix_method": "overlapping_columns"}
    matched = lsdb.open_catalog(path).crossmatch(theirs, radius_arcsec=1, **suffixes).compute()
    assert len(matched) == len(other)
    assert (matched["object_id"] == matched["object_id_spec"]).all()
    np.testing.assert_allclose(matched["_dist_arcsec"], 0.3, atol=1e-3)


@pytest.mark.parametrize("most", [1, 7, 50, 10_000])
def test_partitions_cover_every_row_once(most: int) -> None:
    counts, random = PixelCounts(), np.random.default_rng(0)
    healpix = np.concatenate([random.integers(0, 12 << 58, 500), random.integers(5 << 38, 6 << 38, 500)])
    for part in np.array_split(healpix, 7):
        counts.add(part)
    assert counts.counts.sum() == counts.at(3).sum() == 1000
    partitions = counts.partitions(most)
    rows = np.array([(healpix >> 2 * (29 - one.order)) == one.pixel for one in partitions])
    assert (rows.sum(axis=0) == 1).all()
    small = np.array([one.order < 10 for one in partitions])
    assert (rows.sum(axis=1)[small] <= most).all()
    assert [one.first for one in partitions] == sorted(one.first for one in partitions)


def test_a_full_disk_leaves_the_older_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = PdfColumns("quantiles", EDGES)
    paths, _ = shards(tmp_path, "quantiles", sky(90))
    write_hats(tmp_path, paths, columns)
    before = {path: path.read_bytes() for path in (tmp_path / "hats").rglob("*.parquet")}

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", full)
        with pytest.raises(InputError, match=r"hats cannot be written \(.*No space left.*make room"):
            write_hats(tmp_path, paths, columns)
    assert {path: path.read_bytes() for path in (tmp_path / "hats").rglob("*.parquet")} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hats", "shards"]
    write_hats(tmp_path, paths, columns)
    assert {path: path.read_bytes() for path in (tmp_path / "hats").rglob("*.parquet")} == before


def test_galaxies_without_a_position_are_counted(tmp_path: Path) -> None:
    table = sky(90)
    table.loc[[4, 85], "ra"] = np.nan
    paths, _ = shards(tmp_path, "quantiles", table)
    entry = write_hats(tmp_path, paths, PdfColumns("quantiles", EDGES))
    assert (entry["rows"], entry["without_position"]) == (88, 2)
    table["dec"] = np.nan
    paths, _ = shards(tmp_path / "none", "quantiles", table)
    with pytest.raises(InputError, match=r"no galaxy in .* has a position"):
        write_hats(tmp_path / "none", paths, PdfColumns("quantiles", EDGES))
