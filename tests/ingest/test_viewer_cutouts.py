"""Cutouts of the Legacy Survey viewer and other files that hold all bands of a galaxy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.source import StampFlag
from tests.ingest.archives import positions_table, settings_of, stamps
from tests.ingest.skies import aperture_flux, paint, tan_wcs, write_cutout

RA, DEC = 150.1 + 0.01 * np.arange(3), np.full(3, 2.2)


def cubes(size: int = 64) -> NDArray[np.float32]:
    return stamps(3, 3, size) + 5.0  # without exact zeros


def ingested(tmp: Path, *overrides: str, reader: str = "viewer_cube") -> CutoutStore:
    where = [f"ingest.path={tmp}/im", f"ingest.catalogue={tmp}/cat.csv", "ingest.dtype=float32"]
    settings, field = settings_of(reader, *where, *overrides)
    return ingest(settings, field, tmp / "store")


def write_all(tmp: Path, images: NDArray[Any], name: str = "g{k}.fits", **keywords: Any) -> None:
    (tmp / "im").mkdir()
    for k in range(3):
        write_cutout(tmp / "im" / name.format(k=k), RA[k], DEC[k], images[k], **keywords)
    positions_table(tmp / "cat.csv", RA, DEC, z=0.5)


@pytest.mark.parametrize("reader", ["viewer_cube", "fits_stamps"])
def test_bands_unit_and_scale_are_the_files(tmp_path: Path, reader: str) -> None:
    images = cubes()
    write_all(tmp_path, images)
    more = ["ingest.options.images='{object_id}.fits'", "ingest.pixel_scale=0.262"] if reader == "fits_stamps" else []
    store = ingested(tmp_path, *more, reader=reader)
    header = store.header
    assert (header.bands, header.pixel_scale) == (("g", "r", "z"), 0.262)
    assert header.zero_points == dict.fromkeys("grz", 22.5)
    np.testing.assert_allclose(store.images, images, atol=1e-5)
    assert store.catalogue["object_id"].to_list() == ["g0", "g1", "g2"]
    assert store.catalogue["flags"].to_list() == [0, 0, 0]


def test_bands_are_picked_by_name(tmp_path: Path) -> None:
    images = cubes()
    write_all(tmp_path, images, bands="zrg")
    np.testing.assert_allclose(ingested(tmp_path, "ingest.bands=[g,z]").images, images[:, [2, 0]], atol=1e-5)


def test_compressed_cube(tmp_path: Path) -> None:
    images = cubes()
    write_all(tmp_path, images)
    for k in range(3):
        path = tmp_path / "im" / f"g{k}.fits"
        cube, header = fits.getdata(path, header=True)
        path.unlink()
        packed = fits.CompImageHDU(cube.astype("f4"), header, compression_type="GZIP_2", quantize_level=0)
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(path)
    np.testing.assert_allclose(ingested(tmp_path).images, images, atol=1e-5)


@pytest.mark.parametrize("pattern", ["{object_id}.fits", "*.fits"])
def test_files_are_found_by_their_centres(tmp_path: Path, pattern: str) -> None:
    images = cubes()
    write_all(tmp_path, images, name="cutout_{k}.fits")
    positions_table(tmp_path / "cat.csv", np.r_[RA[[2, 0]], 151.0], np.full(3, 2.2 + 0.2 / 3600), z=0.5)
    store = ingested(tmp_path, f"ingest.options.images='{pattern}'" if "*" in pattern else "ingest.stamp_size=64")
    assert store.catalogue["object_id"].to_list() == ["g0", "g1"]
    assert store.header.rows is not None
    assert store.header.rows.left_out == {"no stamp file": 1}
    middle = slice(20, 44)
    for stamp, image in zip(store.images, images[[2, 0]], strict=True):  # 0.2 arcsec beside: not yet a pixel
        assert np.corrcoef(stamp[1, middle, middle].ravel(), image[1, middle, middle].ravel())[0, 1] > 0.9


def test_inverse_variance_and_mask_beside_the_image(tmp_path: Path) -> None:
    images = cubes()
    invvar = np.ones(images.shape[1:], "f4")
    invvar[2, 5, 6] = 0
    maskbits = np.zeros((64, 64), np.int32)
    maskbits[31:33, 31:33] = 1 << 3  # saturated in r
    maskbits[40, 40] = 1 << 1  # near a bright star: still flux
    write_all(tmp_path, images, invvar=invvar, maskbits=maskbits)
    store = ingested(tmp_path)
    nan = np.isnan(store.images)
    assert nan[:, 2, 5, 6].all()
    assert nan[:, 1, 31:33, 31:33].all()
    assert not nan[:, 0].any()
    assert not nan[:, 1:, 40, 40].any()
    masked, gap = int(StampFlag.MASKED), int(StampFlag.GAP)
    assert store.catalogue["flags"].to_list() == [masked | gap] * 3


def test_subimages_with_an_hdu_per_band(tmp_path: Path) -> None:
    images = cubes()
    (tmp_path / "im").mkdir()
    for k in range(3):
        hdus = [fits.PrimaryHDU()]
        for brick, size in (("1", 30), ("2", 64)):  # of two bricks that overlap one holds a part
            for band, image in zip("grz", images[k], strict=True):
                header = tan_wcs(0.262, (64, 64), RA[k], DEC[k]).to_header()
                header.update({"BAND": band, "BRICK": brick, "IMAGETYP": "image"})
                hdus.append(fits.ImageHDU(image[:size], header))
                invvar = np.where(np.arange(64)[:size, None] == 9, 0, np.ones((size, 64)))
                hdus.append(fits.ImageHDU(invvar.astype("f4"), header))
                hdus[-1].header["IMAGETYP"] = "invvar"
        fits.HDUList(hdus).writeto(tmp_path / "im" / f"g{k}.fits")
    positions_table(tmp_path / "cat.csv", RA, DEC, z=0.5)
    store = ingested(tmp_path)
    assert store.header.bands == ("g", "r", "z")
    assert store.header.zero_points == dict.fromkeys("grz", 22.5)
    assert np.isnan(store.images[:, :, 9]).all()
    far = np.r_[0:5, 14:64]
    np.testing.assert_allclose(store.images[:, :, far], images[:, :, far], atol=1e-5)


def test_magnitude_does_not_depend_on_the_scale_that_was_asked_for(tmp_path: Path) -> None:
    """The viewer interpolates: a pixel of 0.524 arcsec has the value of one of 0.262, and four times its light."""
    mags = []
    for scale, size in ((0.262, 64), (0.524, 64), (0.131, 128)):
        folder = tmp_path / str(scale)
        folder.mkdir()
        wcs = tan_wcs(scale, (size, size), RA[0], DEC[0])
        light = paint(wcs, (size, size), RA[:1], DEC[:1], 100.0, fwhm=2.5)  # nanomaggies, added up
        seen = np.repeat((light * (0.262 / scale) ** 2)[None, None], 3, axis=1)
        write_all(folder, np.repeat(seen, 3, axis=0), scale=scale, SURVEY="LegacySurvey")
        store = ingested(folder, f"ingest.stamp_size={size}", "ingest.limit=1")
        flux = aperture_flux(store.images[0, 1], 7.0, store.header.pixel_scale)
        mags.append(store.header.zero_points["r"] - 2.5 * np.log10(flux))
    np.testing.assert_allclose(mags, 17.5, atol=2e-3)


def test_survey_whose_unit_is_not_known(tmp_path: Path) -> None:
    write_all(tmp_path, cubes(), SURVEY="unWISE")
    with pytest.raises(InputError, match=r"ingest\.zero_points\.g="):
        ingested(tmp_path)


def test_band_that_is_not_there(tmp_path: Path) -> None:
    write_all(tmp_path, cubes())
    with pytest.raises(InputError, match=r"no stamp of band 'i' .* the files have g r z, .*ingest\.bands=\[g,r,z\]"):
        ingested(tmp_path, "ingest.bands=[g,i]")


def test_band_that_one_file_lacks_is_missing_there(tmp_path: Path) -> None:
    images = cubes()
    write_all(tmp_path, images)
    (tmp_path / "im" / "g1.fits").unlink()
    write_cutout(tmp_path / "im" / "g1.fits", RA[1], DEC[1], images[1, :2], bands="gr")
    store = ingested(tmp_path)
    assert store.header.bands == ("g", "r", "z")
    assert store.catalogue["missing_z"].to_list() == [False, True, False]
    np.testing.assert_allclose(store.images[1, :2], images[1, :2], atol=1e-5)


def test_cube_that_does_not_name_its_bands(tmp_path: Path) -> None:
    write_all(tmp_path, cubes())
    for path in (tmp_path / "im").iterdir():
        for key in ("BANDS", "BAND0", "BAND1", "BAND2"):
            fits.delval(path, key)
    with pytest.raises(InputError, match=r"does not name the bands of its planes \(BANDS = 'grz'\)"):
        ingested(tmp_path)


def test_one_image_is_not_taken_for_all_bands(tmp_path: Path) -> None:
    (tmp_path / "im").mkdir()
    header = tan_wcs(0.262, (64, 64), RA[0], DEC[0]).to_header()
    fits.PrimaryHDU(cubes()[0, 0], header).writeto(tmp_path / "im" / "g0.fits")
    positions_table(tmp_path / "cat.csv", RA[:1], DEC[:1])
    with pytest.raises(InputError, match=r"all bands would share one image"):
        ingested(tmp_path, "ingest.options.images='{object_id}.fits'", "ingest.bands=[g,r]", reader="fits_stamps")
