"""Each disturbance is measured back from pixels or catalogue; without them nothing changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
import yaml
from astropy.coordinates import SkyCoord

from photoz_lit.errors import InputError
from photoz_lit.fields import Band, Field, conf_directory, load_field
from photoz_lit.simulation.chunks import ChunkSimulator
from photoz_lit.simulation.disturbance_settings import Disturbances, NoiseTail
from photoz_lit.simulation.disturbances import Places, Sky, halo_profile
from photoz_lit.simulation.identity import simulation_hash
from photoz_lit.simulation.observing import SkyNoise, band_flux, measured_magnitudes, noise_transfer, pixel_noise
from photoz_lit.simulation.prepared import prepare
from photoz_lit.simulation.render import Pointing, StampRenderer
from photoz_lit.simulation.scene import Sources
from photoz_lit.simulation.settings import CatalogueMapping, SimulationSettings
from photoz_lit.simulation.survey_window import survey_window
from tests.simulation.conftest import settings_of
from tests.simulation.test_pixels import galsim_image, one_source

N = 96
BRIGHT = {"magnitude_bright": 17.0, "magnitude_faint": 20.0, "n_galaxies": N}


def with_(name: str = "hsc6b", **disturbances: Any) -> SimulationSettings:
    return settings_of(**BRIGHT, disturbances={name: Disturbances.model_validate(disturbances)})


def simulator(field: Field, settings: SimulationSettings, seed: int = 5) -> ChunkSimulator:
    return prepare(field, settings, seed)[0]


def sky_of(field: Field, seed: int = 5, **disturbances: Any) -> Sky:
    window = survey_window(field, settings_of())
    return Sky(Disturbances.model_validate(disturbances), field, window, seed)


@pytest.fixture(scope="module")
def plain(field: Field) -> tuple[np.ndarray, Any]:
    """Bright galaxies of a field without disturbances."""
    return simulator(field, settings_of(**BRIGHT)).images(0, N)


def test_fields_without_disturbances_keep_hash_and_pixels(field: Field, plain: tuple[np.ndarray, Any]) -> None:
    usual = settings_of(**BRIGHT)
    wanted = simulation_hash(field, usual, 5)
    assert simulation_hash(field, with_(), 5) == wanted  # named, but none
    assert simulation_hash(field, with_("xmm_d", crowding=2), 5) == wanted  # of another field
    assert simulation_hash(field, with_(crowding=2), 5) != wanted
    still = simulator(field, usual)
    still.sky = sky_of(field)
    images, table = still.images(0, N)
    np.testing.assert_array_equal(images, plain[0])
    np.testing.assert_array_equal(table["mag_g"], plain[1]["mag_g"])


def test_zero_points_differ_from_patch_to_patch_in_pixels_and_catalogue(
    field: Field, plain: tuple[np.ndarray, Any]
) -> None:
    drawn = simulator(field, with_(zero_point_scatter=0.03, patch=0.5))
    images, table = drawn.images(0, N)
    assert drawn.sky is not None
    column, row = (np.floor(values / 0.5) for values in drawn.sky._plane(table["ra"], table["dec"]))
    patch = (3 * row + column).to_numpy(int)
    assert set(patch) == set(range(9))
    for b, band in enumerate(field.bands):
        offset = (table[f"mag_{band}"] - plain[1][f"mag_{band}"]).to_numpy()
        for number in range(9):
            here = patch == number
            assert np.median(offset[here]) == pytest.approx(drawn.sky.zero_point[number, b], abs=1e-3)
            light, before = (all_[here, b].astype(float) for all_ in (images, plain[0]))
            in_pixels = -2.5 * np.log10(np.sum(light * before) / np.sum(before * before))
            assert in_pixels == pytest.approx(drawn.sky.zero_point[number, b], abs=2e-3)
    assert sky_of(field, zero_point_scatter=0.015, patch=0.05).zero_point.std() == pytest.approx(0.015, rel=0.05)


def test_the_psf_differs_from_pointing_to_pointing(field: Field) -> None:
    galaxy = one_source(field, (0.3, 0.5), 0.4, (0.31, -0.17))
    flux = band_flux(galaxy.maggies, field)
    renderer = StampRenderer(field, 32)
    for factor in (0.85, 1.3):
        image = renderer.clean(galaxy, flux, np.array([0]), 0, Pointing(int(100 * factor), np.array([1, 1, factor])))
        wide = field.bands["i"].model_copy(update={"seeing": factor * field.bands["i"].seeing})
        expected = galsim_image(field.model_copy(update={"bands": {**field.bands, "i": wide}}), galaxy, 32, "i")
        assert np.abs(image[2] - expected).max() < 6e-3 * expected.max()
        np.testing.assert_array_equal(image[:2], renderer.clean(galaxy, flux, np.array([0]))[:2])
    assert np.log(sky_of(field, seeing_scatter=0.06, pointing=0.05).seeing).std() == pytest.approx(0.06, rel=0.05)
    sky = sky_of(field, seeing_scatter=0.06, pointing=0.75)
    ra, dec = np.array([149.6, 149.65, 150.6]), np.array([1.6, 1.65, 2.8])
    places = sky.places(ra, dec, None)
    assert places.pointing.tolist() == [0, 0, 3]
    np.testing.assert_array_equal(places.seeing[0], places.seeing[1])
    assert (places.seeing[0] != places.seeing[2]).all()
    point = np.full((1, 3), 100.0)
    errors = [measured_magnitudes(point, np.zeros(1), field, np.random.default_rng(0), f)[1] for f in (2.0, 4.0)]
    assert (errors[1] > 1.5 * errors[0]).all()


def test_stamps_are_drawn_with_the_psf_of_their_pointing(field: Field) -> None:
    stars = Sources(
        np.arange(2), np.zeros((2, 2)), np.zeros((2, 2)), np.ones((2, 2)), np.zeros(2), np.full((2, 2, 3), 1e-8)
    )
    places = Places(np.ones((2, 3)), np.array([[1.0] * 3, [1.5] * 3]), np.array([0, 1]), None)
    quiet = field.model_copy(update={"bands": {n: b.model_copy(update={"gain": 0}) for n, b in field.bands.items()}})
    images = StampRenderer(quiet, 32).draw(stars, 2, np.random.SeedSequence(0).spawn(2), places)
    assert (images[1].max(axis=(1, 2)) < 0.6 * images[0].max(axis=(1, 2))).all()


def test_a_zero_point_that_depends_on_colour_has_its_slope(field: Field, plain: tuple[np.ndarray, Any]) -> None:
    terms = {"g": {"slope": 0.05, "colour": ["g", "r"], "pivot": 0.8}}
    images, table = simulator(field, with_(colour_terms=terms)).images(0, N)
    colour = (plain[1]["mag_g"] - plain[1]["mag_r"]).to_numpy()
    offset = (table["mag_g"] - plain[1]["mag_g"]).to_numpy()
    slope, at_pivot = np.polyfit(colour - 0.8, offset, 1)
    assert slope == pytest.approx(0.05, abs=0.004)
    assert at_pivot == pytest.approx(0.0, abs=0.004)
    np.testing.assert_allclose(table["mag_r"], plain[1]["mag_r"], atol=1e-6)
    light, before = (all_[:, 0].astype(float) for all_ in (images, plain[0]))
    in_pixels = -2.5 * np.log10((light * before).sum(axis=(1, 2)) / (before**2).sum(axis=(1, 2)))
    assert np.polyfit(colour, in_pixels, 1)[0] == pytest.approx(0.05, abs=0.01)
    with pytest.raises(InputError, match="field 'hsc6b' has no band 'u'"):
        sky_of(field, colour_terms={"g": {"slope": 0.05, "colour": ["u", "g"], "pivot": 0.0}})


def test_a_wide_kernel_shows_in_the_noise_and_leaves_the_depth(field: Field) -> None:
    tail = NoiseTail(share=0.2, sigma=3.0)
    band = Band(zero_point=27.0, filter={}, seeing=0.7, depth=26.0, noise_correlation=0.9)
    rng = np.random.default_rng(1)
    white = np.fft.rfft2(rng.standard_normal((1024, 1024)))
    sky = np.fft.irfft2(white * noise_transfer(0.9, (1024, 1024), tail))
    assert sky.std() == pytest.approx(1.0, rel=0.02)
    for lag in (1, 3, 6):
        found = np.mean(sky[:, lag:] * sky[:, :-lag])
        assert found == pytest.approx(0.8 * np.exp(-(lag**2) / 3.24) + 0.2 * np.exp(-(lag**2) / 36.0), abs=0.012)
    y, x = np.mgrid[-10:11, -10:11]
    steps = np.arange(-0.4, 0.5, 0.2)
    aperture = np.mean([np.hypot(x + dx, y + dy) <= 5 for dx in steps for dy in steps], axis=0)
    tiles = sky[: 48 * 21, : 48 * 21].reshape(48, 21, 48, 21).transpose(0, 2, 1, 3)
    fluxes = pixel_noise(band, 0.2, tail) * (tiles * aperture).sum(axis=(2, 3)).ravel()
    assert fluxes.std() == pytest.approx(10 ** (0.4 * (27.0 - 26.0)) / 5, rel=0.06)
    assert pixel_noise(band, 0.2, tail) < 0.8 * pixel_noise(band, 0.2)
    noise = SkyNoise(field, 32, tail)
    assert noise.padded > SkyNoise(field, 32).padded


def test_light_around_bright_stars_is_where_they_are(field: Field, plain: tuple[np.ndarray, Any]) -> None:
    drawn = simulator(field, with_(halos={"density": 300.0, "amplitude": 2.0, "scale": 20.0}))
    images, table = drawn.images(0, N)
    assert drawn.sky is not None
    stars = drawn.sky.stars
    assert stars is not None
    assert len(stars.position) == pytest.approx(300 * 1.5**2, rel=0.15)
    sigma = SkyNoise(field, 32).sigma
    found = ((images - plain[0]).astype(float) / sigma[:, None, None]).mean(axis=(2, 3))
    # positions of the stars on the sky, and distances by astropy
    dec = survey_window(field, settings_of()).centre[1] - 0.75 + stars.position[:, 1]
    expected = np.zeros((N, 3))
    for row in range(N):
        ra = 150.12 + (stars.position[:, 0] - 0.75) / np.cos(np.radians(table["dec"][row]))
        here = SkyCoord(table["ra"][row] * u.deg, table["dec"][row] * u.deg)
        distance = here.separation(SkyCoord(ra * u.deg, dec * u.deg)).arcsec
        near = distance < 120
        expected[row] = (stars.strength[near] * halo_profile(distance[near] / 20.0)[:, None]).sum(axis=0)
    assert (np.abs(expected).max(axis=1) > 0.05).mean() > 0.2
    np.testing.assert_allclose(found, expected, atol=0.08)  # the profile bends over a stamp of 5 arcsec
    assert images[:, :, 0].std() > plain[0][:, :, 0].std()


def test_crowding_adds_neighbours(field: Field) -> None:
    usual, crowded = (simulator(field, settings) for settings in (settings_of(**BRIGHT), with_(crowding=2.0)))
    counts = []
    for one in (usual, crowded):
        assert one.surroundings is not None
        around = one.surroundings.draw(np.full(9000, 1e-5), np.zeros(9000), np.random.default_rng(0))
        counts.append(len(around.stamp))
    assert counts[1] / counts[0] == pytest.approx(2.0, rel=0.06)


def test_neighbours_have_the_zero_points_of_their_patch(field: Field) -> None:
    terms = {"g": {"slope": 0.1, "colour": ["g", "i"], "pivot": 0.0}}
    sky = sky_of(field, zero_point_scatter=0.1, patch=0.5, colour_terms=terms)
    places = sky.places(np.array([149.5, 150.6]), np.array([1.6, 2.8]), None)
    around = Sources(
        np.array([0, 1, 1]), np.zeros((3, 2)), np.zeros((3, 2)), np.ones((3, 2)), np.zeros(3), np.ones((3, 2, 3))
    )
    around.maggies[2, :, 2] = 10.0  # red by 2.5 mag
    found = -2.5 * np.log10(sky.disturbed_sources(around, places).maggies / around.maggies)
    patches = -2.5 * np.log10(places.flux)[[0, 1, 1]]
    patches[2, 0] += 0.25
    np.testing.assert_allclose(found, np.repeat(patches[:, None], 2, axis=1), atol=1e-9)


def test_another_seed_is_another_sky(field: Field) -> None:
    given = {"zero_point_scatter": 0.02, "seeing_scatter": 0.05, "halos": {"density": 9.0, "amplitude": 1, "scale": 9}}
    one, again, other = sky_of(field, 5, **given), sky_of(field, 5, **given), sky_of(field, 6, **given)
    np.testing.assert_array_equal(one.zero_point, again.zero_point)
    assert (one.zero_point != other.zero_point).all()
    assert (one.seeing != other.seeing).all()
    assert one.stars is not None
    assert again.stars is not None
    np.testing.assert_array_equal(one.stars.position, again.stars.position)


def test_the_fields_of_the_study_are_what_the_page_says() -> None:
    content = yaml.safe_load((conf_directory() / "simulation" / "disturbances" / "fields.yaml").read_text())
    assert sorted(content) == ["cosmos_ud", "deep23_d", "elais_d", "xmm_d", "xmm_ud"]
    page = (conf_directory().parent / "docs" / "disturbances.md").read_text(encoding="utf-8")
    for name, given in content.items():
        found, field = Disturbances.model_validate(given), load_field(name)
        Sky(found, field, survey_window(field, settings_of()), 11)
        assert found.zero_point_scatter <= 0.02
        assert found.seeing_scatter <= 0.08
        title = {"cosmos_ud": "COSMOS UD (source)", "xmm_ud": "XMM UD (tuning)", "xmm_d": "XMM D", "elais_d": "ELAIS D",
                 "deep23_d": "DEEP2-3 D"}[name]  # fmt: skip
        terms = (
            ", ".join(f"{band} {term.slope:g}" for band, term in found.colour_terms.items()).replace("-", "−") or "–"
        )
        tail = "–" if found.noise_tail is None else f"{found.noise_tail.share:.0%}, {found.noise_tail.sigma:g} px"
        assert found.halos is not None
        halos = f"{found.halos.density:g}, {found.halos.amplitude:g}, {found.halos.scale:g}"
        row = [title, f"{found.seeing_scatter:.0%}", f"{found.zero_point_scatter:.3f}", terms, tail, halos]
        assert f"| {' | '.join([*row, f'{found.crowding:g}'])} |".replace("%", " %") in page


def test_galaxies_of_a_real_catalogue_are_disturbed_too(field: Field, tmp_path: Path) -> None:
    table = pd.DataFrame({"zspec": np.linspace(0.1, 0.9, 20), "i": np.linspace(19, 20, 20)})
    table["r"], table["g"] = table["i"] + 0.5, table["i"] + np.linspace(1.0, 2.0, 20)
    table.to_csv(tmp_path / "real.csv", index=False)
    columns = {"z": "zspec", "mag_g": "g", "mag_r": "r", "mag_i": "i"}
    mapping = CatalogueMapping(name="toy", columns=columns).model_dump()
    terms = {"g": {"slope": 0.1, "colour": ["g", "r"], "pivot": 1.0}}
    given = Disturbances.model_validate({"zero_point_scatter": 0.05, "patch": 0.5, "colour_terms": terms})
    changes = {"catalogue": tmp_path / "real.csv", "mapping": mapping, "n_galaxies": None, "stamps": False}
    drawn = simulator(field, settings_of(**changes, disturbances={"hsc6b": given}))
    seen = drawn.table(0, 20)
    assert drawn.sky is not None
    patch = drawn.sky._cell(*drawn.sky._plane(seen["ra"].to_numpy(), seen["dec"].to_numpy()), 0.5)
    np.testing.assert_allclose(seen["mag_r"] - table["r"], drawn.sky.zero_point[patch, 1], atol=1e-6)
    colour = (table["g"] - table["r"]).to_numpy()
    expected = drawn.sky.zero_point[patch, 0] + 0.1 * (colour - 1)
    np.testing.assert_allclose(seen["mag_g"] - table["g"], expected, atol=1e-6)
