"""The HDF5 readers against arrays that the tests wrote."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.hdf5 import read_rows
from photoz_lit.ingest.source import StampFlag
from tests.ingest.archives import settings_of, stamps, write_galaxiesml, write_mmu, write_redshifts


@pytest.mark.parametrize("size", [64, 127])
def test_galaxiesml(tmp_path: Path, size: int) -> None:
    images = write_galaxiesml(tmp_path / "gml.hdf5", 12, size)
    settings, field = settings_of("galaxiesml", f"ingest.path={tmp_path}/gml.hdf5", "ingest.dtype=float32")
    store = ingest(settings, field, tmp_path / "store")
    np.testing.assert_array_equal(store.images, images)
    table = store.catalogue
    assert table["object_id"].iloc[0] == "36407037760000000"
    np.testing.assert_allclose(table["z"], np.linspace(0.1, 2.0, 12))
    assert table["mag_i"].iloc[0] == 24.0
    assert store.header.zero_points == dict.fromkeys("grizy", 27.0)
    assert store.header.pixel_scale == 0.168


def test_galaxiesml_big_endian_and_crop(tmp_path: Path) -> None:
    images = stamps(5, 5, 127)
    write_galaxiesml(tmp_path / "gml.hdf5", 5, 127, image=images.astype(">f4"))
    settings, field = settings_of(
        "galaxiesml", f"ingest.path={tmp_path}/gml.hdf5", "ingest.stamp_size=64", "ingest.dtype=float32"
    )
    store = ingest(settings, field, tmp_path / "store")
    np.testing.assert_array_equal(store.images, images[:, :, 31:95, 31:95])
    assert store.images.dtype == np.dtype("<f4")


def test_mmu_joins_redshifts_by_id(tmp_path: Path) -> None:
    cells = write_mmu(tmp_path / "mmu")
    write_redshifts(tmp_path / "desi.hdf5", ["5", "0", "3"])
    settings, field = settings_of(
        "mmu",
        f"ingest.path={tmp_path}/mmu",
        f"ingest.join.path={tmp_path}/desi.hdf5",
        "ingest.dtype=float32",
        "ingest.stamp_size=64",
        "field=hsc6b",
    )
    store = ingest(settings, field, tmp_path / "store")
    images = np.concatenate([cells[1130], cells[1174]])[:, :, 48:112, 48:112].copy()
    for first in (0, 4):  # the first galaxy of each cell has a pixel with inverse variance 0
        images[first, 1, 32, 32] = np.nan
    np.testing.assert_array_equal(store.images, images)
    table = store.catalogue.set_index("object_id")
    assert table.loc[["5", "0", "3"], "z"].to_list() == pytest.approx([0.2, 0.5, 0.8])
    assert table.loc["1", "z_source"] == ""
    assert table.loc["5", "z_source"] == "spec"
    assert np.isnan(table.loc["1", "z"])
    assert table.loc["0", "flags"] == int(StampFlag.GAP)
    settings = settings.model_copy(update={"join": settings.join.model_copy(update={"unmatched": "drop"})})
    assert len(ingest(settings, field, tmp_path / "matched")) == 3


def test_mmu_joins_by_sky(tmp_path: Path) -> None:
    write_mmu(tmp_path / "mmu")
    (tmp_path / "z.csv").write_text(
        "alpha,delta,zz\n150.0100,2.0001,0.4\n150.0200,2.001,0.9\n150.03,2.0,-99\n150.04,2.0,0.7\n"
    )
    settings, field = settings_of(
        "mmu",
        f"ingest.path={tmp_path}/mmu",
        f"ingest.join.path={tmp_path}/z.csv",
        "ingest.join.by=sky",
        "++ingest.join.columns={ra: alpha, dec: delta, z: zz}",
        "~ingest.join.columns.object_id",
        "~ingest.join.columns.z_err",
        "~ingest.join.columns.z_quality",
        "field=hsc6b",
    )
    table = ingest(settings, field, tmp_path / "store").catalogue
    # 0.36" away: matched; 3.6" away: not; -99 is no value.
    np.testing.assert_allclose(table["z"].iloc[1:5], [0.4, np.nan, np.nan, 0.7])


def test_mmu_bands_in_another_order_per_galaxy(tmp_path: Path) -> None:
    cells = write_mmu(tmp_path / "mmu", {7: 3}, size=64)
    path = next((tmp_path / "mmu").rglob("*.hdf5"))
    with h5py.File(path, "r+") as file:
        for name in ("image_array", "image_ivar"):
            file[name][1] = file[name][1][::-1]
        file["image_band"][1] = file["image_band"][1][::-1]
        file["image_band"][2, 4] = b"hsc-n"
    settings, field = settings_of("mmu", f"ingest.path={tmp_path}/mmu", "ingest.dtype=float32", "field=hsc6b")
    store = ingest(settings, field, tmp_path / "store")
    np.testing.assert_array_equal(store.images[1], cells[7][1])
    assert np.isnan(store.images[2, 4]).all()
    assert store.catalogue["missing_y"].to_list() == [False, False, True]


def test_rows_in_any_order(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(200, 3, 4))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = values
        rows = np.array([150, 3, 7, 4, 199, 0])
        np.testing.assert_array_equal(read_rows(file, "x", rows), values[rows])
        np.testing.assert_array_equal(read_rows(file, "x", rows, (slice(1, 2), slice(0, 3))), values[rows, 1:2, 0:3])


def test_several_spectra_of_one_id_in_the_joined_catalogue(tmp_path: Path) -> None:
    write_mmu(tmp_path / "mmu")
    write_redshifts(tmp_path / "desi.hdf5", ["5", "0", "5"])
    settings, field = settings_of(
        "mmu", f"ingest.path={tmp_path}/mmu", f"ingest.join.path={tmp_path}/desi.hdf5", "field=hsc6b"
    )
    with pytest.raises(InputError, match="id 5 stands there twice; keep one row of each"):
        ingest(settings, field, tmp_path / "store")
