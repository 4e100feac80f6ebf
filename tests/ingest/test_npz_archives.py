"""The npz readers against arrays that the tests wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.npz import NpzMember
from photoz_lit.ingest.source import StampFlag
from tests.ingest.archives import sdss_labels, settings_of, stamps, write_lam, write_sdss


def test_member_is_mapped_in_place(tmp_path: Path) -> None:
    cube = np.arange(2 * 3 * 4, dtype=">f4").reshape(2, 3, 4)
    np.savez(tmp_path / "a.npz", cube=cube, other=np.arange(5))
    member = NpzMember(tmp_path / "a.npz", "cube")
    assert member.mapped
    assert isinstance(member._map, np.memmap)
    np.testing.assert_array_equal(member.read(np.array([1, 0])), cube[[1, 0]])


def test_fortran_member_is_mapped(tmp_path: Path) -> None:
    cube = np.asfortranarray(np.arange(24.0).reshape(4, 3, 2))
    np.savez(tmp_path / "a.npz", cube=cube)
    np.testing.assert_array_equal(NpzMember(tmp_path / "a.npz", "cube").read(np.array([2, 3])), cube[2:])


def test_compressed_member_is_streamed_in_any_order(tmp_path: Path) -> None:
    cube = np.random.default_rng(0).normal(size=(50, 8, 8)).astype("f4")
    np.savez_compressed(tmp_path / "a.npz", cube=cube)
    member = NpzMember(tmp_path / "a.npz", "cube")
    assert not member.mapped
    for rows in ([3, 9, 49], [0, 1], [30, 2, 17]):
        np.testing.assert_array_equal(member.read(np.array(rows)), cube[rows])


def test_sdss_layout(tmp_path: Path) -> None:
    members = write_sdss(tmp_path / "sdss.npz", 20)
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz", "ingest.dtype=float32")
    store = ingest(settings, field, tmp_path / "store")
    np.testing.assert_array_equal(store.images, np.moveaxis(members["cube"], -1, 1))
    labels, table = members["labels"], store.catalogue
    assert table["object_id"].to_list() == [name.decode() for name in labels["specObjID"]]
    np.testing.assert_allclose(table["z"], labels["z"].astype("f8"))
    np.testing.assert_allclose(table["mag_r"], labels["dered_petro_r"] + labels["extinction_r"], rtol=1e-6)
    np.testing.assert_allclose(table["ebv"], labels["EBV"].astype("f8"))
    assert (table["z_source"] == "spec").all()
    header = store.header
    assert (header.field, header.bands, header.data) == ("sdss", ("u", "g", "r", "i", "z"), "real")
    assert set(header.zero_points.values()) == {22.5}
    store.verify()


def test_sdss_example_layout(tmp_path: Path) -> None:
    data = np.ascontiguousarray(np.moveaxis(stamps(6, 5, 64), 1, -1))
    z, ebv = np.linspace(0.1, 0.3, 6)[:, None], np.full((6, 1), 0.03)
    np.savez(tmp_path / "example.npz", data=data, z=z, ebv=ebv)
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/example.npz")
    store = ingest(settings, field, tmp_path / "store")
    np.testing.assert_allclose(store.catalogue["z"], z[:, 0])
    np.testing.assert_allclose(store.catalogue["ebv"], 0.03)
    assert store.catalogue["object_id"].to_list() == [str(i) for i in range(6)]
    assert store.catalogue["mag_r"].isna().all()
    np.testing.assert_allclose(store.images, np.moveaxis(data, -1, 1), rtol=1e-3, atol=1e-3)


def test_main_galaxy_sample_cuts(tmp_path: Path) -> None:
    labels = sdss_labels(40)
    write_sdss(tmp_path / "sdss.npz", 40, labels=labels)
    settings, field = settings_of("sdss_mgs", f"ingest.path={tmp_path}/sdss.npz")
    store = ingest(settings, field, tmp_path / "store")
    keep = (labels["dered_petro_r"] <= 17.8) & (labels["z"] <= 0.4) & (labels["primtarget"] >= 64)
    assert 0 < keep.sum() < 40
    assert store.catalogue["object_id"].to_list() == [n.decode() for n in labels["specObjID"][keep]]


def test_compressed_archive_gives_the_same_store(tmp_path: Path) -> None:
    members = write_sdss(tmp_path / "stored.npz", 9)
    np.savez_compressed(tmp_path / "packed.npz", **members)
    stores = []
    for name in ("stored", "packed"):
        settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/{name}.npz", 'ingest.select="z>0.1"')
        stores.append(ingest(settings, field, tmp_path / name))
    np.testing.assert_array_equal(stores[0].images, stores[1].images)
    assert stores[0].catalogue.equals(stores[1].catalogue)


@pytest.mark.parametrize(("bands", "names"), [(6, "ugrizy"), (9, "ugrizyjhk")])
def test_lam_layout(tmp_path: Path, bands: int, names: str) -> None:
    cube = write_lam(tmp_path / "cubes", bands=bands)
    settings, field = settings_of("lam_npz", f"ingest.path={tmp_path}/cubes", "ingest.dtype=float32")
    store = ingest(settings, field, tmp_path / "store")
    np.testing.assert_array_equal(store.images, np.moveaxis(cube, -1, 1))
    table = store.catalogue
    assert store.header.bands == tuple(names)
    rows = np.arange(12)
    spectroscopic = rows % 3 != 2
    np.testing.assert_allclose(table["z"], np.where(spectroscopic, 0.5 + 0.01 * rows, 0.7 + 0.01 * rows), rtol=1e-6)
    assert table["z_source"].to_list() == ["spec" if s else "photo" for s in spectroscopic]
    assert table["object_id"].iloc[3] == "4000000003"
    assert np.isnan(table["mag_u"].iloc[0])  # 99.99 means no value
    assert table["mag_u"].iloc[1] == 24.0
    flag = np.concatenate([(np.arange(n * bands).reshape(n, bands) % 11 == 10).any(axis=1) for n in (7, 5)])
    np.testing.assert_array_equal((table["flags"] & int(StampFlag.ARCHIVE)) > 0, flag)


def test_lam_other_bands_and_no_id(tmp_path: Path) -> None:
    cube = np.zeros((4, 64, 64, 4), "f4")
    info = np.zeros(4, [("ZSPEC", "f4"), ("ZPHOT", "f4")])
    info["ZSPEC"] = [0.3, -99.0, np.nan, 0.6]
    info["ZPHOT"] = [0.2, 0.4, -99.0, 0.5]
    np.savez(tmp_path / "a.npz", cube=cube, info=info)
    where = f"ingest.path={tmp_path}/a.npz"
    settings, field = settings_of("lam_npz", where)
    with pytest.raises(InputError, match=r"4 bands, which are unknown .*ingest\.bands"):
        ingest(settings, field, tmp_path / "store")
    settings, field = settings_of("lam_npz", where, "ingest.bands=[g,r,i,z]")
    table = ingest(settings, field, tmp_path / "store").catalogue
    assert table["object_id"].to_list() == ["0", "1", "2", "3"]
    np.testing.assert_allclose(table["z"], [0.3, 0.4, np.nan, 0.6], rtol=1e-6)
    assert table["z_source"].to_list() == ["spec", "photo", "", "spec"]


def test_lam_quality_of_each_file(tmp_path: Path) -> None:
    with_flag = np.zeros(2, [("ZSPEC", "f4"), ("ZPHOT", "f4"), ("ZFLAG", "f4")])
    with_flag["ZSPEC"], with_flag["ZPHOT"], with_flag["ZFLAG"] = 0.3, 0.7, [1.5, 3.5]
    without = np.zeros(2, [("ZSPEC", "f4"), ("ZPHOT", "f4")])
    without["ZSPEC"], without["ZPHOT"] = 0.4, 0.8
    for name, info in (("a", with_flag), ("b", without)):
        np.savez(tmp_path / f"{name}.npz", cube=np.ascontiguousarray(np.moveaxis(stamps(2, 6, 64), 1, -1)), info=info)
    settings, field = settings_of("lam_npz", f"ingest.path={tmp_path}", "field=sdss")
    store = ingest(settings, field, tmp_path / "store")
    np.testing.assert_allclose(store.catalogue["z"], [0.7, 0.3, 0.4, 0.4], rtol=1e-6)
    assert store.catalogue["z_source"].to_list() == ["photo", "spec", "spec", "spec"]
    assert store.header.pixel_scale == 0.168  # the archive's, whatever the field


def test_uncovered_zeros_are_missing(tmp_path: Path) -> None:
    cube = np.ascontiguousarray(np.moveaxis(stamps(4, 5, 64), 1, -1))
    cube[1, :, 40:, 2] = 0
    cube[2, ..., 0] = 0
    write_sdss(tmp_path / "sdss.npz", 4, cube=cube)
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz")
    store = ingest(settings, field, tmp_path / "store")
    np.testing.assert_array_equal(np.isnan(store.images), np.moveaxis(cube, -1, 1) == 0)
    gap, lacks = int(StampFlag.GAP), int(StampFlag.GAP | StampFlag.NO_BAND)
    assert store.catalogue["flags"].to_list() == [0, gap, lacks, 0]
    np.testing.assert_allclose(store.catalogue["unknown_gap"], [0, 64 * 24 / (5 * 64 * 64), 0.2, 0], rtol=1e-6)


def test_scalars_beside_the_cube_are_no_columns(tmp_path: Path) -> None:
    data = np.ascontiguousarray(np.moveaxis(stamps(3, 5, 64), 1, -1))
    np.savez(tmp_path / "a.npz", data=data, z=np.full((3, 1), 0.1), scale=0.396, author=np.array("x"))
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/a.npz")
    assert len(ingest(settings, field, tmp_path / "store")) == 3


def test_hsc_clauds_cuts(tmp_path: Path) -> None:
    write_lam(tmp_path / "cubes")
    settings, field = settings_of("hsc_clauds", f"ingest.path={tmp_path}/cubes")
    store = ingest(settings, field, tmp_path / "store")
    flag = np.concatenate([(np.arange(n * 6).reshape(n, 6) % 11 == 10).any(axis=1) for n in (7, 5)])
    assert len(store) == (~flag).sum()


def test_pixels_without_value_are_kept_as_nan_and_flagged(tmp_path: Path) -> None:
    cube = np.ascontiguousarray(np.moveaxis(stamps(4, 5, 64), 1, -1))
    cube[1, 3, 4, 2] = np.inf
    cube[2, :, :, 0] = np.nan
    write_sdss(tmp_path / "sdss.npz", 4, cube=cube)
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz")
    store = ingest(settings, field, tmp_path / "store")
    assert np.isnan(store.images[1, 2, 3, 4])
    gap, lacks = int(StampFlag.GAP), int(StampFlag.GAP | StampFlag.NO_BAND)
    assert store.catalogue["flags"].to_list() == [0, gap, lacks, 0]
    assert store.catalogue["missing_u"].to_list() == [False, False, True, False]
    settings = settings.model_copy(update={"flagged": "drop"})
    dropped = ingest(settings, field, tmp_path / "clean")
    np.testing.assert_array_equal(dropped.images, store.images[[0, 3]])
    assert dropped.catalogue["object_id"].to_list() == store.catalogue["object_id"].iloc[[0, 3]].to_list()
    assert not list(tmp_path.glob(".*candidates*"))


def test_stamp_size_crops_to_the_centre(tmp_path: Path) -> None:
    members = write_sdss(tmp_path / "sdss.npz", 3)
    settings, field = settings_of(
        "sdss_npz", f"ingest.path={tmp_path}/sdss.npz", "ingest.stamp_size=32", "ingest.dtype=float32"
    )
    store = ingest(settings, field, tmp_path / "store")
    np.testing.assert_array_equal(store.images, np.moveaxis(members["cube"][:, 16:48, 16:48], -1, 1))
