"""Fields with different observing conditions and large-scale structure; galaxies of one field observed as another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.fields import Band, Field, load_field
from photoz_lit.simulation.conditions import PARTS, mixed_conditions
from photoz_lit.simulation.identity import simulation_hash
from photoz_lit.simulation.population import density_contrast
from photoz_lit.simulation.prepared import prepare
from photoz_lit.simulation.settings import SimulationSettings
from photoz_lit.simulation.simulate import simulate_catalogue, simulate_store
from tests.simulation.conftest import settings_of

DEEP_FIELDS = ("cosmos_ud", "xmm_ud", "xmm_d", "elais_d", "deep23_d")
INTRINSIC = ["object_id", "ra", "dec", "ebv", "z", "z_source", "z_true", "stellar_mass_true", "a_v_true", "radius_true"]


def few_bands(name: str) -> Field:
    """A deep field's u, r and i: three bands with three different filter mixes."""
    field = load_field(name)
    return field.model_copy(update={"bands": {band: field.bands[band] for band in ("u", "r", "i")}})


def differing(one: Band, other: Band) -> set[str]:
    return {key for key in Band.model_fields if getattr(one, key) != getattr(other, key)}


@pytest.mark.parametrize("name", DEEP_FIELDS)
def test_conditions_lie_in_the_stated_ranges(name: str) -> None:
    field, source = load_field(name), load_field("cosmos_ud")
    deep = name.endswith("_d")
    assert field.z_segments == load_field("hsc6b").z_segments
    assert field.band_names == tuple("ugrizyjhk" if name.startswith(("cosmos", "xmm")) else "ugrizy")
    assert {band.zero_point for band in field.bands.values()} == {27.0}
    u = set(field.bands["u"].filter)
    old, new = "speclite:cfht_megacam-ustar", "speclite:cfht_megacam-u"
    assert u == ({old, new} if name == "cosmos_ud" else {old} if name.startswith("xmm") else {new})
    for band, entry in field.bands.items():
        assert abs(entry.seeing - source.bands[band].seeing) <= 0.1 + 1e-9
        shallower = source.bands[band].depth - entry.depth
        if band in "grizy":
            assert 0.6 - 1e-9 <= shallower <= 0.8 + 1e-9 if deep else shallower <= 0.11
        if name == "cosmos_ud":
            assert entry.background <= 0.02
            assert entry.zero_point_error == 0
        else:
            assert 0.05 <= entry.background <= 0.15
            assert 0.01 <= abs(entry.zero_point_error) <= (0.04 if name == "xmm_d" else 0.03)
    if name != "cosmos_ud":
        signs = {np.sign(entry.zero_point_error) for entry in field.bands.values()}
        assert signs == {-1.0, 1.0}


@pytest.mark.parametrize("name", ["xmm_ud", "elais_d"])
def test_deep_fields_simulate(name: str) -> None:
    field = load_field(name)
    simulator, rows = prepare(field, settings_of(n_galaxies=24), 0)
    images, table = simulator.images(0, rows.used)
    assert images.shape == (24, len(field.bands), 32, 32)
    assert np.isfinite(images).all()
    assert table["z_true"].between(0, 6).all()
    centre = settings_of().windows[name].centre
    assert abs(table["ra"].mean() - centre[0]) < 0.6
    assert abs(table["dec"].mean() - centre[1]) < 0.4


def test_density_has_unit_mean_and_the_stated_cosmic_variance() -> None:
    inside = np.linspace(np.log(1.65), np.log(1.75), 400)  # a slice of 0.1 at z = 0.7
    for amplitude, expected in ((0.24, 0.095), (0.19, 0.074)):
        means = np.array([density_contrast(f"field {k}", amplitude, inside).mean() for k in range(600)])
        assert means.mean() == pytest.approx(1.0, abs=0.02)
        assert means.std() == pytest.approx(expected, rel=0.12)
    everywhere = np.linspace(0.0, 1.9, 50000)
    spread = np.std(np.log(density_contrast("cosmos_ud", 0.24, everywhere)))
    assert spread == pytest.approx(0.24, rel=0.15)
    assert (density_contrast("cosmos_ud", 0.0, everywhere) == 1).all()
    # the same on every machine and in every process
    assert density_contrast("cosmos_ud", 0.24, np.array([0.5]))[0] == pytest.approx(1.136392842742326, rel=1e-9)


def relative_counts(name: str, seed: int) -> np.ndarray:
    """Drawn galaxies over those of the smooth field in slices of 0.012 in ln(1+z), walls' size, from z = 0.28 to 1."""
    settings = settings_of(n_galaxies=12000, stamps=False, magnitude_faint=22.0, representative=True)
    flat = {key: window.model_copy(update={"structure": 0.0}) for key, window in settings.windows.items()}
    smooth = prepare(few_bands(name), settings.model_copy(update={"windows": flat}), seed)[0].model
    edges = np.arange(0.25, 0.7, 0.012)
    expected = np.log1p(smooth.draw(60000, np.random.default_rng(0)).z)
    drawn = np.log1p(simulate_catalogue(few_bands(name), settings, seed)["z_true"])
    return np.asarray(np.histogram(drawn, edges)[0] / np.histogram(expected, edges)[0] * 5)


def test_two_simulations_of_a_field_share_walls_and_two_fields_do_not() -> None:
    # the walls of xmm_d and deep23_d have a correlation of -0.2; those of xmm_d and elais_d happen to have -0.45
    one, two, other = relative_counts("xmm_d", 1), relative_counts("xmm_d", 2), relative_counts("deep23_d", 1)
    assert one.mean() == pytest.approx(1.0, abs=0.1)
    assert np.corrcoef(one, two)[0, 1] > 0.6
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.4


def test_two_fields_of_one_seed_share_no_galaxy() -> None:
    settings = settings_of(n_galaxies=100, stamps=False)
    one, two = (simulate_catalogue(few_bands(name), settings, 0) for name in ("xmm_d", "elais_d"))
    assert np.abs(np.sort(one["a_v_true"]) - np.sort(two["a_v_true"])).max() > 0.01
    assert not np.isin(one["object_id"], two["object_id"]).any()
    assert abs(np.corrcoef(one["z_true"], two["z_true"])[0, 1]) < 0.4


def test_one_galaxy_under_the_conditions_of_two_fields(tmp_path: Path) -> None:
    source, target = few_bands("cosmos_ud"), few_bands("xmm_d")
    settings = settings_of(n_galaxies=30)
    own = simulate_store(source, settings, 3, tmp_path / "own")
    seen = simulate_store(target, settings.model_copy(update={"galaxies_of": "cosmos_ud"}), 3, tmp_path / "seen")
    pd.testing.assert_frame_equal(own.catalogue[INTRINSIC], seen.catalogue[INTRINSIC])
    assert seen.header.field == "xmm_d"
    assert not np.array_equal(own.images, seen.images)
    # other seeing, depth and zero points; the same galaxies and neighbours at the same places
    for k in range(len(source.bands)):
        light = own.images[:, k].astype(float).ravel(), seen.images[:, k].astype(float).ravel()
        assert np.corrcoef(*light)[0, 1] > 0.9
    shift = np.median(seen.catalogue["mag_i"] - own.catalogue["mag_i"])
    assert 0.0 < shift < 0.05  # the zero point, 0.01, and half of the exposures through the old filter


def test_galaxies_of_the_field_itself_change_no_byte(tmp_path: Path) -> None:
    field = few_bands("xmm_d")
    plain, named = settings_of(n_galaxies=20), settings_of(n_galaxies=20, galaxies_of="xmm_d")
    assert simulation_hash(field, plain, 1) == simulation_hash(field, named, 1)
    one = simulate_store(field, plain, 1, tmp_path / "plain")
    two = simulate_store(field, named, 1, tmp_path / "named")
    assert one.header.checksums == two.header.checksums


def test_each_part_of_the_conditions_switches_its_keys_alone() -> None:
    field, base = load_field("xmm_d"), load_field("cosmos_ud")
    assert mixed_conditions(field, base, tuple(PARTS)) == field
    assert mixed_conditions(field, base, ()).bands == base.bands
    for part, keys in PARTS.items():
        mixed = mixed_conditions(field, base, [part])
        assert mixed.name == "xmm_d"
        changed = set.union(*(differing(mixed.bands[b], base.bands[b]) for b in field.bands))
        assert changed
        assert changed <= set(keys)
        assert all(getattr(mixed.bands[b], key) == getattr(field.bands[b], key) for b in field.bands for key in keys)


def conditions(*parts: str, base: str = "cosmos_ud") -> SimulationSettings:
    return settings_of(n_galaxies=16, galaxies_of="cosmos_ud", conditions={"base": base, "parts": parts})


def test_conditions_shape_the_pixels() -> None:
    target = few_bands("xmm_d")

    def images(settings: SimulationSettings, field: Field = target) -> np.ndarray:
        return prepare(field, settings, 1)[0].images(0, 16)[0].astype(float)

    source = images(settings_of(n_galaxies=16), few_bands("cosmos_ud"))
    assert np.array_equal(images(conditions()), source)
    assert np.array_equal(images(conditions(*PARTS)), images(settings_of(n_galaxies=16, galaxies_of="cosmos_ud")))
    zero_points = images(conditions("zero_points"))
    bright = source.max(axis=(2, 3)).argmax(axis=0)
    ratio = [zero_points[row, k].max() / source[row, k].max() for k, row in enumerate(bright)]
    expected = [10 ** (-0.4 * band.zero_point_error) for band in target.bands.values()]
    assert np.allclose(ratio, expected, atol=0.01)
    background = images(conditions("background")) - source
    assert np.allclose(background.std(axis=(0, 2, 3)), 0, atol=1e-5)
    assert (background.mean(axis=(0, 2, 3)) > 0).all()
    hashes = {simulation_hash(target, conditions(part), 1) for part in PARTS}
    assert len(hashes) == len(PARTS)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (conditions("zeropoints"), "unknown part 'zeropoints'; did you mean 'zero_points'"),
        (conditions("depth", base="cosmos"), "unknown field 'cosmos'"),
        (settings_of(galaxies_of="cosmo_ud"), "unknown field 'cosmo_ud'; did you mean 'cosmos_ud'"),
        (settings_of(galaxies_of="cosmos_ud", catalogue="real.csv"), "galaxies_of draws galaxies.*set one of the two"),
    ],
)
def test_bad_choices_are_one_sentence(settings: SimulationSettings, sentence: str) -> None:
    field = few_bands("xmm_d")
    with pytest.raises(InputError, match=sentence.replace("?", r"\?")):
        prepare(field, settings, 1)


def test_a_base_without_a_band_is_one_sentence() -> None:
    with pytest.raises(InputError, match="field 'elais_d' has no band j, h, k of 'xmm_d'"):
        mixed_conditions(load_field("xmm_d"), load_field("elais_d"), ["depth"])
