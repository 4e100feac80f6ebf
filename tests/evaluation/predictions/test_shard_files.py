"""Shards: the same rows give the same bytes, other tools read them, and 20 quantiles hold a PDF."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import qp
from astropy.io import fits
from astropy.table import Table
from numpy.typing import NDArray
from scipy import stats

from photoz_lit.evaluation.metrics import pdf as metrics
from photoz_lit.evaluation.predictions.pdf_columns import LEVELS, PdfColumns, PdfKind
from photoz_lit.evaluation.predictions.shard_files import ShardFormat, ShardRows, write_shard
from photoz_lit.tasks.prediction_shard import described
from tests.conftest import make_catalogue

EDGES = np.linspace(0, 6, 401)
FORMATS: list[ShardFormat] = ["parquet", "qp", "fits"]


def mixtures(n: int, seed: int = 0) -> NDArray[np.float32]:
    """Binned PDFs of two Gaussians each, narrow and wide, (n, 400)."""
    random = np.random.default_rng(seed)
    mean, width = random.uniform(0.2, 3, (2, n, 1)), 10 ** random.uniform(-1.5, -0.3, (2, n, 1))
    share = random.uniform(0.5, 1, (n, 1))
    cdf = share * stats.norm.cdf(EDGES, mean[0], width[0]) + (1 - share) * stats.norm.cdf(EDGES, mean[1], width[1])
    pdf = np.diff(cdf, axis=1)
    return (pdf / pdf.sum(axis=1, keepdims=True)).astype(np.float32)


def shard(kind: PdfKind, n: int = 40) -> ShardRows:
    pdf = mixtures(n)
    pdf[3] = np.nan  # of a stamp with a pixel NaN
    columns = PdfColumns(kind, EDGES)
    catalogue = make_catalogue(n, ("g", "r", "i")).assign(z_source="spéc", flags=np.arange(n))
    return ShardRows(*described(pdf, catalogue, np.full(n, -1), "i", columns), columns, "real")


@pytest.mark.parametrize("kind", ["bins", "quantiles"])
def test_every_format_is_read_by_others_and_has_the_same_bytes_twice(tmp_path: Path, kind: PdfKind) -> None:
    rows = shard(kind)
    names = write_shard(rows, tmp_path / "one", 7, FORMATS)
    assert names == ["shards/shard_00007.parquet", "qp/shard_00007.hdf5", "fits/shard_00007.fits"]
    write_shard(rows, tmp_path / "two", 7, FORMATS)
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    table = pd.read_parquet(tmp_path / "one" / names[0])
    np.testing.assert_array_equal(np.stack(table[kind].to_list()), rows.values)
    assert np.stack(table[kind].to_list()).dtype == np.float32
    pd.testing.assert_frame_equal(table.drop(columns=kind), rows.table)
    metadata = pq.read_schema(tmp_path / "one" / names[0]).metadata
    grid = {"bins": "z_edges", "quantiles": "levels"}[kind]
    np.testing.assert_array_equal(json.loads(metadata[grid.encode()]), EDGES if kind == "bins" else LEVELS)
    there = np.arange(40) != 3
    ensemble = qp.read(str(tmp_path / "one" / names[1]))
    expected = metrics.quantiles(mixtures(40)[there], EDGES, [0.25, 0.5, 0.75])
    between = 1e-4 if kind == "bins" else 0.5 * np.diff(LEVELS).max()  # two levels, where a PDF has a gap between them
    np.testing.assert_allclose(ensemble.cdf(expected), np.tile([0.25, 0.5, 0.75], (39, 1)), atol=between)
    assert list(ensemble.ancil["flags"]) == list(np.arange(40)[there])
    with fits.open(tmp_path / "one" / names[2]) as file:
        np.testing.assert_array_equal(file["PHOTOZ"].data[kind], rows.values)
        assert file["PHOTOZ"].header["DATA"] == "real"
    assert len(Table.read(tmp_path / "one" / names[2], hdu="GRID")) == (401 if kind == "bins" else 20)


@pytest.mark.parametrize("kind", ["bins", "quantiles"])
def test_a_galaxy_without_a_pdf_has_no_estimates_and_changes_no_other(kind: PdfKind) -> None:
    rows = shard(kind)
    estimates = ["z_phot", "z_mode", "z_mean", "z_lo68", "z_hi68", "z_lo95", "z_hi95", "pdf_width", "crps", "pit"]
    assert rows.table.loc[3, estimates].isna().all()
    assert rows.table.drop(index=3)[estimates].notna().all().all()
    assert np.isnan(rows.values[3]).all()
    others = np.arange(40) != 3
    np.testing.assert_array_equal(rows.table["z_phot"][others], metrics.median(mixtures(40)[others], EDGES))
    np.testing.assert_array_equal(rows.table["z_mean"][others], metrics.mean(mixtures(40), EDGES)[others])
    np.testing.assert_array_equal(rows.table["z_mode"][others], metrics.mode(mixtures(40)[others], EDGES))
    low, high = metrics.quantiles(mixtures(40)[others], EDGES, [0.025, 0.975]).T
    np.testing.assert_array_equal(rows.table["z_lo95"][others], low)
    np.testing.assert_array_equal(rows.table["z_hi95"][others], high)
    np.testing.assert_array_equal(rows.table["flags"], np.arange(40))


def test_twenty_quantiles_hold_a_pdf() -> None:
    """The CDF through the quantiles, linear between them, leaves the whole one by little, and so does the CRPS."""
    pdf = mixtures(400, seed=1)
    found = metrics.quantiles(pdf, EDGES, LEVELS).astype(np.float32)
    cdf = np.concatenate([np.zeros((400, 1)), np.cumsum(pdf, axis=1, dtype=float)], axis=1)
    levels = np.array([0, *LEVELS, 1])
    rebuilt = np.stack([np.interp(EDGES, [EDGES[0], *row, EDGES[-1]], levels) for row in found])
    distance = np.abs(rebuilt - cdf / cdf[:, -1:]).max(axis=1)
    print(f"KS distance: median {np.median(distance):.4f}, largest {distance.max():.4f}")
    assert np.median(distance) < 0.02
    assert distance.max() < 0.056  # between two levels the CDF can be off by their distance at most
    random = np.random.default_rng(2)
    z = metrics.quantiles(pdf, EDGES, [0.3])[:, 0] + random.normal(0, 0.05, 400).clip(-0.1, 0.1)
    z = z.clip(0.01, 5.9)
    crps = [metrics.crps(one, EDGES, z).mean() for one in (pdf, np.diff(rebuilt, axis=1).clip(0))]
    print(f"CRPS: {crps[0]:.5f} of the bins, {crps[1]:.5f} of the quantiles")
    assert crps[1] == pytest.approx(crps[0], rel=0.01)
