"""Ids are texts in a store, and integers again in all that is published where they came as integers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from numpy.typing import NDArray

from photoz_lit import load
from photoz_lit.data.column_source import ColumnSource
from photoz_lit.data.id_type import recorded_type, shared_type, type_of_ids, typed_ids
from photoz_lit.data.mapping import map_columns, mapped_id_type
from photoz_lit.data.sample import load_sample
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.catalogue_files import write_fits, write_votable
from photoz_lit.evaluation.predictions.hats_catalogue import require_hats
from photoz_lit.evaluation.predictions.qp_file import read_pdfs_hdf5
from photoz_lit.evaluation.predictions.table import read_predictions
from photoz_lit.ingest.archive import ingest
from photoz_lit.tasks.export import run as export
from photoz_lit.tasks.options import ExportOptions
from photoz_lit.tasks.train import train
from tests.composed import composed, predicted
from tests.conftest import make_store
from tests.ingest.archives import settings_of
from tests.tasks.shards import SMALL, in_shards, table_of

N = 60
LARGE = 2**60 + 1  # as of Gaia and LSST; float64 would make it 2**60
INTEGERS = LARGE + 1000 * np.arange(N)


def ingested(folder: Path, ids: NDArray[Any] | list[str]) -> CutoutStore:
    """A store of arrays and a table with these ids."""
    folder.mkdir()
    blobs = make_store(folder / "blobs", n=N, seed=3)
    np.save(folder / "images.npy", blobs.images)
    table = blobs.catalogue.assign(object_id=ids, z_source="spec", z_quality="", ra=blobs.catalogue["ra"] + 3.0)
    table.to_parquet(folder / "table.parquet", index=False)
    bands, points = ",".join(blobs.header.bands), blobs.header.zero_points
    settings, field = settings_of(
        "arrays",
        "field=hsc6b",
        f"ingest.path={folder}/images.npy",
        f"ingest.catalogue={folder}/table.parquet",
        f"ingest.bands=[{bands}]",
        f"ingest.pixel_scale={blobs.header.pixel_scale}",
        "++ingest.zero_points={" + ", ".join(f"{band}: {value}" for band, value in points.items()) + "}",
    )
    return ingest(settings, field, folder / "store")


@pytest.fixture(scope="module")
def integers(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return ingested(tmp_path_factory.mktemp("ids") / "integers", INTEGERS)


@pytest.fixture(scope="module")
def made(integers: CutoutStore, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run trained on the store, and the store."""
    runs = tmp_path_factory.mktemp("runs")
    return train(composed(*SMALL, f"data.store={integers.path}", f"paths.runs={runs}")).path, integers.path


def test_a_store_holds_texts_and_says_what_they_were(integers: CutoutStore) -> None:
    assert integers.catalogue["object_id"].to_list() == [str(one) for one in INTEGERS]
    assert json.loads((integers.path / "store.json").read_text())["provenance"]["object_id"] == "int64"


def test_run_folders_give_integers_and_are_compared_by_texts(made: tuple[Path, Path]) -> None:
    run, _ = made
    written = pd.read_parquet(run / "predictions.parquet")["object_id"]
    assert written.dtype == np.int64
    tested = pd.read_parquet(run / "split.parquet").query("role == 'test'")["object_id"]
    assert sorted(written) == sorted(map(int, tested))
    assert read_predictions(run)["object_id"].to_list() == [str(one) for one in written]
    assert read_pdfs_hdf5(run / "pdfs.hdf5")[2]["object_id"].to_list() == written.to_list()


def test_predict_gives_integers_in_every_format(made: tuple[Path, Path], tmp_path: Path) -> None:
    run, store = made
    folder = predicted(composed("task=predict", f"run={run}", f"data.store={store}", f"paths.runs={tmp_path}")).path
    there = pd.read_parquet(folder / "predictions.parquet")["object_id"]
    assert there.dtype == np.int64
    np.testing.assert_array_equal(there, INTEGERS)
    export(composed(), ExportOptions(run=folder, output=tmp_path / "out", format=["parquet", "fits", "votable"]))
    files = (Table.read(tmp_path / "out" / name) for name in ("photoz.fits", "photoz.vot"))
    for ids in (
        pd.read_parquet(tmp_path / "out" / "photoz.parquet")["object_id"],
        *(one["object_id"] for one in files),
    ):
        assert ids.dtype.kind == "i"
        np.testing.assert_array_equal(np.asarray(ids), INTEGERS)
    manifest = in_shards(made, tmp_path / "shards", "task.shard=40", "task.format=[parquet,fits,qp]")
    ids = table_of(manifest.folder)["object_id"]
    assert ids.dtype == np.int64
    np.testing.assert_array_equal(ids, INTEGERS)
    np.testing.assert_array_equal(
        Table.read(manifest.folder / "fits/shard_00001.fits", "PHOTOZ")["object_id"], INTEGERS[40:]
    )
    assert manifest.made_of["settings"]["object_id"] == "int64"


def test_hats_gives_integers(made: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("hats")
    require_hats()
    output = in_shards(made, tmp_path / "shards", "task.format=[hats]").folder
    tables = [pq.ParquetFile(path).read() for path in (output / "hats" / "dataset").rglob("Npix=*.parquet")]
    assert {str(table.schema.field("object_id").type) for table in tables} == {"int64"}
    assert sorted(one for table in tables for one in table["object_id"].to_pylist()) == INTEGERS.tolist()


def test_the_api_gives_ids_back_as_they_are(made: tuple[Path, Path]) -> None:
    run, path = made
    store, model = open_store(path), load(run, device="cpu")
    images = store.images[:3]
    for ids in (INTEGERS[:3], np.array([2**63 + 1, 2, 3], np.uint64)):
        pdfs = model.predict(images, catalogue={"object_id": ids})
        assert pdfs.table()["object_id"].dtype == ids.dtype
        assert pdfs.table()["object_id"].to_list() == ids.tolist()
        assert pdfs.to_qp().ancil["object_id"].tolist() == ids.tolist()
    assert model.predict(images, catalogue={"object_id": ["007", "8", "9"]}).object_id.tolist() == ["007", "8", "9"]


def test_texts_stay_texts(made: tuple[Path, Path], tmp_path: Path) -> None:
    names = [f"{k:03d}" for k in range(N)]
    store = ingested(tmp_path / "names", names)
    assert "object_id" not in store.header.provenance
    table = table_of(in_shards((made[0], store.path), tmp_path / "shards").folder)
    assert table["object_id"].to_list() == names
    assert names[7] == "007"


def test_stores_of_several_types_give_texts(integers: CutoutStore, tmp_path: Path) -> None:
    others = ingested(tmp_path / "others", [f"g{k}" for k in range(N)])
    conditions = settings_of("arrays", "field=hsc6b")[1]
    both = load_sample([integers, others], conditions, 16)
    assert both.id_type == "text"
    assert both.id_type_of(np.arange(N)) == "int64"
    assert both.id_type_of(np.arange(N, 2 * N)) == "text"
    assert shared_type(["int64", "int64"]) == "int64"
    assert shared_type(["int64", "uint64"]) == shared_type([]) == "text"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (np.array([LARGE, -3, 0]), "int64"),
        (np.array([1, 2, 3], np.int16), "int64"),
        (np.array([2**63 + 1, 2, 3], np.uint64), "uint64"),
        (np.array(["1", "2", "3"], object), "text"),
        (np.array([1, 2, "g3"], object), "text"),  # a column of integers below one of texts
        (np.array([1.0, 2.0, 3.0]), "text"),
        (np.array([b"007", b"008", b"009"]), "text"),
    ],
)
def test_the_type_is_that_of_the_column(column: NDArray[Any], expected: str) -> None:
    table, mapping = pd.DataFrame({"ID": column}), {"object_id": "ID"}
    ids = map_columns(table, mapping)["object_id"]
    assert mapped_id_type(table, mapping, ids) == expected
    if expected != "text":
        assert typed_ids(ids, expected).tolist() == column.tolist()  # type: ignore[arg-type]


def test_ids_with_gaps_or_of_rows_are_texts() -> None:
    table = pd.DataFrame({"ID": [1, -99, 3]})
    mapping = {"object_id": ColumnSource(column="ID", missing=(-99,))}
    ids = map_columns(table, mapping)["object_id"]
    assert ids.to_list() == ["1", "", "3"]
    assert mapped_id_type(table, mapping, ids) == "text"
    numbered = map_columns(table, {"object_id": None})["object_id"]
    assert mapped_id_type(table, {"object_id": None}, numbered) == "text"
    assert type_of_ids(np.array([7]), ["007"]) == "text"


def test_a_store_without_the_record_and_one_that_lies() -> None:
    assert recorded_type({}) == recorded_type({"object_id": "row number, from 0"}) == "text"
    assert typed_ids(["007"], "text").tolist() == ["007"]
    with pytest.raises(InputError, match=r"store\.json says that object_id is int64, and an id is none \(.*'g1'\)"):
        typed_ids(["1", "g1"], "int64")


def test_unsigned_ids_in_fits_and_votable(tmp_path: Path) -> None:
    for ids, kind in (([2**60 + 1, 5], "i"), ([2**63 + 1, 5], "U")):
        table = pd.DataFrame({"object_id": np.array(ids, np.uint64), "z_phot": [0.5, 0.6]})
        written = Table.read(write_votable(table, tmp_path / "a.vot", "real"))["object_id"]
        assert written.dtype.kind == kind
        assert [int(one) for one in written] == ids
        read = Table.read(write_fits(table, tmp_path / "a.fits", "real"), "PHOTOZ")["object_id"]
        assert read.dtype == np.uint64
        assert read.tolist() == ids
