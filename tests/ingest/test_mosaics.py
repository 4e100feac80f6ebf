"""Stamps from FITS mosaics: flux, centring, zero points, planes, tiles, edges and gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray
from reproject import reproject_exact, reproject_interp

from photoz_lit.data.store import CutoutStore
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.band_cutter import runs_end
from photoz_lit.ingest.resample import resample_stamp
from photoz_lit.ingest.source import StampFlag
from photoz_lit.ingest.stamp_geometry import local_grid
from tests.ingest.archives import positions_table, settings_of
from tests.ingest.skies import (
    aperture_flux,
    hsc_header,
    megacam_header,
    paint,
    tan_wcs,
    vircam_header,
    write_compressed,
    write_hsc,
    write_plain,
    write_scaled,
)

SCALE = 0.168
FWHM = 0.8
# Camera, its pixel scale, the angle and projection of its mosaic, how it is written.
CAMERAS: dict[str, Any] = {
    "u": (0.186, 3.0, "TAN", write_compressed, megacam_header),
    "i": (0.168, 0.0, "TAN", write_plain, hsc_header),
    "j": (0.2, -10.0, "ZPN", write_scaled, vircam_header),
    "h": (0.15, 20.0, "TAN", write_plain, vircam_header),
    "k": (0.06, 40.0, "TAN", write_plain, vircam_header),  # far finer than the stamps
}


def grid_of_galaxies(n: int = 4, spacing: float = 18.0) -> tuple[NDArray[Any], NDArray[Any]]:
    """n × n positions around the field's centre, off the pixel grid; spacing [arcsec]."""
    offset = (np.arange(n) - (n - 1) / 2) * spacing
    xi, eta = np.meshgrid(offset + 0.071, offset - 0.113)
    ra = 150.1 + xi.ravel() / 3600 / np.cos(np.deg2rad(2.2))
    return ra, 2.2 + eta.ravel() / 3600


@pytest.fixture(scope="module")
def mosaic_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[CutoutStore, NDArray[Any]]:
    """Five cameras' mosaics of one sky, cut into stamps."""
    folder = tmp_path_factory.mktemp("mosaics")
    ra, dec = grid_of_galaxies()
    flux = np.linspace(200.0, 1000.0, len(ra))
    for band, (scale, angle, projection, write, header) in CAMERAS.items():
        shape = (round(100 / scale), round(104 / scale))
        wcs = tan_wcs(scale, shape, angle=angle, projection=projection)
        image = paint(wcs, shape, ra, dec, flux, FWHM)
        write(folder / f"{band}_coadd.fits{'.fz' if write is write_compressed else ''}", image, header(wcs))
    catalogue = positions_table(folder / "cat.csv", ra, dec, mag_i=22.0, z=0.5, z_source="spec", flux=flux)
    settings, field = settings_of(
        "fits_mosaic",
        f"ingest.path={folder}",
        f"ingest.catalogue={catalogue}",
        f"ingest.bands=[{','.join(CAMERAS)}]",
        "ingest.stamp_size=64",
        "ingest.dtype=float32",
        "+ingest.columns.flux=flux",
    )
    store = ingest(settings, field, folder / "store")
    return store, store.catalogue["flux"].to_numpy()


@pytest.mark.parametrize("band", CAMERAS)
def test_aperture_flux_is_kept(mosaic_store: tuple[CutoutStore, NDArray[Any]], band: str) -> None:
    store, flux = mosaic_store
    stamps = store.images[:, store.header.bands.index(band)]
    for radius in (1.0, 2.0):
        share = 1 - np.exp(-(radius**2) / (2 * (FWHM / 2.3548) ** 2))
        measured = [aperture_flux(stamp, radius, SCALE) for stamp in stamps]
        np.testing.assert_allclose(measured, flux * share, rtol=0.005)


@pytest.mark.parametrize("band", CAMERAS)
def test_galaxies_stand_in_the_middle(mosaic_store: tuple[CutoutStore, NDArray[Any]], band: str) -> None:
    store, _ = mosaic_store
    stamps = store.images[:, store.header.bands.index(band)].astype(float)
    at = np.arange(64) - 31.5
    x = (stamps * at).sum(axis=(1, 2)) / stamps.sum(axis=(1, 2))
    y = (stamps * at[:, None]).sum(axis=(1, 2)) / stamps.sum(axis=(1, 2))
    assert np.abs(x).max() < 0.01
    assert np.abs(y).max() < 0.01


def test_header_zero_points_are_kept(mosaic_store: tuple[CutoutStore, NDArray[Any]]) -> None:
    store, _ = mosaic_store
    assert store.header.zero_points == pytest.approx({"u": 30.0, "i": 27.0, "j": 30.0, "h": 30.0, "k": 30.0})
    assert (store.catalogue["flags"] == 0).all()


def test_north_is_up_and_east_left(tmp_path: Path) -> None:
    wcs = tan_wcs(0.2, (300, 300), angle=35.0)
    north_east = np.array([150.1 + 2 / 3600]), np.array([2.2 + 3 / 3600])
    write_plain(tmp_path / "i.fits", paint(wcs, (300, 300), *north_east, 100.0), vircam_header(wcs))
    catalogue = positions_table(tmp_path / "cat.csv", np.array([150.1]), np.array([2.2]))
    settings, field = settings_of(
        "fits_mosaic",
        f"ingest.path={tmp_path}",
        f"ingest.catalogue={catalogue}",
        "ingest.bands=[i]",
        "ingest.stamp_size=64",
    )
    stamp = ingest(settings, field, tmp_path / "store").images[0, 0]
    row, column = np.unravel_index(np.argmax(stamp), stamp.shape)
    assert row - 31.5 == pytest.approx(3 / SCALE, abs=1)
    assert column - 31.5 == pytest.approx(-2 / SCALE, abs=1)


@pytest.mark.parametrize(("scale", "angle"), [(0.2, 12.0), (0.15, -30.0), (0.186, 0.4)])
def test_resampler_agrees_with_reproject(scale: float, angle: float) -> None:
    random = np.random.default_rng(1)
    shape = (240, 240)
    wcs = tan_wcs(scale, shape, angle=angle)
    ra, dec = np.array([150.1003]), np.array([2.1998])
    many = ra + random.uniform(-8, 8, 12) / 3600, dec + random.uniform(-8, 8, 12) / 3600
    image = paint(wcs, shape, *many, random.uniform(50, 500, 12), FWHM).astype(np.float32)
    grid = local_grid(wcs, ra, dec, SCALE)
    ours = resample_stamp(image, None, grid.centre[0], grid.jacobian[0], 64)
    target = WCS(naxis=2)
    target.wcs.ctype, target.wcs.crval, target.wcs.crpix = ["RA---TAN", "DEC--TAN"], [ra[0], dec[0]], [32.5, 32.5]
    target.wcs.cdelt = [-SCALE / 3600, SCALE / 3600]
    area = grid.area[0]
    exact = reproject_exact((image, wcs), target, shape_out=(64, 64), return_footprint=False) * area
    cubic = reproject_interp((image, wcs), target, shape_out=(64, 64), order="bicubic", return_footprint=False) * area
    assert aperture_flux(ours, 4.0, SCALE) == pytest.approx(aperture_flux(exact, 4.0, SCALE), rel=0.005)
    assert ours.sum() == pytest.approx(exact.sum(), rel=0.005)
    np.testing.assert_allclose(ours, cubic, atol=1e-5 * ours.max())


def test_hsc_planes_gaps_and_masks(tmp_path: Path) -> None:
    ra, dec = grid_of_galaxies(3)
    wcs = tan_wcs(SCALE, (500, 500))
    image = paint(wcs, (500, 500), ra, dec, 100.0)
    grid = local_grid(wcs, ra, dec, SCALE)
    x, y = np.round(grid.centre).astype(int).T
    mask = np.zeros(image.shape, np.int32)
    mask[y[1], x[1] + 3] = 1 << 1  # SAT near the second galaxy
    mask[y[2], x[2] + 25] = 1 << 1  # SAT far from the third
    mask[y[3], x[3]] = 1 << 5  # DETECTED does not count
    image[y[4] + 20, x[4] + 20] = np.nan
    write_hsc(tmp_path / "calexp-i.fits", image, hsc_header(wcs), mask)
    catalogue = positions_table(tmp_path / "cat.csv", ra, dec)
    settings, field = settings_of(
        "fits_mosaic",
        f"ingest.path={tmp_path}",
        f"ingest.catalogue={catalogue}",
        "ingest.bands=[i]",
        "ingest.stamp_size=64",
        "ingest.options.images='calexp-{band}*.fits'",
        "ingest.options.image_hdu=IMAGE",
        "ingest.options.mask_hdu=MASK",
        "ingest.options.weight_hdu=VARIANCE",
        "ingest.options.mask_planes=[SAT,NO_DATA]",
    )
    store = ingest(settings, field, tmp_path / "store")
    flags = store.catalogue.set_index("object_id")["flags"]
    masked, gap = int(StampFlag.MASKED), int(StampFlag.GAP)
    assert [flags[f"g{i}"] for i in range(9)] == [0, masked | gap, gap, 0, gap, 0, 0, 0, 0]  # masked pixels are NaN
    position = store.catalogue.index[store.catalogue["object_id"] == "g4"][0]
    stamp = store.images[position, 0]
    assert 1 <= np.isnan(stamp).sum() <= 9
    assert np.isnan(stamp[51:53, 51:53]).any()


def test_tiles_edges_and_missing_bands(tmp_path: Path) -> None:
    ra, dec = grid_of_galaxies(4, 12.0)
    whole = tan_wcs(SCALE, (420, 420))
    image = paint(whole, (420, 420), ra, dec, 100.0)
    # Two tiles of the i band that touch without overlap; the right one has another zero point. The r band has the left.
    for name, columns, zero_point in (
        ("i_a", slice(0, 210), 30.0),
        ("i_b", slice(210, 420), 29.0),
        ("r_a", slice(0, 210), 30.0),
    ):
        wcs = whole.deepcopy()
        wcs.wcs.crpix = [whole.wcs.crpix[0] - columns.start, whole.wcs.crpix[1]]
        factor = 10 ** (0.4 * (zero_point - 30.0))
        write_plain(tmp_path / f"{name}.fits", image[:, columns] * factor, megacam_header(wcs, zero_point))
    far = np.append(ra, 151.0), np.append(dec, 2.2)
    catalogue = positions_table(tmp_path / "cat.csv", *far)
    overrides = [
        f"ingest.path={tmp_path}", f"ingest.catalogue={catalogue}", "ingest.bands=[i,r]", "ingest.stamp_size=64",
        "ingest.dtype=float32",
    ]  # fmt: skip
    settings, field = settings_of("fits_mosaic", *overrides)
    store = ingest(settings, field, tmp_path / "store")
    assert len(store) == 16  # the one far outside is left out
    table = store.catalogue
    flux = np.array([aperture_flux(np.nan_to_num(stamp), 1.5, SCALE) for stamp in store.images[:, 0]])
    expected = 100.0 * (1 - np.exp(-(1.5**2) / (2 * (FWHM / 2.3548) ** 2)))
    np.testing.assert_allclose(flux, expected, rtol=0.005)  # the tiles' zero points are levelled
    x = local_grid(whole, table["ra"].to_numpy(), table["dec"].to_numpy(), SCALE).centre[:, 0]
    np.testing.assert_array_equal(table["missing_r"], x - 32 > 209)
    edge = (table["flags"] & int(StampFlag.EDGE)) > 0
    np.testing.assert_array_equal(edge, x + 32 > 209)
    no_band = (table["flags"] & int(StampFlag.NO_BAND)) > 0
    np.testing.assert_array_equal(no_band, table["missing_r"])
    settings = settings.model_copy(update={"flagged": "drop"})
    clean = ingest(settings, field, tmp_path / "clean")
    assert set(clean.catalogue["object_id"]) == set(table["object_id"][table["flags"] == 0])
    assert np.isfinite(clean.images).all()


def test_weight_files_and_saturation(tmp_path: Path) -> None:
    ra, dec = grid_of_galaxies(2)
    wcs = tan_wcs(0.186, (300, 300))
    image = paint(wcs, (300, 300), ra, dec, [100.0, 1e7, 100.0, 100.0])
    grid = local_grid(wcs, ra, dec, SCALE)
    x, y = np.round(grid.centre).astype(int).T
    weight = np.ones(image.shape, np.float32)
    weight[y[2] - 1, x[2] - 1] = 0.0
    write_compressed(tmp_path / "u.fits.fz", image, megacam_header(wcs))
    fits.PrimaryHDU(weight, wcs.to_header()).writeto(tmp_path / "u.weight.fits")
    catalogue = positions_table(tmp_path / "cat.csv", ra, dec)
    settings, field = settings_of(
        "fits_mosaic",
        f"ingest.path={tmp_path}",
        f"ingest.catalogue={catalogue}",
        "ingest.bands=[u]",
        "ingest.stamp_size=64",
        "ingest.options.weights='{band}.weight.fits'",
    )
    flags = ingest(settings, field, tmp_path / "store").catalogue.set_index("object_id")["flags"]
    saturated, gap = int(StampFlag.SATURATED), int(StampFlag.GAP)
    assert [flags[f"g{i}"] for i in range(4)] == [0, saturated | gap, gap, 0]  # saturated pixels are NaN


def test_runs_of_windows() -> None:
    top, bottom = np.array([0, 50, 300, 310]), np.array([80, 130, 380, 390])
    np.testing.assert_array_equal(runs_end(top, bottom), [130, 130, 390, 390])


def test_fits_stamps(tmp_path: Path) -> None:
    ra, dec = grid_of_galaxies(2)
    folder = tmp_path / "stamps"
    folder.mkdir()
    for k in range(4):
        for band, scale in (("i", 0.168), ("u", 0.186)):
            if (k, band) == (3, "u"):
                continue  # a file that is not there is a missing band
            wcs = tan_wcs(scale, (101, 101), ra=ra[k], dec=dec[k])
            zero_point = 30.0 if k else 29.0
            image = paint(wcs, (101, 101), ra[k : k + 1], dec[k : k + 1], 100.0 * 10 ** (0.4 * (zero_point - 30)))
            write_plain(folder / f"g{k}_{band}.fits", image, megacam_header(wcs, zero_point))
    catalogue = positions_table(tmp_path / "cat.csv", ra, dec)
    settings, field = settings_of(
        "fits_stamps",
        f"ingest.path={folder}",
        f"ingest.catalogue={catalogue}",
        "ingest.bands=[u,i]",
        "ingest.stamp_size=64",
    )
    store = ingest(settings, field, tmp_path / "store")
    zero_point = store.header.zero_points["i"]
    flux = [aperture_flux(np.nan_to_num(stamp), 2.0, SCALE) for stamp in store.images[:, 1]]
    np.testing.assert_allclose(flux, 100.0 * 10 ** (0.4 * (zero_point - 30)), rtol=0.005)
    assert store.catalogue["missing_u"].to_list() == [False, False, False, True]


def test_fits_stamps_without_wcs_are_cropped(tmp_path: Path) -> None:
    image = np.arange(80.0 * 80).reshape(80, 80)
    fits.PrimaryHDU(image.astype("f4")).writeto(tmp_path / "g0_i.fits")
    (tmp_path / "cat.csv").write_text("object_id,ra,dec\ng0,,\n")
    settings, field = settings_of(
        "fits_stamps", f"ingest.path={tmp_path}", f"ingest.catalogue={tmp_path}/cat.csv", "ingest.bands=[i]",
        "ingest.stamp_size=64", "ingest.pixel_scale=0.168", "+ingest.zero_points.i=27.0", "ingest.dtype=float32",
    )  # fmt: skip
    store = ingest(settings, field, tmp_path / "store")
    np.testing.assert_array_equal(store.images[0, 0], image[8:72, 8:72])
