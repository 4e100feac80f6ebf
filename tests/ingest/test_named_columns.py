"""What a user names must be there, however it is written; rows without ids are numbered and called so."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from rich.console import Console

from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.tasks.ingest import print_store
from tests.ingest.archives import settings_of, write_lam
from tests.ingest.slips import mosaic

WHERE = {"ra": np.array([150.1, 150.101]), "dec": np.array([2.2, 2.201])}


def stored(tmp: Path, *overrides: str, catalogue: Path | None = None, **columns: object) -> CutoutStore:
    reader, given = mosaic(tmp, **columns)
    if catalogue is not None:
        given[1] = f"ingest.catalogue={catalogue}"
    settings, field = settings_of(reader, *given, *overrides)
    return ingest(settings, field, tmp / "store", Console(quiet=True))


@pytest.mark.parametrize(
    ("override", "column"),
    [
        ("ingest.columns.z=ZBSET", "ZBSET"),
        ("ingest.columns.z.column=ZBSET", "ZBSET"),
        ("++ingest.columns.z={column: ZBSET}", "ZBSET"),
        ("++ingest.columns.z={column: ZBSET, missing: [-1]}", "ZBSET"),
        ("++ingest.columns.z={expression: ZBSET * 1.0}", "ZBSET"),
        ("++ingest.columns.z_source={column: ZBSET, translate: {1: spec}}", "ZBSET"),
        ("++ingest.columns.z_source.translate={1: spec}", "z_source"),
        ("++ingest.columns.mag_i.unit=uJy", "mag_i"),
        ("++ingest.columns.ebv.missing=[-1]", "ebv"),
        ("ingest.columns.object_id=ZBSET", "ZBSET"),
        ("++ingest.columns.own=ZBSET", "ZBSET"),
        ("ingest.select='ZBSET > 1'", "ZBSET"),
    ],
)
def test_a_named_column_must_be_there(tmp_path: Path, override: str, column: str) -> None:
    with pytest.raises(InputError, match=f"(column '{column}', mapped to .*, is not in the|no column '{column}')"):
        stored(tmp_path, override, ZBEST=[0.5, 0.6])
    assert not (tmp_path / "store").exists()


def test_a_named_column_that_is_there_is_taken(tmp_path: Path) -> None:
    overrides = (
        "++ingest.columns.z={column: ZBEST}",
        "++ingest.columns.z_source={column: code, translate: {1: spec, 2: grism}}",
    )
    catalogue = stored(tmp_path, *overrides, ZBEST=["0.5", "--"], code=[1, 2]).catalogue
    np.testing.assert_array_equal(catalogue["z"], [0.5, np.nan])
    assert catalogue["z_source"].to_list() == ["spec", ""]


def said(store: CutoutStore) -> str:
    console = Console(record=True, width=200, quiet=False, file=io.StringIO())
    print_store(console, store, 1.0)
    return console.export_text()


def test_rows_without_ids_are_numbered_and_called_so(tmp_path: Path) -> None:
    pd.DataFrame(WHERE).to_csv(tmp_path / "positions.csv", index=False)
    store = stored(tmp_path, catalogue=tmp_path / "positions.csv")
    assert store.catalogue["object_id"].to_list() == ["0", "1"]
    assert store.header.provenance["object_id"] == "row number, from 0"
    assert "object_id is the row number, from 0" in said(store)


def test_archives_that_the_reader_numbers_are_called_so(tmp_path: Path) -> None:
    write_lam(tmp_path / "lam", (4,))
    settings, field = settings_of("lam_npz", f"ingest.path={tmp_path / 'lam'}")
    store = ingest(settings, field, tmp_path / "with", Console(quiet=True))
    assert store.header.provenance["object_id"] == "int64"
    with np.load(tmp_path / "lam" / "cosmos_00.npz") as file:
        members = dict(file)
    names = [name for name in members["info"].dtype.names if name != "ID"]
    np.savez(tmp_path / "lam" / "cosmos_00.npz", **{**members, "info": members["info"][names].copy()})
    store = ingest(settings, field, tmp_path / "without", Console(quiet=True))
    assert store.header.provenance["object_id"] == "row number, from 0"


@pytest.mark.parametrize("kind", ["hash.csv", "index.parquet"])
def test_an_id_in_the_index_or_behind_a_hash_is_found(tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame({"object_id": ["000123", "0045"], **WHERE})
    if kind == "hash.csv":
        (tmp_path / kind).write_text("# " + frame.to_csv(index=False))
    else:
        frame.set_index("object_id").to_parquet(tmp_path / kind)
    store = stored(tmp_path, catalogue=tmp_path / kind)
    assert store.catalogue["object_id"].to_list() == ["000123", "0045"]
    assert "object_id" not in store.header.provenance


def test_a_join_by_id_needs_ids_on_both_sides(tmp_path: Path) -> None:
    pd.DataFrame(WHERE).to_csv(tmp_path / "positions.csv", index=False)
    pd.DataFrame({"name": ["0", "1"], "zz": [0.5, 0.6]}).to_csv(tmp_path / "z.csv", index=False)
    join = (f"ingest.join.path={tmp_path / 'z.csv'}", "++ingest.join.columns={object_id: name, z: zz}")
    with pytest.raises(InputError, match=r"ingest\.join\.by=id needs ids, and the archive's table has no id column"):
        stored(tmp_path, *join, catalogue=tmp_path / "positions.csv")
    (tmp_path / "other").mkdir()
    guess = "++ingest.join.columns={object_id: {if_there: id}, z: zz}"
    with pytest.raises(InputError, match=r"z\.csv has no column of ids, which ingest\.join\.by=id needs"):
        stored(tmp_path / "other", join[0], guess)


def test_the_key_chooses_a_table(tmp_path: Path) -> None:
    hdus = [fits.BinTableHDU(Table({**WHERE, "z": [z, z]}), name=name) for name, z in (("ONE", 0.1), ("TWO", 0.2))]
    extra = fits.BinTableHDU(Table({"note": np.arange(5)}), name="NOTES")
    fits.HDUList([fits.PrimaryHDU(), *hdus, extra]).writeto(tmp_path / "t.fits")
    with pytest.raises(InputError, match=r"holds several tables: 1 \(ONE, 2 rows\), .* e\.g\. ingest\.table=3$"):
        stored(tmp_path, catalogue=tmp_path / "t.fits")
    (tmp_path / "other").mkdir()
    store = stored(tmp_path / "other", "ingest.table=TWO", catalogue=tmp_path / "t.fits")
    np.testing.assert_array_equal(store.catalogue["z"], [0.2, 0.2])
