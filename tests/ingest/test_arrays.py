"""The reader of the user's own arrays, against the arrays that the tests wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.reader import open_source
from tests.ingest.archives import ARRAY_FACTS, settings_of, stamps, write_arrays


def ingested(tmp: Path, *overrides: str, facts: list[str] = ARRAY_FACTS) -> CutoutStore:
    settings, field = settings_of("arrays", "ingest.dtype=float32", *facts, *overrides)
    return ingest(settings, field, tmp / "store")


def last(images: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(np.moveaxis(images, 1, -1))


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<i2", ">i4", "|u1", "<u2"])
@pytest.mark.parametrize("channels", ["first", "last"])
def test_any_layout_and_type(tmp_path: Path, dtype: str, channels: str) -> None:
    write_arrays(tmp_path, 6)
    images = (np.abs(stamps(6, 3, 20)) * (50 if np.dtype(dtype).kind in "iu" else 1)).astype(dtype)
    np.save(tmp_path / "images.npy", images if channels == "first" else last(images))
    table = pd.read_csv(tmp_path / "cat.csv").iloc[:6]
    store = ingested(tmp_path, f"ingest.path={tmp_path}/images.npy", f"ingest.catalogue={tmp_path}/cat.csv")
    np.testing.assert_array_equal(store.images, images.astype("f4"))
    assert store.images.dtype == np.dtype("<f4")
    header = store.header
    assert (header.bands, header.pixel_scale) == (("g", "r", "z"), 0.262)
    assert header.zero_points == {"g": 22.5, "r": 22.6, "z": 22.7}
    assert store.catalogue["object_id"].to_list() == table["object_id"].to_list()
    np.testing.assert_allclose(store.catalogue["z"], table["z"])
    np.testing.assert_allclose(store.catalogue["mag_r"], table["mag_r"])


@pytest.mark.parametrize("kind", ["stored", "compressed", "fortran", "fortran_npy"])
def test_any_container(tmp_path: Path, kind: str) -> None:
    images = write_arrays(tmp_path, 7, 16)
    path = tmp_path / "a.npz"
    if kind == "compressed":
        np.savez_compressed(path, stamps=images)
    elif kind == "fortran_npy":
        path = tmp_path / "images.npy"
        np.save(path, np.asfortranarray(images))
    else:
        np.savez(path, stamps=np.asfortranarray(images) if kind == "fortran" else images)
    where = [f"ingest.path={path}", f"ingest.catalogue={tmp_path}/cat.csv"]
    np.testing.assert_array_equal(ingested(tmp_path, *where).images, images)
    settings, field = settings_of("arrays", *ARRAY_FACTS, *where)
    assert open_source(settings, field).layout.sequential == (kind == "compressed")


def test_crop_to_the_centre(tmp_path: Path) -> None:
    images = write_arrays(tmp_path, 5, 20)
    np.save(tmp_path / "images.npy", last(images))
    store = ingested(
        tmp_path,
        f"ingest.path={tmp_path}/images.npy",
        f"ingest.catalogue={tmp_path}/cat.csv",
        "ingest.stamp_size=8",
    )
    np.testing.assert_array_equal(store.images, images[:, :, 6:14, 6:14])


def test_one_band_without_an_axis_of_its_own(tmp_path: Path) -> None:
    images = write_arrays(tmp_path, 5, 20)
    np.save(tmp_path / "images.npy", images[:, 1])
    facts = ["ingest.bands=[r]", "ingest.pixel_scale=0.262", "++ingest.zero_points.r=22.5"]
    where = [f"ingest.path={tmp_path}/images.npy", f"ingest.catalogue={tmp_path}/cat.csv"]
    np.testing.assert_array_equal(ingested(tmp_path, *where, facts=facts).images, images[:, 1:2])


def test_files_follow_each_other(tmp_path: Path) -> None:
    images = write_arrays(tmp_path, 11, 16)
    (tmp_path / "parts").mkdir()
    np.save(tmp_path / "parts" / "a_02.npy", last(images[4:9]))
    np.save(tmp_path / "parts" / "a_01.npy", images[:4])
    np.savez_compressed(tmp_path / "parts" / "a_10.npz", x=images[9:])
    store = ingested(tmp_path, f"ingest.path={tmp_path}/parts", f"ingest.catalogue={tmp_path}/cat.csv")
    np.testing.assert_array_equal(store.images, images)
    assert store.catalogue["object_id"].to_list() == [f"g{k}" for k in range(11)]


def test_bands_that_the_file_names_are_picked_by_name(tmp_path: Path) -> None:
    images = stamps(6, 3, 16)
    np.savez(
        tmp_path / "a.npz", image=images, bands=np.array(["z", "g", "r"]), z=np.linspace(0.1, 0.3, 6), ids=range(6)
    )
    facts = ["ingest.pixel_scale=0.262", "++ingest.zero_points={g: 22.5, r: 22.6, z: 22.7}"]
    where = [f"ingest.path={tmp_path}/a.npz", "ingest.columns.object_id=ids"]
    store = ingested(tmp_path, *where, facts=[*facts, "ingest.bands=[r,z]"])
    np.testing.assert_array_equal(store.images, images[:, [2, 0]])
    assert store.header.zero_points == {"r": 22.6, "z": 22.7}
    np.testing.assert_allclose(store.catalogue["z"], np.linspace(0.1, 0.3, 6))
    settings, field = settings_of("arrays", *facts, *where)
    assert open_source(settings, field).layout.bands == ("z", "g", "r")
    settings, field = settings_of("arrays", *facts, *where, "ingest.bands=[g,y]")
    with pytest.raises(InputError, match=r"names its bands z g r, 'y' is not among them; .*ingest\.bands=\[z,g,r\]"):
        open_source(settings, field)


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_table_joined_by_ids(tmp_path: Path, kind: str) -> None:
    images = write_arrays(tmp_path, 8, 16)
    ids = np.array(["g5", "g2", "x", "g7", "g0"])
    rows = [5, 2, 7, 0]
    np.savez(tmp_path / "a.npz", image=images[[5, 2, 1, 7, 0]], name=ids)
    np.save(tmp_path / "images.npy", images[[5, 2, 1, 7, 0]])
    np.save(tmp_path / "ids.npy", ids)
    where = {
        "npz": [f"ingest.path={tmp_path}/a.npz", "ingest.options.ids=name"],
        "npy": [f"ingest.path={tmp_path}/images.npy", f"ingest.options.ids={tmp_path}/ids.npy"],
    }
    store = ingested(tmp_path, *where[kind], f"ingest.catalogue={tmp_path}/cat.csv")
    assert store.catalogue["object_id"].to_list() == [f"g{k}" for k in rows]
    np.testing.assert_array_equal(store.images, images[rows])
    np.testing.assert_allclose(store.catalogue["z"], 0.1 + 0.01 * np.array(rows))
    assert store.header.rows is not None
    assert store.header.rows.left_out == {"without a stamp": 4}


def test_pixels_without_value(tmp_path: Path) -> None:
    images = write_arrays(tmp_path, 4, 16)
    images[1, 2, 3, 4] = np.inf
    np.save(tmp_path / "images.npy", images)
    store = ingested(tmp_path, f"ingest.path={tmp_path}/images.npy", f"ingest.catalogue={tmp_path}/cat.csv")
    assert np.isnan(store.images[1, 2, 3, 4])
    assert np.isnan(store.images).sum() == 1
    assert store.catalogue["flags"].to_list() == [0, 2, 0, 0]


def test_real_stamps_of_the_legacy_survey(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "ls10_griz_agn.npz"
    facts = ["ingest.pixel_scale=0.262", "++ingest.zero_points={g: 22.5, r: 22.5, i: 22.5, z: 22.5}"]
    where = [f"ingest.path={path}", "ingest.options.images=image", "ingest.columns.object_id=null"]
    store = ingested(tmp_path, *where, facts=facts)
    with np.load(path) as given:
        np.testing.assert_array_equal(store.images, given["image"])
        for name in ("z", "ra", "dec"):
            np.testing.assert_allclose(store.catalogue[name], given[name])
    assert store.header.bands == ("g", "r", "i", "z")
    assert store.header.data == "real"
    # The galaxies' light: magnitudes from the summed stamps, with the zero point of nanomaggies.
    flux = np.asarray(store.images, np.float64).sum(axis=(2, 3))
    mags = 22.5 - 2.5 * np.log10(flux)
    assert 15.0 < np.median(mags[:, 1]) < 20.0
    assert np.all(mags[:, 0] - mags[:, 1] > -0.5)
