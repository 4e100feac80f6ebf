"""Catalogues of every format give the same table."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from photoz_lit.data.selection import select
from photoz_lit.errors import InputError
from photoz_lit.tables.no_value import blank_missing
from photoz_lit.tables.reading import read_table, table_columns


def reference() -> Table:
    table = Table()
    table["id"] = np.array([2**60 + 1, 2**60 + 2, 2**60 + 3])
    table["ra"] = np.array([1.5, 2.5, 3.5]) * u.deg
    table["mag"] = np.array([20.0, 21.0, 22.0], "f4") * u.mag
    table["source"] = ["spec", "grism", "photo"]
    return table


@pytest.mark.parametrize(
    "name", ["t.csv", "t.csv.gz", "t.tsv", "t.fits", "t.fits.gz", "t.ecsv", "t.vot", "t.parquet", "t.h5", "t.dat"]
)
def test_formats(tmp_path: Path, name: str) -> None:
    path, table = tmp_path / name, reference()
    if name.startswith(("t.csv", "t.tsv")):
        table.to_pandas().to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    elif name == "t.parquet":
        table.to_pandas().to_parquet(path)
    elif name == "t.h5":
        with h5py.File(path, "w", track_order=True) as file:
            for column in table.colnames:
                file[column] = table[column].astype("S") if column == "source" else table[column].data
    else:
        kinds = {"t.ecsv": "ascii.ecsv", "t.vot": "votable", "t.dat": "ascii.commented_header"}
        table.write(path, format=kinds.get(name, "fits"))
    read = read_table(path)
    assert list(read.columns) == table.colnames == table_columns(path)
    np.testing.assert_array_equal(read["id"], table["id"])
    np.testing.assert_allclose(read["mag"], table["mag"])
    assert read["source"].to_list() == ["spec", "grism", "photo"]
    assert all(dtype.byteorder in "=|" for dtype in read.dtypes if isinstance(dtype, np.dtype))
    assert list(read_table(path, ["ra", "id"]).columns) == ["id", "ra"]
    if name in ("t.fits", "t.ecsv", "t.vot"):
        assert read.attrs["units"]["ra"] == "deg"
    with pytest.raises(InputError, match=r"has no column 'sauce'; did you mean 'source'"):
        read_table(path, ["sauce"])


def test_masked_values_vectors_and_padding(tmp_path: Path) -> None:
    table = Table()
    table["n"] = MaskedColumn([1, 2, 3], mask=[False, True, False])
    table["id"] = MaskedColumn(np.array([2**60, 2**60 + 1, 5]), mask=[False, False, True])
    table["name"] = ["a  ", "b", "c"]
    table["flux"] = np.arange(6.0).reshape(3, 2)
    table["cube"] = np.zeros((3, 4, 4))
    table.write(tmp_path / "t.fits")
    read = read_table(tmp_path / "t.fits")
    np.testing.assert_array_equal(read["n"], [1, np.nan, 3])
    assert read["id"].to_list() == [str(2**60), str(2**60 + 1), ""]
    assert read["name"].to_list() == ["a", "b", "c"]
    assert read["flux_1"].to_list() == [1.0, 3.0, 5.0]
    assert "cube" not in read


def test_csv_with_comment_sign_before_the_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("# id,ra\n1,2.5\n")
    assert list(read_table(tmp_path / "t.csv").columns) == ["id", "ra"]


def test_sextractor_catalogue(tmp_path: Path) -> None:
    (tmp_path / "t.cat").write_text(
        "#   1 NUMBER     Running object number\n#   2 MAG_AUTO   Kron-like magnitude [mag]\n 1 20.5\n 2 99.0\n"
    )
    read = read_table(tmp_path / "t.cat")
    np.testing.assert_array_equal(blank_missing(read["MAG_AUTO"]), [20.5, np.nan])


def test_missing_codes() -> None:
    values = np.array([20.0, -99.0, -99.9, 99.9, 99.99, np.inf, np.nan, 99.5, 0.0])
    np.testing.assert_array_equal(
        blank_missing(values), [20.0, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, 99.5, 0.0]
    )
    np.testing.assert_array_equal(blank_missing(np.float32([-99.9, 99.99, 1.0]).astype(">f4")), [np.nan, np.nan, 1.0])
    np.testing.assert_array_equal(blank_missing([0.0, 1e-5], codes=[0.0]), [np.nan, 1e-5])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("t.csv", None, "is not there"),
        ("t.xls", b"x", "unknown kind '.xls'"),
        ("t.csv", b"", "cannot be read"),
        ("t.csv", b"a,b\n", "has no rows"),
        ("t.fits", b"SIMPLE", "cannot be read"),
        ("t.parquet", b"nonsense", "cannot be read"),
        ("t.h5", b"nonsense", "cannot be read"),
        ("t.vot", b"<html>", "cannot be read"),
        ("t.ecsv", b"# %ECSV 1.0\n# ---\n", "cannot be read"),
        ("t.csv.gz", b"not gzip", "cannot be read"),
    ],
)
def test_refused(tmp_path: Path, name: str, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_table(tmp_path / name)


def test_image_is_no_catalogue(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(tmp_path / "t.fits")
    with pytest.raises(InputError, match="holds no table, only images"):
        read_table(tmp_path / "t.fits")


def test_real_catalogue(shared_data: Path) -> None:
    table = read_table(shared_data / "zcosmos_bright20k.csv.gz", ["zpec", "cc", "i_photzi25"])
    assert len(table) == 17358
    secure = select("floor(cc) in [3, 4] and zpec > 0.002", table)
    expected = pd.read_csv(shared_data / "zcosmos_bright20k.csv.gz")
    assert secure.sum() == (np.isin(np.floor(expected["cc"]), [3, 4]) & (expected["zpec"] > 0.002)).sum()
    i = expected["i_photzi25"]
    assert np.isnan(blank_missing(table["i_photzi25"])).sum() == ((i.abs() > 90) | i.isna()).sum()
