"""Files of several tables, vector columns, Parquet's index: found without guessing, or asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.io import fits, votable
from astropy.table import Table

from photoz_lit.data.mapping import map_columns
from photoz_lit.errors import InputError
from photoz_lit.tables.reading import read_table, table_columns

IDS = np.array([39627652591521181, 39627652591521182])


def hdu(name: str, **columns: Any) -> fits.BinTableHDU:
    return fits.BinTableHDU(Table(columns), name=name)


def write(path: Path, *tables: fits.BinTableHDU) -> Path:
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(path)
    return path


def test_vector_columns_element_by_element(tmp_path: Path) -> None:
    columns = [
        fits.Column("OBJID", "K", array=[1237648720693755918]),
        fits.Column("PSFFLUX", "5E", unit="nanomaggies", array=[[1.0, 2.0, 15.0, 4.0, 5.0]]),
        fits.Column("PDF", "200E", array=np.zeros((1, 200))),
        fits.Column("ID2", "K", array=[3]),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    names = ["OBJID", *(f"PSFFLUX_{k}" for k in range(5)), "ID2"]
    assert table_columns(tmp_path / "t.fits") == names == list(read_table(tmp_path / "t.fits").columns)
    table = read_table(tmp_path / "t.fits", ["PSFFLUX_2"])
    assert list(table.columns) == ["PSFFLUX_2"]
    assert map_columns(table, {"mag_r": "PSFFLUX_2"})["mag_r"][0] == pytest.approx(19.5598, abs=1e-4)
    for name in ("PSFFLUX", "PSFFLUX_7"):
        with pytest.raises(InputError, match="holds 5 values a row; name one of them, 'PSFFLUX_0' to 'PSFFLUX_4'"):
            read_table(tmp_path / "t.fits", [name])
    with pytest.raises(InputError, match="no column 'objid'; did you mean 'OBJID'"):
        read_table(tmp_path / "t.fits", ["objid"])
    with pytest.raises(InputError, match=r"no column 'PDF'(?!.*did you mean 'PDF)"):
        read_table(tmp_path / "t.fits", ["PDF"])


@pytest.mark.parametrize("name", ["ldac.fits", "sextractor.cat", "field.ldac", "odd.name"])
@pytest.mark.parametrize("objects", [1, 3])
def test_ldac_has_its_objects_in_the_second_table(tmp_path: Path, name: str, objects: int) -> None:
    note = hdu("LDAC_IMHEAD", **{"Field Header Card": ["SIMPLE"]})
    path = write(tmp_path / name, note, hdu("LDAC_OBJECTS", NUMBER=np.arange(objects), MAG_AUTO=np.full(objects, 20.0)))
    assert table_columns(path) == ["NUMBER", "MAG_AUTO"]
    assert len(read_table(path)) == objects
    assert list(read_table(path, table="LDAC_IMHEAD").columns) == ["Field Header Card"]
    assert len(read_table(path, table=2)) == objects


def test_redrock_is_joined_row_by_row(tmp_path: Path) -> None:
    redshifts = hdu("REDSHIFTS", TARGETID=IDS, Z=[0.5, 0.6])
    place = hdu("FIBERMAP", TARGETID=IDS, TARGET_RA=[150.0, 150.1])
    exposures = hdu("EXP_FIBERMAP", TARGETID=np.repeat(IDS, 2), NIGHT=np.arange(4))
    for number, tables in enumerate([(redshifts, place), (redshifts, place, exposures)]):
        table = read_table(write(tmp_path / f"{number}.fits", *tables), ["TARGETID", "Z", "TARGET_RA"])
        assert table["TARGETID"].to_list() == IDS.tolist()
        assert table["Z"].to_list() == [0.5, 0.6]
        assert table["TARGET_RA"].to_list() == [150.0, 150.1]


def test_tables_of_other_objects_are_not_joined(tmp_path: Path) -> None:
    path = write(tmp_path / "t.fits", hdu("A", ID=IDS, Z=[0.5, 0.6]), hdu("B", ID=IDS[::-1], RA=[1.0, 2.0]))
    sentence = r"several tables: 1 \(A, 2 rows\), 2 \(B, 2 rows\), .* different values in their common column 'ID'; .*"
    with pytest.raises(InputError, match=sentence + r"e\.g\. ingest\.table=1$"):
        read_table(path, None, None, "ingest.table")
    assert read_table(path, table="b")["RA"].to_list() == [1.0, 2.0]


def test_tables_of_other_lengths_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.fits", hdu("A", Z=[0.5, 0.6]), hdu("B", Z=np.arange(3.0)), hdu("EMPTY", Z=np.zeros(0)))
    for read in (read_table, table_columns):
        with pytest.raises(InputError, match=r"2 \(B, 3 rows\), 3 \(EMPTY, 0 rows\); choose .* e\.g\. table=2$"):
            read(path)
    with pytest.raises(InputError, match=r"has no table 'BB' \(table\); did you mean 'B'"):
        read_table(path, table="BB")
    with pytest.raises(InputError, match="has no rows"):
        read_table(path, table="EMPTY")


def test_units_of_a_second_table_are_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "t.fits", hdu("A", F=[15.0] * u.uJy), hdu("B", G=[15.0] * u.mag))
    assert read_table(path).attrs["units"] == {"F": "uJy", "G": "mag"}


def rail(path: Path, **groups: dict[str, Any]) -> Path:
    with h5py.File(path, "w") as file:
        for group, columns in groups.items():
            for name, values in columns.items():
                file[f"{group}/{name}"] = values
    return path


def test_rails_group(tmp_path: Path) -> None:
    columns = {"id": np.arange(200), "redshift": np.linspace(0, 2, 200), "mag_i_lsst": np.full(200, 24.0, "f4")}
    path = rail(tmp_path / "t.hdf5", photometry={**columns, "edges": np.arange(301.0), "mags": np.ones((200, 2))})
    assert sorted(table_columns(path)) == ["id", "mag_i_lsst", "mags_0", "mags_1", "redshift"]
    table = read_table(path, ["id", "redshift"])
    assert table["redshift"].to_list() == columns["redshift"].tolist()


def test_several_groups_are_named(tmp_path: Path) -> None:
    path = rail(tmp_path / "t.hdf5", photometry={"z": np.zeros(5)}, truth={"z": np.ones(5)}, meta={"version": [1]})
    with pytest.raises(InputError, match=r"\(/photometry, 5 rows\), 3 \(/truth, 5 rows\); choose"):
        read_table(path)
    assert read_table(path, table="truth")["z"].to_list() == [1.0] * 5
    assert read_table(rail(tmp_path / "u.hdf5", deep={"a/z": np.zeros(4)}))["z"].to_list() == [0.0] * 4


def test_compound_data_sets(tmp_path: Path) -> None:
    table = Table({"id": IDS, "flux": [15.0, 1.0] * u.uJy, "mags": [[1.0, 2.0], [3.0, 4.0]]})
    table.write(tmp_path / "t.hdf5", path="catalogue", serialize_meta=True)
    read = read_table(tmp_path / "t.hdf5")
    assert list(read.columns) == table_columns(tmp_path / "t.hdf5") == ["id", "flux", "mags_0", "mags_1"]
    assert read["id"].to_list() == IDS.tolist()
    assert map_columns(read, {"mag_r": "flux"})["mag_r"][0] == pytest.approx(20.9598, abs=1e-3)


def test_parquet_index_and_whole_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"z": [0.5, 0.6]}, index=pd.Index(["000123", "0045"], name="object_id"))
    frame.to_parquet(tmp_path / "named.parquet")
    assert read_table(tmp_path / "named.parquet")["object_id"].to_list() == ["000123", "0045"]
    assert set(table_columns(tmp_path / "named.parquet")) == {"object_id", "z"}
    frame.rename_axis(None).to_parquet(tmp_path / "unnamed.parquet")
    assert read_table(tmp_path / "unnamed.parquet", ["object_id"])["object_id"].to_list() == ["000123", "0045"]
    nullable = pd.DataFrame({"id": pd.array([2**60 + 1, None], dtype="Int64"), "n": pd.array([1, None], dtype="Int64")})
    nullable.to_parquet(tmp_path / "nullable.parquet")
    read = read_table(tmp_path / "nullable.parquet")
    assert read["id"].to_list() == [str(2**60 + 1), ""]
    np.testing.assert_array_equal(read["n"], [1, np.nan])


def test_parquet_vectors_and_units(tmp_path: Path) -> None:
    lists = pa.table({"flux": pa.array([[1.0, 15.0], [3.0, 4.0]]), "uneven": pa.array([[1.0], [2.0, 3.0]])})
    fields = [pa.field("flux", lists.schema.field("flux").type, metadata={"unit": "uJy"}), lists.schema.field("uneven")]
    pq.write_table(lists.cast(pa.schema(fields)), tmp_path / "t.parquet")
    assert table_columns(tmp_path / "t.parquet") == ["flux_0", "flux_1"]
    mapped = map_columns(read_table(tmp_path / "t.parquet", ["flux_1"]), {"mag_r": "flux_1"})
    assert mapped["mag_r"][0] == pytest.approx(20.9598, abs=1e-3)
    Table({"f": [15.0] * u.uJy}).write(tmp_path / "astropy.parquet")
    assert read_table(tmp_path / "astropy.parquet").attrs["units"] == {"f": "uJy"}


def test_votable_of_two_tables(tmp_path: Path) -> None:
    file = votable.from_table(Table({"z": [0.1, 0.2]}))
    second = votable.from_table(Table({"z": [0.3, 0.4, 0.5]})).get_first_table()
    second.name = "second"
    file.resources[0].tables.append(second)
    file.to_xml(str(tmp_path / "t.xml"))
    with pytest.raises(InputError, match=r"2 \(second, 3 rows\); choose"):
        read_table(tmp_path / "t.xml")
    assert read_table(tmp_path / "t.xml", table="second")["z"].to_list() == [0.3, 0.4, 0.5]


def test_a_key_for_a_file_of_one_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"holds one table; leave ingest\.table=2 out"):
        read_table(tmp_path / "t.csv", None, 2, "ingest.table")
