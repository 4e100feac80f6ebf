from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy.io import fits, votable
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.catalogue_files import (
    DESCRIPTIONS,
    UCDS,
    write_fits,
    write_parquet,
    write_votable,
)


@pytest.fixture
def predictions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "object_id": ["a", "βeta", "c"],
            "ra": [150.0, 150.1, 150.2],
            "z": [0.5, np.nan, 1.0],
            "z_phot": [0.51, 0.7, 0.98],
            "fold": np.array([0, 0, 1]),
            "in_training": [True, False, False],
        }
    )


def test_fits_holds_values_units_and_the_mark(predictions: pd.DataFrame, tmp_path: Path) -> None:
    path = write_fits(predictions.replace("βeta", "beta"), tmp_path / "out" / "photoz.fits", "simulated")
    table = Table.read(path)
    assert [str(name).strip() for name in table["object_id"]] == ["a", "beta", "c"]
    np.testing.assert_array_equal(np.ma.filled(table["z"], np.nan), predictions["z"])
    np.testing.assert_array_equal(table["z_phot"], predictions["z_phot"])
    assert list(table["in_training"]) == [True, False, False]
    assert str(table["ra"].unit) == "deg"
    header = fits.getheader(path, 1)
    assert header["DATA"] == "simulated"
    assert header["EXTNAME"] == "PHOTOZ"
    write_fits(predictions[:1], path, "real")  # replaces it
    assert len(Table.read(path)) == 1


def test_letters_beyond_ascii_are_transliterated(tmp_path: Path) -> None:
    names = ["Abell 370 – α0", "Abell 370 - alpha0", "中", "plain", "Ω"]
    sources = ["VIMOS–Ñ", "VIMOS–Ñ", "", "spec", "spec"]
    table = pd.DataFrame({"object_id": names, "z_source": sources, "z_phot": np.linspace(0.1, 0.5, 5)})
    path = write_fits(table, tmp_path / "photoz.fits", "real")
    read = Table.read(path)
    # the first two would be one text: the one with letters beyond ASCII keeps their codes
    ids = ["Abell 370 \\u2013 \\u03b10", "Abell 370 - alpha0", "\\u4e2d", "plain", "Omega"]
    assert [str(name).strip() for name in read["object_id"]] == ids
    assert [str(name).strip() for name in np.ma.filled(read["z_source"], "")] == [
        "VIMOS-N",
        "VIMOS-N",
        "",
        "spec",
        "spec",
    ]
    np.testing.assert_array_equal(read["z_phot"], table["z_phot"])
    assert "transliterated" in str(fits.getheader(path, 1)["COMMENT"])


def test_texts_that_would_be_one_are_refused(tmp_path: Path) -> None:
    table = pd.DataFrame({"object_id": ["a\u2013", "a-", "a\\u2013"]})
    with pytest.raises(InputError, match="are the same in FITS"):
        write_fits(table, tmp_path / "photoz.fits", "real")
    assert list(tmp_path.iterdir()) == []


def test_parquet(predictions: pd.DataFrame, tmp_path: Path) -> None:
    path = write_parquet(predictions, tmp_path / "photoz.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), predictions)


def test_every_ucd_is_of_the_controlled_vocabulary() -> None:
    assert [ucd for ucd in UCDS.values() if not check_ucd(ucd, check_controlled_vocabulary=True)] == []
    assert set(UCDS) <= set(DESCRIPTIONS) | {"ra", "dec"}


def test_units_ucds_and_meanings_stand_in_every_format(predictions: pd.DataFrame, tmp_path: Path) -> None:
    header = fits.getheader(write_fits(predictions, tmp_path / "photoz.fits", "real"), 1)
    assert (header["TTYPE4"], header["TUCD4"]) == ("z_phot", "src.redshift.phot;meta.main")
    assert header["TCOMM4"] == DESCRIPTIONS["z_phot"]
    (table,) = votable.parse(write_votable(predictions, tmp_path / "photoz.vot", "real")).iter_tables()
    field = {one.name: one for one in table.fields}
    assert (str(field["ra"].unit), field["ra"].ucd) == ("deg", "pos.eq.ra;meta.main")
    assert field["z_phot"].description == DESCRIPTIONS["z_phot"]
    assert [str(name) for name in table.array["object_id"]] == list(predictions["object_id"])  # β as it is
    np.testing.assert_array_equal(table.array["z_phot"], predictions["z_phot"])
    schema = pq.read_schema(write_parquet(predictions, tmp_path / "photoz.parquet", "real"))
    assert schema.field("ra").metadata == {b"unit": b"deg", b"ucd": b"pos.eq.ra;meta.main"}
    assert schema.metadata[b"data"] == b"real"


def test_no_galaxies_and_no_labels_are_written_too(predictions: pd.DataFrame, tmp_path: Path) -> None:
    for rows in (predictions[:0], predictions.assign(z=np.nan, z_source="")):
        write_fits(rows, tmp_path / "photoz.fits", "real")
        write_votable(rows, tmp_path / "photoz.vot", "real")
        write_parquet(rows, tmp_path / "photoz.parquet", "real")
        for name in ("photoz.fits", "photoz.vot"):
            read = Table.read(tmp_path / name)
            assert (len(read), read.colnames) == (len(rows), list(rows.columns))
        assert len(pd.read_parquet(tmp_path / "photoz.parquet")) == len(rows)


def test_a_folder_that_cannot_be_written(predictions: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_parquet(predictions, tmp_path / "file" / "photoz.parquet")
