"""Rows of the stores and tables that a task reads are used or left out for a reason that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.store import CutoutStore
from photoz_lit.data.store_writer import write_store
from photoz_lit.errors import InputError
from photoz_lit.tasks.train import train
from photoz_lit.tasks.training_data import training_data
from tests.composed import composed, predicted
from tests.conftest import make_store
from tests.two_fields import source_and_target

FOREST = ("network=catalogue_forest", "network.trees=5", "field=hsc6b")


def rewritten(store: CutoutStore, path: Path, **columns: Any) -> CutoutStore:
    header = store.header.model_copy(update={"checksums": (), "catalogue_checksum": 0})
    return write_store(path, header, store.images, store.catalogue.assign(**columns))


@pytest.fixture(scope="module")
def holes(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    """Two hundred galaxies: 20 at i > 24, every fourth lacks g, every fifth has no redshift."""
    folder = tmp_path_factory.mktemp("holes")
    number = np.arange(200)
    store = make_store(folder / "whole", n=200)
    mag_i = np.where(number < 20, 26.0, store.catalogue["mag_i"])
    z = np.where(number % 5 == 0, np.nan, store.catalogue["z"])
    source = np.where(number % 2 == 0, "spec", "grism")
    return rewritten(store, folder / "holes", mag_i=mag_i, missing_g=number % 4 == 0, z=z, z_source=source)


def read(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "provenance.json").read_text())
    return record


def test_training_and_prediction(holes: CutoutStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = pd.DataFrame({"object_id": holes.catalogue["object_id"], "z": holes.catalogue["z"]})
    other = pd.DataFrame({"object_id": ["x", "y"], "z": [0.3, 0.4]})
    pd.concat([labels, other]).to_parquet(tmp_path / "labels.parquet")
    given = [f"data.store={holes.path}", f"paths.runs={tmp_path}", 'data.select="mag_i < 25"']
    folder = train(composed(*FOREST, *given, f"data.labels={tmp_path}/labels.parquet"))
    record = read(folder.path)
    # the selection acts on the table's labels, so it comes last
    left_out = {"lacks a band": 50, "data.select": 15, "without redshift": 27}
    assert record["rows"] == {"read": 200, "used": 108, "left_out": left_out}
    assert record["rows_of"] == {
        "data.labels": {
            "read": 202,
            "used": 120,
            "left_out": {"without redshift": 40, "without a galaxy in the sample": 42},
        }
    }
    roles = pd.read_parquet(folder.path / "split.parquet")["role"]
    assert (roles != "").sum() == record["rows"]["used"]
    out = " ".join(capsys.readouterr().out.split())
    assert "200 rows read, 108 used; left out: 50 lacks a band, 15 data.select, 27 without redshift" in out
    applied = predicted(composed(*FOREST, *given, "task=predict", f"run={folder.path}"))
    rows = read(applied.path)["rows"]
    assert rows == {"read": 200, "used": 135, "left_out": {"data.select": 20, "lacks a band": 45}}
    assert len(pd.read_parquet(applied.path / "predictions.parquet")) == 135
    assert "200 rows read, 135 used; left out" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("adapt", "left_out"), [("none", {"without redshift": 8}), ("oracle", None)])
def test_an_adaptation(adapt: str, left_out: dict[str, int] | None, tmp_path: Path) -> None:
    source, target = source_and_target(tmp_path, n=110)
    few = np.where(np.arange(110) < 8, np.nan, source.catalogue["z"])
    source = rewritten(source, tmp_path / "few", z=few, z_true=few)
    pair = (f"data.source={source.path}", f"data.target={target.path}")
    chosen = (f"adapt={adapt}", "data.source_select='object_id != \"g3\" and z != 0.5'", "network=plain")
    data = training_data(composed("field=hsc6b", *pair, *chosen))
    rows = data.rows
    assert rows.read == 220
    used = np.unique(np.concatenate([part for part in vars(data.splits[0]).values() if isinstance(part, np.ndarray)]))
    assert rows.used == len(used)
    if left_out is not None:
        assert rows.left_out == left_out
    else:  # of the source only the galaxies of fold 0 are tested
        assert set(rows.left_out) == {"without redshift", "without a part in this adaptation"}


def test_codes_in_a_table_of_labels(holes: CutoutStore, tmp_path: Path) -> None:
    z = np.where(np.arange(200) % 10 == 3, 5.5, holes.catalogue["z"])
    pd.DataFrame({"object_id": holes.catalogue["object_id"], "z": z}).to_parquet(tmp_path / "labels.parquet")
    given = [*FOREST, f"data.store={holes.path}", f"data.labels={tmp_path}/labels.parquet"]
    with pytest.raises(InputError, match=r"5\.5 in 20 of 160 rows.*'data\.label_missing=\[5\.5\]'"):
        training_data(composed(*given))
    assert training_data(composed(*given, "data.label_missing=[5.5]")).sample.labelled.sum() == 100
    assert training_data(composed(*given, "data.label_allow=5.5")).sample.labelled.sum() == 120


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ("{spec: 0, grism: 0}", "weight 0 to all .* galaxies to train on"),
        ("{photo: 0.5}", "no label is of the source 'photo'; known are grism, spec"),
        ("{spek: 0.5}", "no label is of the source 'spek'; known are grism, spec"),
        ("{spec: -1}", r"'data\.label_weights\.spec=-1' is wrong"),
        ("{spec: nan}", r"'data\.label_weights\.spec=nan' is wrong"),
    ],
)
def test_weights_of_labels_that_are_refused(weights: str, sentence: str, holes: CutoutStore) -> None:
    with pytest.raises(InputError, match=sentence):
        training_data(composed("field=hsc6b", f"data.store={holes.path}", f"data.label_weights={weights}"))


def test_weights_of_labels_that_count(holes: CutoutStore) -> None:
    given = ["field=hsc6b", f"data.store={holes.path}"]
    assert training_data(composed(*given, "data.label_weights={spec: 0.5}")).warnings == ()
    data = training_data(composed(*given, "data.label_weights={spec: 0}"))
    train_rows = data.splits[0].train
    idle = (data.sample.catalogue["z_source"].iloc[train_rows] == "spec").sum()
    assert data.warnings == (
        f"{idle} of {len(train_rows)} galaxies to train on have the weight 0 in data.label_weights.",
    )
    spec = [*given, "data.select='z_source == \"spec\"'"]
    with pytest.raises(InputError, match="weight 0 to all"):
        training_data(composed(*spec, "data.label_weights={spec: 0}"))
    with pytest.raises(InputError, match="network=catalogue_forest has none"):
        train(composed(*given, *FOREST, "data.label_weights={spec: 0.5}"))
