from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.catalogue_files import write_fits, write_parquet


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


def test_a_folder_that_cannot_be_written(predictions: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_parquet(predictions, tmp_path / "file" / "photoz.parquet")
