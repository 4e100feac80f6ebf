from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import galsim
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.fields import Field, load_field
from photoz_lit.imaging.conditions import CONDITIONS, measured_conditions, noise_power
from photoz_lit.imaging.seeing import adaptive_width, fwhm_of_width
from photoz_lit.imaging.sky import Sky, Tiles, correlation_at, measured_sky, tile_corners
from photoz_lit.ingest.inspection.bands import summarise_bands
from photoz_lit.ingest.inspection.measure import measure
from photoz_lit.simulation.observing import aperture_noise, noise_transfer, pixel_noise
from photoz_lit.simulation.simulate import simulate_store
from tests.composed import composed
from tests.conftest import make_store
from tests.imaging.observed import changed_field, observed, sample_of_store

FIELDS = {
    "base": changed_field(),
    "blurred": changed_field(seeing=0.1, background=-0.1),
    "shallow": changed_field(seeing=0.2, depth=-0.7, background=0.1, noise_correlation=0.9),
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    folder = tmp_path_factory.mktemp("fields")
    return {
        name: sample_of_store(observed(f, folder / name, 1500, k, "earlier"))
        for k, (name, f) in enumerate(FIELDS.items())
    }


@pytest.fixture(scope="module")
def measured(samples: dict[str, Sample]) -> dict[str, pd.DataFrame]:
    return {name: measured_conditions(sample, np.arange(len(sample))) for name, sample in samples.items()}


def truth(field: Field, key: str) -> np.ndarray:
    return np.array([getattr(band, key) for band in field.bands.values()])


@pytest.mark.parametrize("name", FIELDS)
def test_sky_is_that_of_the_simulation(measured: dict[str, pd.DataFrame], name: str) -> None:
    field, table = FIELDS[name], measured[name]
    noise = np.array([pixel_noise(band, field.pixel_scale) for band in field.bands.values()])
    assert list(table.index) == list(field.bands)
    assert list(table.columns) == list(CONDITIONS)
    assert table["sky_noise"].to_numpy() == pytest.approx(noise, rel=0.03)
    assert table["noise_correlation"].to_numpy() == pytest.approx(truth(field, "noise_correlation"), rel=0.05)
    assert table["depth"].to_numpy() == pytest.approx(truth(field, "depth"), abs=0.06)
    assert table["background_sigma"].to_numpy() == pytest.approx(truth(field, "background"), abs=0.055)


def test_the_light_of_more_faint_galaxies_is_taken_for_background(
    measured: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """The bounds above are of the simulation's earlier galaxies. Counts as observed add 0.01 to 0.02 σ: no estimator
    that looks at the pixels alone can tell unresolved galaxies from a background.
    """
    crowded = sample_of_store(observed(FIELDS["base"], tmp_path / "crowded", 1500, 0, "standard"))
    table = measured_conditions(crowded, np.arange(len(crowded)))
    error = table["background_sigma"].to_numpy() - truth(FIELDS["base"], "background")
    before = measured["base"]["background_sigma"].to_numpy() - truth(FIELDS["base"], "background")
    assert error.mean() > before.mean()
    assert np.abs(error).max() < 0.065
    noise = np.array([pixel_noise(band, FIELDS["base"].pixel_scale) for band in FIELDS["base"].bands.values()])
    assert table["sky_noise"].to_numpy() == pytest.approx(noise, rel=0.03)


@pytest.mark.parametrize("name", ["blurred", "shallow"])
def test_differences_between_fields(measured: dict[str, pd.DataFrame], name: str) -> None:
    table, base = measured[name], measured["base"]
    step = truth(FIELDS[name], "seeing") - truth(FIELDS["base"], "seeing")
    assert (table["seeing"] - base["seeing"]).to_numpy() == pytest.approx(step, abs=0.035)
    light = truth(FIELDS[name], "background") - truth(FIELDS["base"], "background")
    assert (table["background_sigma"] - base["background_sigma"]).to_numpy() == pytest.approx(light, abs=0.045)
    squares = (table["seeing"] ** 2 - base["seeing"] ** 2).to_numpy()
    expected = truth(FIELDS[name], "seeing") ** 2 - truth(FIELDS["base"], "seeing") ** 2
    assert squares == pytest.approx(expected, abs=0.06)


def test_seeing_is_a_little_more_than_the_truth(measured: dict[str, pd.DataFrame]) -> None:
    excess = measured["base"]["seeing"].to_numpy() - truth(FIELDS["base"], "seeing")
    assert (excess > 0.04).all()
    assert (excess < 0.13).all()


def test_noise_power_follows_the_resampling_kernel(samples: dict[str, Sample]) -> None:
    power = noise_power(samples["shallow"], np.arange(1500))
    field = FIELDS["shallow"]
    frequency = np.hypot(np.fft.fftfreq(12)[:, None], np.fft.fftfreq(12)[None, :])
    rings = [np.abs(frequency * 12 - r) < 0.5 for r in range(1, 7)]
    assert power.frequency == pytest.approx([frequency[r].mean() for r in rings])
    # what the window makes of the spectrum: the transform of covariance times the window's own covariance
    taper = np.outer(np.hanning(14)[1:-1], np.hanning(14)[1:-1])
    of_window = np.fft.ifft2(np.abs(np.fft.fft2(taper, (24, 24))) ** 2).real / np.sum(taper**2)
    lag = np.rint(np.fft.fftfreq(24) * 24).astype(int)
    covariance = np.fft.irfft2(noise_transfer(0.9, (240, 240)) ** 2)[np.ix_(lag, lag)]
    smeared = np.fft.fft2(covariance * of_window).real[::2, ::2]
    expected = np.array([smeared[r].mean() for r in rings])
    for k, band in enumerate(field.bands.values()):
        noise = pixel_noise(band, field.pixel_scale)
        assert power.power[k] / noise**2 == pytest.approx(expected, rel=0.12, abs=0.01)


def test_quick_and_the_same_again(samples: dict[str, Sample], measured: dict[str, pd.DataFrame]) -> None:
    start = time.monotonic()
    again = measured_conditions(samples["base"], np.arange(1500))
    assert time.monotonic() - start < 15
    pd.testing.assert_frame_equal(again, measured["base"])
    some = measured_conditions(samples["base"], np.arange(1500), most=400)
    pd.testing.assert_frame_equal(some, measured_conditions(samples["base"], np.arange(1500), most=400))


def test_aperture_noise_against_the_simulation() -> None:
    for name, correlation in (("i", 0.0), ("i", 0.5), ("u", 1.2)):
        band = FIELDS["base"].bands[name].model_copy(update={"noise_correlation": correlation})
        sky = Sky(0.0, pixel_noise(band, 0.168), correlation)
        assert sky.aperture_noise(0.168) == pytest.approx(aperture_noise(band), rel=0.02)
    assert correlation_at(0.0, np.arange(4)) == pytest.approx([1, 0, 0, 0], abs=1e-6)


def test_white_noise_of_known_sigma() -> None:
    random = np.random.default_rng(0)
    pixels = random.normal(0.3, 2.0, (4000, 12, 12)).astype(np.float32)
    sky = measured_sky(Tiles(pixels, random.random(4000)))
    assert sky.noise == pytest.approx(2.0, rel=0.02)
    assert sky.correlation < 0.2
    assert sky.background == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("fwhm", [0.5, 0.7, 1.1])
def test_width_of_a_star(fwhm: float) -> None:
    drawn = galsim.Moffat(beta=3.0, fwhm=fwhm).shift(0.05, -0.03).drawImage(nx=20, ny=20, scale=0.168).array
    width = adaptive_width(drawn[None].astype(np.float32))[0]
    assert width == pytest.approx(galsim.hsm.FindAdaptiveMom(galsim.Image(drawn)).moments_sigma, rel=0.01)
    assert 0.168 * fwhm_of_width(width) == pytest.approx(fwhm, rel=0.02)


def test_bands_without_images(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=80)
    sample = sample_of_store(store)
    blank = np.zeros((80, 6), bool)
    blank[:, 2] = True
    blank[:40, 3] = True
    table = measured_conditions(replace(sample, blank=blank), np.arange(80))
    assert table.loc["r"].isna().all()
    assert table.loc["i", "sky_noise"] == pytest.approx(0.05, rel=0.1)
    assert measured_conditions(load_sample([store], load_field("hsc6b"), 32, ["i"]), np.arange(80)).loc[
        "i", "sky_noise"
    ] == pytest.approx(0.05, rel=0.1)


def test_tiles_keep_clear_of_the_galaxy() -> None:
    assert tile_corners(32) == [(0, 0), (0, 20), (20, 0), (20, 20)]
    for size in (32, 40, 64):
        for y, x in tile_corners(size):
            inside = np.hypot(*(np.mgrid[y : y + 12, x : x + 12] - (size - 1) / 2))
            assert inside.min() >= 4


@pytest.mark.parametrize(
    ("name", "most_seeing", "most_depth"),
    [("cfhtls", (0.08, 0.17), 0.05), ("sdss", (0.45, 0.85), 0.27)],  # SDSS galaxies fill stamps of 32 pixels
)
def test_an_inspection_knows_seeing_noise_and_depth(
    tmp_path: Path, name: str, most_seeing: tuple[float, float], most_depth: float
) -> None:
    """The seeing comes out too wide by this much [arcsec], the depth is right to so many magnitudes."""
    field = load_field(name)
    size = ("simulation.n_galaxies=600", "simulation.stamp_size=32", "simulation.processes=1")
    store = simulate_store(field, composed(f"field={name}", *size).simulation, 3, tmp_path / name)
    summaries = summarise_bands(store, measure(store, Console(quiet=True)))
    of_sample = measured_conditions(load_sample([store], field, 32), np.arange(600))
    for summary in summaries:
        band, sample = field.bands[summary.band], of_sample.loc[summary.band]
        assert most_seeing[0] < summary.seeing - band.seeing < most_seeing[1]
        assert summary.depth == pytest.approx(band.depth, abs=most_depth)
        assert (summary.seeing, summary.depth) == pytest.approx((sample["seeing"], sample["depth"]), rel=1e-3)
        assert summary.noise == pytest.approx(pixel_noise(band, field.pixel_scale), rel=0.09)


def test_small_stamps_give_the_noise_of_their_borders(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=60, size=20)
    for summary in summarise_bands(store, measure(store, Console(quiet=True))):
        assert summary.noise == pytest.approx(0.05, rel=0.2)
        assert np.isfinite(summary.depth)
