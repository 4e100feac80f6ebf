"""Joins by id and by sky."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.mapping import ColumnSource
from photoz_lit.errors import InputError
from photoz_lit.ingest.join import join_catalogue
from photoz_lit.ingest.settings import JoinSettings

GALAXIES = pd.DataFrame(
    {
        "object_id": ["a", "b", "c", "d"],
        "ra": [150.0, 150.0002, 150.1, 359.99995],
        "dec": [2.0, 2.0, 2.0, 0.0],
        "z": [0.5, 0.6, np.nan, np.nan],
        "z_err": [1e-4, 1e-4, np.nan, np.nan],
        "z_source": ["spec", "spec", "", ""],
        "ebv": [0.01, 0.02, 0.03, 0.04],
    }
)
LABELS = {"z": "zp", "z_source": ColumnSource(value="cosmos2020"), "ebv": ColumnSource(column="ebv", optional=True)}


def written(path: Path, **columns: object) -> Path:
    pd.DataFrame(columns).to_parquet(path)
    return path


def test_by_id_a_label_is_replaced_whole(tmp_path: Path) -> None:
    path = written(
        tmp_path / "t.parquet", n=["c", "a", "b", "x"], zp=[1.5, -99.0, 0.7, 3.0], ebv=[0.5, np.nan, 0.6, 0.7]
    )
    settings = JoinSettings(path=str(path), columns={"object_id": "n", **LABELS})
    joined, matched, _ = join_catalogue(GALAXIES, settings)
    np.testing.assert_array_equal(matched, [True, True, True, False])
    np.testing.assert_allclose(joined["z"], [0.5, 0.7, 1.5, np.nan])
    # The first galaxy's spectrum stays what it is, as the catalogue has no redshift for it.
    assert joined["z_source"].to_list() == ["spec", "cosmos2020", "cosmos2020", ""]
    np.testing.assert_allclose(joined["ebv"], [0.01, 0.6, 0.5, 0.04])
    assert joined["object_id"].to_list() == ["a", "b", "c", "d"]


def test_by_sky_the_nearer_galaxy_gets_the_label(tmp_path: Path) -> None:
    # One source between the close pair a and b (0.72" apart), one across the meridian, one too far from c.
    path = written(
        tmp_path / "t.parquet", alpha=[150.00015, 0.00005, 150.1005], delta=[2.0, 0.0, 2.0], zp=[0.9, 0.4, 2.0]
    )
    columns = {"ra": "alpha", "dec": "delta", "z": "zp"}
    joined, matched, _ = join_catalogue(GALAXIES, JoinSettings(path=str(path), by="sky", columns=columns))
    np.testing.assert_array_equal(matched, [False, True, False, True])
    np.testing.assert_allclose(joined["z"], [0.5, 0.9, np.nan, 0.4])


def test_by_sky_repeated_galaxies_share_a_label(tmp_path: Path) -> None:
    path = written(tmp_path / "t.parquet", alpha=[150.0], delta=[2.0], zp=[0.9])
    twice = pd.concat([GALAXIES.iloc[[0]], GALAXIES.iloc[[0]]], ignore_index=True)
    settings = JoinSettings(path=str(path), by="sky", columns={"ra": "alpha", "dec": "delta", "z": "zp"})
    assert join_catalogue(twice, settings)[0]["z"].to_list() == [0.9, 0.9]


def test_without_a_catalogue_nothing_changes() -> None:
    joined, matched, _ = join_catalogue(GALAXIES, JoinSettings())
    assert joined.equals(GALAXIES)
    assert matched.all()


def test_by_sky_needs_positions(tmp_path: Path) -> None:
    path = written(tmp_path / "t.parquet", alpha=[150.0], delta=[2.0], zp=[0.9])
    settings = JoinSettings(path=str(path), by="sky", columns={"ra": "alpha", "dec": "delta", "z": "zp"})
    with pytest.raises(InputError, match="needs positions of the archive's galaxies; map 'ra' and 'dec'"):
        join_catalogue(GALAXIES.drop(columns=["ra", "dec"]), settings)
