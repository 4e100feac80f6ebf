"""Files and HDUs of one band that cover the same pixels are refused; tiles that overlap by a rim are not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.band_planes import flux_hdus
from photoz_lit.ingest.fits_image import find_plane
from photoz_lit.ingest.same_pixels import overlap
from tests.ingest.archives import positions_table, settings_of
from tests.ingest.skies import tan_wcs, vircam_header

SIDE = 200


def noise(seed: int = 0, shape: tuple[int, int] = (SIDE, SIDE)) -> NDArray[Any]:
    return np.random.default_rng(seed).normal(size=shape).astype(">f4")


def write(path: Path, wcs: WCS, seed: int = 0, shape: tuple[int, int] = (SIDE, SIDE)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(noise(seed, shape), vircam_header(wcs, 27.0)).writeto(path)


def shifted(wcs: WCS, columns: int) -> WCS:
    moved = wcs.deepcopy()
    moved.wcs.crpix = [wcs.wcs.crpix[0] - columns, wcs.wcs.crpix[1]]
    return moved


def ingested(folder: Path, *overrides: str) -> CutoutStore:
    catalogue = positions_table(folder / "cat.csv", np.array([150.1]), np.array([2.2]))
    settings, field = settings_of(
        "fits_mosaic", f"ingest.path={folder}/im", f"ingest.catalogue={catalogue}", "ingest.bands=[r]",
        "ingest.stamp_size=32", *overrides,
    )  # fmt: skip
    return ingest(settings, field, folder / "store")


BRICK = ("brick-1-chi2-r.fits", "brick-1-image-r.fits", "brick-1-invvar-r.fits")


@pytest.mark.parametrize(
    ("names", "pattern", "taken"),
    [
        (BRICK, "*-{band}.fits", "brick-1-image-r.fits"),
        (("a_r.fits", "a_r.rms.fits", "a_r.weight.fits"), "*_{band}*.fits", "a_r.fits"),
        (("1/r_sci.fits", "1/r_wht.fits"), "*/{band}_*.fits", "1/r_sci.fits"),
        (("v1/r.fits", "v2/r.fits"), "*/{band}.fits", "v1/r.fits"),  # two versions of one image
    ],
)
def test_planes_of_one_image_are_refused(names: tuple[str, ...], pattern: str, taken: str, tmp_path: Path) -> None:
    wcs = tan_wcs(0.168, (SIDE, SIDE))
    for seed, name in enumerate(names):
        write(tmp_path / "im" / name, wcs, seed)
    with pytest.raises(InputError) as raised:
        ingested(tmp_path, f"ingest.options.images='{pattern}'")
    text = str(raised.value)
    named = re.search(r"two images of band 'r' cover the same pixels, (\S+) and (\S+);", text)
    assert named
    assert set(named.groups()) <= set(names)
    override = re.search(r"ingest\.options\.images='[^']+'", text)
    assert override
    clean = noise(names.index(taken))
    stamp = ingested(tmp_path, override[0]).images[0, 0]
    assert np.abs(np.asarray(stamp, float)).max() == pytest.approx(np.abs(clean[84:116, 84:116]).max(), rel=0.5)
    settings, _ = settings_of("fits_mosaic", override[0])
    found = sorted((tmp_path / "im").glob(settings.options["images"].replace("{band}", "r")))
    assert found == [tmp_path / "im" / taken]


def test_companions_that_are_named_are_no_images(tmp_path: Path) -> None:
    wcs = tan_wcs(0.168, (SIDE, SIDE))
    for name in BRICK[1:]:
        write(tmp_path / "im" / name, wcs)
    store = ingested(tmp_path, "ingest.options.images='*-{band}.fits'", "ingest.options.weights='*-invvar-{band}.fits'")
    assert len(store) == 1


@pytest.mark.parametrize("shift", [SIDE, SIDE - 20, SIDE // 2, SIDE // 4])
def test_tiles_that_overlap_are_read(shift: int, tmp_path: Path) -> None:
    wcs = tan_wcs(0.168, (SIDE, SIDE))
    for k in range(3):
        write(tmp_path / f"im/r_{k}.fits", shifted(wcs, (k - 1) * shift), k)
    assert len(ingested(tmp_path)) == 1


def test_shares_of_overlap() -> None:
    wcs = tan_wcs(0.168, (SIDE, SIDE))
    shape = (SIDE, SIDE)
    assert overlap(wcs, shape, wcs, shape) == 1.0
    assert overlap(wcs, shape, shifted(wcs, SIDE // 4), shape) == pytest.approx(0.75, abs=0.05)
    assert overlap(wcs, shape, shifted(wcs, SIDE), shape) == 0.0
    coarse = tan_wcs(0.336, (SIDE, SIDE), angle=30.0)  # another grid around the same place
    assert overlap(coarse, shape, wcs, shape) == 1.0
    assert overlap(wcs, shape, tan_wcs(0.168, shape, ra=330.1, dec=-2.2), shape) == 0.0


def test_a_weight_of_another_place_is_refused(tmp_path: Path) -> None:
    wcs = tan_wcs(0.168, (SIDE, SIDE))
    write(tmp_path / "im/r_1.fits", wcs)
    write(tmp_path / "im/w_2.fits", shifted(wcs, SIDE))
    with pytest.raises(InputError, match=r"w_2\.fits: the weight of band 'r' is of another place than its image .*r_1"):
        ingested(tmp_path, "ingest.options.weights='w_*.fits'")


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("PRIMARY", "WEIGHT"), [0]),
        (("MASK", "IMAGE", "VARIANCE"), [1]),
        (("SCI", "ERR", "DQ", "WHT", "VAR_POISSON"), [0]),
        (("CHI2", "COADD", "INVVAR"), [1]),
        (("N1", "N2", "S1"), [0, 1, 2]),
        (("SCI", "ERR", "SCI"), [0, 2]),
    ],
)
def test_hdus_with_flux(names: tuple[str, ...], chosen: list[int]) -> None:
    assert flux_hdus(names) == chosen


def test_a_camera_of_several_detectors_is_refused(tmp_path: Path) -> None:
    hdus: list[Any] = [fits.PrimaryHDU()]
    hdus += [fits.ImageHDU(noise(), tan_wcs(0.168, (SIDE, SIDE)).to_header(), name=f"CCD{k}") for k in range(3)]
    fits.HDUList(hdus).writeto(tmp_path / "r.fits")
    with pytest.raises(InputError, match=r"holds 3 images that may be the flux, CCD0, CCD1, CCD2; .*image_hdu=CCD0"):
        find_plane(tmp_path / "r.fits", flux=True)
    assert find_plane(tmp_path / "r.fits", "CCD1", flux=True).hdu == 2
