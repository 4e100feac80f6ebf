"""Unknown pixels never reach a spline: what is kept agrees with the clean image, what is not is NaN and flagged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from photoz_lit.data.store import CutoutStore
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.bad_pixels import REASONS, count_reasons, unknown_pixels, zero_blocks
from photoz_lit.ingest.fits_image import find_plane
from photoz_lit.ingest.inpaint import continued
from photoz_lit.ingest.source import StampFlag
from photoz_lit.ingest.tile import mask_bits
from tests.ingest.archives import settings_of
from tests.ingest.skies import tan_wcs

SIDE = 220
NOISE = 1.0
Pixels = NDArray[Any]


def sky() -> Pixels:
    """A galaxy of peak 8000 in the middle and a bright star beside it, on noise of 1."""
    y, x = np.mgrid[:SIDE, :SIDE]
    galaxy = 8000.0 * np.exp(-0.5 * ((x - 109.8) ** 2 + (y - 109.6) ** 2) / 9.0)
    star = 60000.0 * np.exp(-0.5 * ((x - 130.3) ** 2 + (y - 121.2) ** 2) / 4.0)
    return galaxy + star + np.random.default_rng(1).normal(0.0, NOISE, (SIDE, SIDE))


def dead_column_and_core(x: Pixels, y: Pixels) -> Pixels:
    """A dead column 10 pixels from the galaxy and its saturated core."""
    return ((x == 120) & (abs(y - 110) < 20)) | ((abs(x - 109.5) < 1) & (abs(y - 109.5) < 1))


def block(x: Pixels, y: Pixels) -> Pixels:
    return (x >= 113) & (x < 120) & (y >= 100) & (y < 112)


def beyond_an_edge(x: Pixels, y: Pixels) -> Pixels:
    return x >= 116


Spoil = Callable[[Path, Pixels, Pixels, fits.Header], list[str]]


def write(path: Path, image: Pixels, header: fits.Header | None = None) -> None:
    fits.PrimaryHDU(image.astype(">f4"), header).writeto(path)


def as_nan(folder: Path, image: Pixels, bad: Pixels, header: fits.Header) -> list[str]:
    write(folder / "r.fits", np.where(bad, np.nan, image), header)
    return []


def as_zero(folder: Path, image: Pixels, bad: Pixels, header: fits.Header) -> list[str]:
    write(folder / "r.fits", np.where(bad, 0.0, image), header)
    return []


def as_huge(folder: Path, image: Pixels, bad: Pixels, header: fits.Header) -> list[str]:
    write(folder / "r.fits", np.where(bad, -1e30, image), header)
    return []


def as_weight(folder: Path, image: Pixels, bad: Pixels, header: fits.Header) -> list[str]:
    write(folder / "r.fits", np.where(bad, -3e4, image), header)
    write(folder / "wht_r.fits", np.where(bad, 0.0, 2.5))
    return ["ingest.options.weights='wht_{band}.fits'"]


def as_mask(folder: Path, image: Pixels, bad: Pixels, header: fits.Header) -> list[str]:
    write(folder / "r.fits", np.where(bad, 5e4, image), header)
    fits.PrimaryHDU(np.where(bad, 4, 8).astype(np.int16)).writeto(folder / "msk_r.fits")
    return ["ingest.options.masks='msk_{band}.fits'", "ingest.options.mask_planes=[2]"]


def as_saturation(folder: Path, image: Pixels, bad: Pixels, header: fits.Header) -> list[str]:
    header["SATURATE"] = 1e5
    write(folder / "r.fits", np.where(bad, 1e5, image), header)
    return []


def as_blank_integer(folder: Path, image: Pixels, bad: Pixels, header: fits.Header) -> list[str]:
    hdu = fits.PrimaryHDU(np.where(bad, -32768, np.round(image / 4.0)).astype(np.int16), header)
    hdu.header["BSCALE"], hdu.header["BLANK"] = 4.0, -32768
    hdu.writeto(folder / "r.fits")
    return []


KINDS: list[tuple[Spoil, StampFlag]] = [
    (as_nan, StampFlag.GAP),
    (as_zero, StampFlag.GAP),
    (as_huge, StampFlag.GAP),
    (as_weight, StampFlag.GAP),
    (as_mask, StampFlag.MASKED),
    (as_saturation, StampFlag.SATURATED),
    (as_blank_integer, StampFlag.GAP),
]


def stamp_of(folder: Path, spoil: Spoil, bad: Pixels, scale: float, shift: float) -> CutoutStore:
    """The stamp of the galaxy; its position is ``shift`` pixels off the grid, its pixels ``scale`` as large."""
    folder.mkdir()
    wcs = tan_wcs(0.2, (SIDE, SIDE), angle=0.0 if scale == 1 else 8.0)
    header = wcs.to_header()
    header["MAGZERO"] = 27.0
    more = spoil(folder, sky(), bad, header)
    ra, dec = wcs.all_pix2world(109.8 + shift, 109.6 - shift, 0)
    (folder / "cat.csv").write_text(f"object_id,ra,dec\na,{float(ra)!r},{float(dec)!r}\n")
    settings, field = settings_of(
        "fits_mosaic", f"ingest.path={folder}", f"ingest.catalogue={folder}/cat.csv", "ingest.bands=[r]",
        "ingest.stamp_size=48", "ingest.dtype=float32", f"ingest.pixel_scale={0.2 * scale}", *more,
    )  # fmt: skip
    return ingest(settings, field, folder / "store")


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1.0, 0.37), (0.84, 0.5), (1.7, 0.2)])
@pytest.mark.parametrize("pattern", [dead_column_and_core, block, beyond_an_edge])
@pytest.mark.parametrize(("spoil", "reason"), KINDS, ids=[spoil.__name__ for spoil, _ in KINDS])
def test_kept_pixels_are_the_clean_images(
    tmp_path: Path, spoil: Spoil, reason: StampFlag, pattern: Any, scale: float, shift: float
) -> None:
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    bad = pattern(x, y)
    # Without bad pixels the same file, rounding included.
    clean = stamp_of(tmp_path / "clean", spoil, np.zeros_like(bad), scale, shift).images[0, 0]
    assert np.isfinite(clean).all()
    store = stamp_of(tmp_path / "bad", spoil, bad, scale, shift)
    stamp = store.images[0, 0]
    lost = np.isnan(stamp)
    assert np.abs(stamp - clean)[~lost].max() < 5 * NOISE * scale**2
    row = store.catalogue.iloc[0]
    assert row["flags"] & int(StampFlag.GAP)
    for flag in (StampFlag.EDGE, StampFlag.GAP, StampFlag.MASKED, StampFlag.SATURATED):
        share = lost.mean() if flag == reason else 0.0
        assert row[f"unknown_{str(flag.name).lower()}"] == pytest.approx(share, abs=1e-6)
    if reason in (StampFlag.MASKED, StampFlag.SATURATED):
        assert row["flags"] & int(reason)
    assert lost.any()
    if scale == 1.0:  # what is bad under the stamp, the half pixels beside it, and a rim where the galaxy is steep
        assert lost.mean() < bad[86:134, 86:134].mean() + 0.06


@pytest.mark.parametrize("scale", [1.0, 0.84, 1.7])
def test_a_stamp_over_the_images_edge(tmp_path: Path, scale: float) -> None:
    def cropped(folder: Path, image: Pixels, bad: Pixels, header: fits.Header) -> list[str]:
        write(folder / "r.fits", image[:, :114], header)
        return []

    nothing = np.zeros((SIDE, SIDE), bool)
    clean = stamp_of(tmp_path / "clean", as_nan, nothing, scale, 0.3).images[0, 0]
    store = stamp_of(tmp_path / "cut", cropped, nothing, scale, 0.3)
    stamp = store.images[0, 0]
    lost = np.isnan(stamp)
    assert np.abs(stamp - clean)[~lost].max() < 5 * NOISE * scale**2
    assert store.catalogue["flags"].to_list() == [int(StampFlag.EDGE)]
    assert store.catalogue["unknown_edge"][0] == pytest.approx(lost.mean(), abs=1e-6)
    assert 0.3 < lost.mean() < 0.55


def test_fits_stamps_are_treated_alike(tmp_path: Path) -> None:
    wcs = tan_wcs(0.2, (SIDE, SIDE))
    header = wcs.to_header()
    header["MAGZERO"] = 27.0
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    bad = dead_column_and_core(x, y)
    ra, dec = (float(v) for v in wcs.all_pix2world(110.2, 109.3, 0))
    (tmp_path / "cat.csv").write_text(f"object_id,ra,dec\na,{ra!r},{dec!r}\n")
    stores = []
    for name, image in (("clean", sky()), ("bad", np.where(bad, np.nan, sky()))):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "a_r.fits", image, header)
        settings, field = settings_of(
            "fits_stamps", f"ingest.path={tmp_path}/{name}", f"ingest.catalogue={tmp_path}/cat.csv",
            "ingest.bands=[r]", "ingest.stamp_size=48", "ingest.dtype=float32",
        )  # fmt: skip
        stores.append(ingest(settings, field, tmp_path / f"{name}.store"))
    clean, stamp = (store.images[0, 0] for store in stores)
    lost = np.isnan(stamp)
    assert lost.any()
    assert np.abs(stamp - clean)[~lost].max() < 5 * NOISE
    assert stores[1].catalogue["unknown_gap"][0] == pytest.approx(lost.mean(), abs=1e-6)
    assert stores[0].catalogue["unknown_gap"][0] == 0


def test_zeros_that_are_values() -> None:
    random = np.random.default_rng(0)
    none = np.zeros((100, 100), bool)
    photons = random.poisson(0.05, (100, 100)).astype("f4")  # of an image of few photons
    assert not zero_blocks(photons, none).any()
    counts = np.round(random.normal(0, 1.0, (100, 100)))
    assert not zero_blocks(counts, none).any()
    counts[20:60, 30:70] = 0  # a gap is found in them all the same
    found = zero_blocks(counts, none)
    assert found[20:60, 30:70].all()
    assert found.sum() < 1.2 * 1600
    y, x = np.mgrid[:100, :100]
    without_noise = np.exp(-0.5 * ((x - 50) ** 2 + (y - 50) ** 2) / 9.0)
    without_noise[without_noise < 1e-8] = 0.0
    assert not zero_blocks(without_noise, none).any()
    noisy = random.normal(0, 1.0, (100, 100))
    noisy[50, 50] = noisy[3, 7] = 0.0  # single ones
    assert not zero_blocks(noisy, none).any()
    noisy[:, 40] = 0.0  # a dead column
    assert zero_blocks(noisy, none).sum() == 100


def test_reasons() -> None:
    image = np.ones((6, 6))
    image[0, 0], image[1, 1], image[2, 2] = np.nan, -np.inf, 70.0
    weight = np.ones((6, 6))
    weight[3, 3], weight[3, 4] = -1.0, np.nan
    masked = np.zeros((6, 6), bool)
    masked[4, 4] = True
    reason = unknown_pixels(image, weight, masked, 60.0)
    gap = int(StampFlag.GAP)
    assert [reason[k, k] for k in range(6)] == [gap, gap, int(StampFlag.SATURATED), gap, int(StampFlag.MASKED), 0]
    assert reason[3, 4] == gap
    assert (reason > 0).sum() == 6
    masked[0, 0] = masked[2, 2] = True  # a pixel counts once, by its first reason
    counts = count_reasons(unknown_pixels(image, weight, masked, 60.0)[None])[0]
    assert dict(zip(REASONS, counts, strict=True)) == {
        StampFlag.EDGE: 0, StampFlag.GAP: 4, StampFlag.SATURATED: 1, StampFlag.MASKED: 1,
    }  # fmt: skip


def test_polynomials_are_continued_exactly() -> None:
    y, x = np.mgrid[:30, :30].astype(float)
    image = 3.0 + 2 * x - y + 0.5 * x**2 - 0.2 * x * y + 0.01 * x**3
    unknown = np.zeros((30, 30), bool)
    unknown[10:13, 12:14] = unknown[20, :] = True
    spoiled = np.where(unknown, 1e6, image)
    np.testing.assert_allclose(continued(spoiled, unknown, [4])[0], image, atol=1e-3)


def test_planes_of_a_mask_that_count(tmp_path: Path) -> None:
    image = fits.PrimaryHDU(np.zeros((4, 4), np.int32))
    for bit, name in enumerate(["BAD", "SAT", "DETECTED", "NO_DATA"]):
        image.header[f"HIERARCH MP_{name}"] = bit
    image.writeto(tmp_path / "named.fits")
    fits.PrimaryHDU(np.zeros((4, 4), np.int32)).writeto(tmp_path / "plain.fits")
    named, plain = find_plane(tmp_path / "named.fits"), find_plane(tmp_path / "plain.fits")
    assert mask_bits(named, []) == 0b1011  # a detected pixel holds flux
    assert mask_bits(named, ["DETECTED", 0]) == 0b101
    assert mask_bits(plain, []) == -1  # all
    assert mask_bits(plain, [2, 5]) == 0b100100
