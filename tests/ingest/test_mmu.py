"""Multimodal Universe: each survey's bands, zero point, mask and columns; and files made to do harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.source import StampFlag
from tests.ingest.archives import settings_of, stamps

FLUX = np.array([10.0, 100.0, 3.0, 50.0, 7.0])


def write_cell(
    folder: Path, bands: list[bytes], scale: float | list[float], mask: Any = None, size: int = 48, **columns: Any
) -> NDArray[np.float32]:
    """One file of five galaxies with these bands; a column that is None is left out."""
    folder.mkdir(exist_ok=True)
    images = stamps(5, len(bands), size)
    content = {
        "object_id": np.arange(5).astype("S8"),
        "ra": 150 + 0.01 * np.arange(5),
        "dec": np.full(5, 2.0),
        "image_band": np.array([bands] * 5),
        "image_array": images,
        "image_scale": np.broadcast_to(np.float32(scale), (5, len(bands))),
        "image_mask": mask,
        **columns,
    }
    with h5py.File(folder / "001-of-001.hdf5", "w") as file:
        for name, value in content.items():
            if value is not None:
                file[name] = value
    return images


def ingested(tmp: Path, *overrides: str) -> CutoutStore:
    settings, field = settings_of("mmu", f"ingest.path={tmp}/cell", "ingest.dtype=float32", *overrides)
    return ingest(settings, field, tmp / "store")


@pytest.mark.parametrize("name", ["image_mask", "bit_mask"])
@pytest.mark.parametrize("axes", [3, 4])
def test_legacy_survey(tmp_path: Path, name: str, axes: int) -> None:
    clean = np.ones((5, 48, 48), bool)
    clean[0, 20:28, 20:28] = False  # on the galaxy
    clean[1, :3, :3] = False  # far from it
    mask = clean if axes == 3 else np.repeat(clean[:, None], 4, axis=1)
    ivar = np.full((5, 4, 48, 48), 1e4, "f4")
    ivar[2, 3, 5, 6] = 0
    images = write_cell(
        tmp_path / "cell",
        [b"DES-G", b"DES-R", b"DES-I", b"DES-Z"],
        0.262,
        **{"image_mask": None, name: mask},
        image_ivar=ivar,
        RA=np.full(5, 10.0),
        EBV=np.full(5, 0.03, "f4"),
        **{f"FLUX_{b}": (FLUX * (k + 1)).astype("f4") for k, b in enumerate("GRIZ")},
        **{f"FLUX_IVAR_{b}": np.full(5, 4.0, "f4") for b in "GRIZ"},
    )
    store = ingested(tmp_path)
    header, table = store.header, store.catalogue
    assert (header.bands, header.flux_unit, header.pixel_scale) == (("g", "r", "i", "z"), "nanomaggy", 0.262)
    assert header.zero_points == dict.fromkeys("griz", 22.5)
    for k, band in enumerate("griz"):
        np.testing.assert_allclose(table[f"mag_{band}"], 22.5 - 2.5 * np.log10(FLUX * (k + 1)), rtol=1e-6)
        np.testing.assert_allclose(table[f"mag_err_{band}"], 1.0857362 * 0.5 / (FLUX * (k + 1)), rtol=1e-6)
    np.testing.assert_allclose(table["ebv"], 0.03, rtol=1e-6)
    np.testing.assert_allclose(table["ra"], 150 + 0.01 * np.arange(5))
    expected = np.where(clean[:, None], images, np.nan)
    expected[2, 3, 5, 6] = np.nan
    np.testing.assert_array_equal(store.images, expected)
    gap, masked = int(StampFlag.GAP), int(StampFlag.MASKED)
    assert table["flags"].to_list() == [gap | masked, gap, gap, 0, 0]
    np.testing.assert_allclose(table["unknown_masked"], [64 / 48**2, 9 / 48**2, 0, 0, 0], rtol=1e-6)


def test_ssl_legacy_survey(tmp_path: Path) -> None:
    columns = {f"flux_{b}": FLUX.astype("f4") for b in "grz"}
    z = np.array([0.1, 0.2, np.nan, 0.4, 0.5])
    write_cell(tmp_path / "cell", [b"des-g", b"des-r", b"des-z"], 0.262, z_spec=z, ebv=np.full(5, 0.05), **columns)
    store = ingested(tmp_path)
    assert store.header.bands == ("g", "r", "z")
    assert store.header.zero_points == dict.fromkeys("grz", 22.5)
    np.testing.assert_allclose(store.catalogue["mag_z"], 22.5 - 2.5 * np.log10(FLUX), rtol=1e-6)
    np.testing.assert_allclose(store.catalogue["z"], z)
    assert store.catalogue["z_source"].to_list() == ["spec", "spec", "", "spec", "spec"]


@pytest.mark.parametrize("filled", [True, False])
def test_hsc(tmp_path: Path, filled: bool) -> None:
    clean = np.full((5, 5, 48, 48), filled)  # a mask that is false everywhere was never filled
    if filled:
        clean[3, 2, 23:25, 23:25] = False
    names = [b"hsc-g", b"hsc-r", b"hsc-i", b"hsc-z", b"hsc-y"]
    mags = {f"{b}_cmodel_mag": np.full(5, 22.0 + k) for k, b in enumerate("grizy")}
    write_cell(tmp_path / "cell", names, 0.168, clean, **mags, **{f"{b}_cmodel_magerr": np.full(5, 0.02) for b in "gr"})
    store = ingested(tmp_path)
    assert store.header.zero_points == dict.fromkeys("grizy", 27.0)
    assert (store.header.flux_unit, store.header.pixel_scale) == ("counts", 0.168)
    assert store.catalogue["mag_i"].to_list() == [24.0] * 5
    assert store.catalogue["mag_err_r"].to_list() == [0.02] * 5
    nan = np.isnan(store.images)
    assert nan.sum() == (4 if filled else 0)
    assert not filled or nan[3, 2, 23:25, 23:25].all()


def test_jwst(tmp_path: Path) -> None:
    names = [b"f115w", b"f200w", b"f277w", b"f444w"]
    mask = np.ones((5, 4, 48, 48), bool)
    images = stamps(5, 4, 48)
    write_cell(tmp_path / "cell", names, [0.02, 0.02, 0.04, 0.04], mask, image_flux=images, image_array=None)
    with pytest.raises(InputError, match=r"pixel scales from 0\.02 to 0\.04 arcsec; ingest bands of one scale"):
        ingested(tmp_path)
    store = ingested(tmp_path, "ingest.bands=[f277w,f444w]")
    assert store.header.zero_points == {"f277w": 28.9, "f444w": 28.9}  # 10 nJy
    assert store.header.pixel_scale == 0.04
    np.testing.assert_array_equal(store.images, images[:, 2:])


def test_survey_of_the_user(tmp_path: Path) -> None:
    images = write_cell(tmp_path / "cell", [b"ps1-g", b"ps1-r"], 0.25)
    known = (
        r"bands ps1-g, ps1-r, which no known survey .*ingest\.options\.band_names\.ps1-g=r, .*ingest\.zero_points\.r="
    )
    with pytest.raises(InputError, match=known):
        ingested(tmp_path)
    names = "++ingest.options.band_names={ps1-g: g, ps1-r: r}"
    with pytest.raises(InputError, match=r"AB zero points of bands g, r are unknown"):
        ingested(tmp_path, names)
    store = ingested(tmp_path, names, "++ingest.zero_points={g: 25.0, r: 25.1}")
    np.testing.assert_array_equal(store.images, images)
    assert store.header.zero_points == {"g": 25.0, "r": 25.1}


def test_bands_that_are_left_out_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = write_cell(tmp_path / "cell", [b"des-g", b"des-y", b"des-z"], 0.262)
    store = ingested(tmp_path)
    np.testing.assert_array_equal(store.images, images[:, [0, 2]])
    assert "also has the bands des-y, which are left out" in " ".join(capsys.readouterr().out.split())
    (tmp_path / "store").rename(tmp_path / "two")
    store = ingested(tmp_path, "++ingest.options.band_names.des-y=y", "++ingest.zero_points.y=22.5")
    assert store.header.bands == ("g", "z", "y")
    np.testing.assert_array_equal(store.images, images[:, [0, 2, 1]])


def test_mask_of_an_unknown_survey_is_asked_for(tmp_path: Path) -> None:
    mask = np.zeros((5, 2, 48, 48), bool)
    mask[0, 0, 0, 0] = True
    write_cell(tmp_path / "cell", [b"ps1-g", b"ps1-r"], 0.25, mask)
    facts = ["++ingest.options.band_names={ps1-g: g, ps1-r: r}", "++ingest.zero_points={g: 25.0, r: 25.1}"]
    with pytest.raises(InputError, match=r"what a true pixel of 'image_mask' means is not known; say it"):
        ingested(tmp_path, *facts)
    assert np.isnan(ingested(tmp_path, *facts, "ingest.options.mask_true=bad").images).sum() == 1


def test_cells_of_other_sizes_are_cut_to_one(tmp_path: Path) -> None:
    bands = [b"des-g", b"des-r", b"des-z"]
    first = write_cell(tmp_path / "cell", bands, 0.262)
    (tmp_path / "cell" / "001-of-001.hdf5").rename(tmp_path / "cell" / "0.hdf5")
    second = write_cell(tmp_path / "cell", bands, 0.262, size=32, object_id=np.arange(5, 10).astype("S8"))
    with pytest.raises(
        InputError, match=r"stamps of \(32, 32\) pixels and .*0\.hdf5 of \(48, 48\); ingest apart, or cut"
    ):
        ingested(tmp_path)
    store = ingested(tmp_path, "ingest.stamp_size=16")
    np.testing.assert_array_equal(store.images[:5], first[:, :, 16:32, 16:32])
    np.testing.assert_array_equal(store.images[5:], second[:, :, 8:24, 8:24])


def test_uncovered_zeros_are_missing(tmp_path: Path) -> None:
    images = stamps(5, 3, 48)
    images[1, :, :, 30:] = 0
    images[2, 1] = 0
    write_cell(tmp_path / "cell", [b"des-g", b"des-r", b"des-z"], 0.262, image_array=images)
    store = ingested(tmp_path)
    np.testing.assert_array_equal(np.isnan(store.images), images == 0)
    gap, none = int(StampFlag.GAP), int(StampFlag.NO_BAND)
    assert store.catalogue["flags"].to_list() == [0, gap, gap | none, 0, 0]
    assert store.catalogue["missing_r"].to_list() == [False, False, True, False, False]


def test_images_without_flux_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "cell", "w") as file:
        file["image_triplet"] = np.zeros((4, 63, 63, 3))
        file["object_id"] = np.arange(4)
    with pytest.raises(
        InputError, match=r"has no 'image_array' or 'image_flux', .*\(data sets: image_triplet, object_id\)"
    ):
        ingested(tmp_path)


def test_mask_of_other_pixels(tmp_path: Path) -> None:
    write_cell(tmp_path / "cell", [b"des-g", b"des-r", b"des-z"], 0.262, np.ones((5, 40, 40), bool))
    with pytest.raises(InputError, match=r"'image_mask' is \(5, 40, 40\) and 'image_array' \(5, 3, 48, 48\)"):
        ingested(tmp_path)


def test_dataset_larger_than_its_file(tmp_path: Path) -> None:
    write_cell(tmp_path / "cell", [b"des-g", b"des-r", b"des-z"], 0.262)
    with h5py.File(tmp_path / "cell" / "001-of-001.hdf5", "r+") as file:
        file.create_dataset("huge", (10**13, 3, 64, 64), "f4", chunks=(1, 3, 64, 64))
    with pytest.raises(InputError, match=r"dataset 'huge' claims \(10000000000000, 3, 64, 64\) values, .*cannot hold"):
        ingested(tmp_path)


def test_links_that_lead_nowhere_or_in_a_circle(tmp_path: Path) -> None:
    images = write_cell(tmp_path / "cell", [b"des-g", b"des-r", b"des-z"], 0.262)
    with h5py.File(tmp_path / "cell" / "001-of-001.hdf5", "r+") as file:
        file["a"], file["b"], file["none"] = h5py.SoftLink("/b"), h5py.SoftLink("/a"), h5py.SoftLink("/nothing")
        group = file.create_group("loop")
        group["itself"] = file["/"]
    np.testing.assert_array_equal(ingested(tmp_path).images, images)


@pytest.mark.parametrize("kind", ["link", "storage", "virtual"])
def test_bytes_of_other_files_are_not_read(tmp_path: Path, kind: str) -> None:
    write_cell(tmp_path / "cell", [b"des-g", b"des-r", b"des-z"], 0.262)
    secret = tmp_path / "secret"
    with h5py.File(secret, "w") as file:
        file["image_array"] = stamps(5, 3, 48)
    with h5py.File(tmp_path / "cell" / "001-of-001.hdf5", "r+") as file:
        del file["image_array"]
        if kind == "link":
            file["image_array"] = h5py.ExternalLink(str(secret), "/image_array")
        elif kind == "storage":
            size = 5 * 3 * 48 * 48 * 4
            file.create_dataset("image_array", (5, 3, 48, 48), "f4", external=[(str(secret), 0, size)])
        else:
            layout = h5py.VirtualLayout((5, 3, 48, 48), "f4")
            layout[...] = h5py.VirtualSource(str(secret), "image_array", (5, 3, 48, 48))
            file.create_virtual_dataset("image_array", layout)
    with pytest.raises(InputError, match=r"'/image_array' is .*, which is not followed for safety"):
        ingested(tmp_path)


def test_texts_as_pixels(tmp_path: Path) -> None:
    write_cell(tmp_path / "cell", [b"des-g"], 0.262, image_array=np.full((5, 1, 4, 4), b"x"))
    with pytest.raises(InputError, match=r"dataset 'image_array' is \|S1 \(5, 1, 4, 4\); stamps need numbers"):
        ingested(tmp_path)


def test_column_of_giant_texts(tmp_path: Path) -> None:
    write_cell(tmp_path / "cell", [b"des-g"], 0.262, object_id=np.array([b"x" * 5000] * 5))
    with pytest.raises(InputError, match=r"a value of column 'object_id' takes 5,000 bytes, which no catalogue needs"):
        ingested(tmp_path)
