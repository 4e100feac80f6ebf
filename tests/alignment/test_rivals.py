"""Rivals of learnt alignment that compare catalogues: colours moved onto the source's, and weighted sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from photoz_lit.alignment.build import build_parts, require_magnitudes, source_weights_of
from photoz_lit.alignment.colour_aligned import ColourAligned
from photoz_lit.alignment.importance import density_ratio
from photoz_lit.alignment.part import Shapes
from photoz_lit.data.domains import AdaptationSample, AdaptationSplit
from photoz_lit.data.pixels import stretch, unstretch
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.estimators.catalogue_forest import CatalogueForest
from photoz_lit.evaluation.mismatch.colours import colour_shift
from tests.alignment.builders import adapt_of, fields_of
from tests.composed import composed
from tests.conftest import make_store
from tests.two_fields import changed, joined

#: By how much the target's magnitudes are off [mag], u to y; the reference band's own error cannot be seen.
OFF = np.array([0.08, -0.03, 0.02, 0.0, -0.015, 0.05])
Two = tuple[AdaptationSample, AdaptationSplit]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[CutoutStore, CutoutStore]:
    """A target of other galaxies whose magnitudes and pixels are off alike."""
    folder = tmp_path_factory.mktemp("two")
    source, plain = make_store(folder / "source", n=900, seed=0, size=32), make_store(folder / "plain", n=900, seed=1)
    table = plain.catalogue.assign(ra=plain.catalogue["ra"] + 20)
    for band, off in zip("ugrizy", OFF, strict=True):
        table[f"mag_{band}"] += off
    images = np.asarray(plain.images) * (10 ** (-0.4 * OFF)).astype(np.float32)[:, None, None]
    return source, changed(plain, folder / "target", table, images)


@pytest.fixture(scope="module")
def two(stores: tuple[CutoutStore, CutoutStore]) -> Two:
    return joined(*stores)


def aligned(two: Two) -> ColourAligned:
    part = build_parts(adapt_of("colour_aligned"), Shapes(3, fields_of(2), "ugrizy"))["colours"]
    assert isinstance(part, ColourAligned)
    part.measure(two[0].blind, two[1])
    return part


def test_known_errors_of_zero_points_are_found_from_the_catalogues(two: Two) -> None:
    part = aligned(two)
    assert (np.abs(part.shift[0] - OFF) < 4 * part.error[0] + 1e-9).all()
    assert (part.error[0] < 0.01).all()
    assert part.log_scale[0, 3] == 0  # the reference band
    np.testing.assert_allclose(part.log_scale[0], np.log(10 ** (0.4 * part.shift[0])), rtol=1e-5)


def test_images_of_the_target_get_the_flux_back_that_their_zero_points_took(two: Two) -> None:
    part = aligned(two)
    true = 50 * torch.rand(4, 6, 8, 8)
    seen = true * torch.tensor(10 ** (-0.4 * OFF), dtype=torch.float32)[:, None, None]
    domain = torch.tensor([0, 1, 0, 1])
    image = stretch(torch.where(domain.bool()[:, None, None, None], seen, true))
    found = unstretch(part.images(image, domain))
    torch.testing.assert_close(found[[0, 2]], true[[0, 2]], rtol=1e-4, atol=1e-4)
    wrong = (10 ** (0.4 * (part.shift[0] - OFF)))[:, None, None]
    torch.testing.assert_close(found[1], true[1] * torch.tensor(wrong, dtype=torch.float32), rtol=1e-4, atol=1e-4)


def test_neither_redshifts_nor_the_test_fold_shape_the_shift(
    two: Two, stores: tuple[CutoutStore, CutoutStore], tmp_path: Path
) -> None:
    table = stores[1].catalogue.copy()
    tested = two[0].blind.catalogue.iloc[two[1].test]["object_id"]
    table.loc[table["object_id"].isin(tested), [f"mag_{band}" for band in "ugrizy"]] -= 1
    other = joined(stores[0], changed(stores[1], tmp_path / "other", table.assign(z=np.nan, z_source="")))
    np.testing.assert_array_equal(aligned(two).shift, aligned(other).shift)


def test_a_band_without_magnitudes_is_refused(stores: tuple[CutoutStore, CutoutStore], tmp_path: Path) -> None:
    bare = joined(stores[0], changed(stores[1], tmp_path / "bare", stores[1].catalogue.assign(mag_g=np.nan)))
    for method in ("colour_aligned", "importance"):
        with pytest.raises(InputError, match=rf"adapt={method} compares magnitudes, and hsc6b has none in band 'g'"):
            require_magnitudes(adapt_of(method), bare[0].blind)
    require_magnitudes(adapt_of("dann"), bare[0].blind)


def test_medians_are_compared_at_equal_magnitude() -> None:
    """Colours that depend on magnitude, and a target that is fainter: without matching the shift would be 0.3 mag."""
    random = np.random.default_rng(0)
    fields = []
    for centre, off in ((21.0, 0.0), (22.0, 0.05)):
        magnitude = random.normal(centre, 1.0, 20000)
        colour = 0.3 * (magnitude - 21) + random.normal(0, 0.1, len(magnitude))
        fields.append(np.stack([magnitude + colour + off, magnitude], axis=1))
    shift, error = colour_shift(*fields, 1, (fields[0][:, 1], fields[1][:, 1]))
    assert shift[0] == pytest.approx(0.05, abs=4 * error[0])
    assert error[0] < 0.006
    assert shift[1] == error[1] == 0


def test_weights_of_two_gaussians_are_their_density_ratio() -> None:
    random = np.random.default_rng(1)
    source, target = random.normal(0, 1, (20000, 2)), random.normal([0.5, -0.3], [0.8, 1.0], (20000, 2))
    true = np.exp(
        0.5 * (source**2).sum(axis=1) - 0.5 * ((source[:, 0] - 0.5) / 0.8) ** 2 - 0.5 * (source[:, 1] + 0.3) ** 2
    ) / 0.8  # fmt: skip
    found = density_ratio(source, target, degree=2, most=50)
    assert np.mean(true) == pytest.approx(1, abs=0.02)
    central = np.abs(source).max(axis=1) < 2
    assert np.abs(found[central] / true[central] - 1).mean() < 0.05
    for column, wanted in ((0, 0.5), (1, -0.3)):
        assert np.average(source[:, column], weights=found) == pytest.approx(wanted, abs=0.02)
    assert found.mean() == pytest.approx(1)
    alike = density_ratio(source, random.normal(0, 1, (20000, 2)), 2, 50)
    assert alike.std() < 0.05


def test_weights_are_bounded_and_their_effective_number_of_galaxies_is_told(
    stores: tuple[CutoutStore, CutoutStore], tmp_path: Path
) -> None:
    bright = stores[1].catalogue["mag_i"] < stores[1].catalogue["mag_i"].median()
    columns = [f"mag_{band}" for band in "ugrizy"]
    table = stores[1].catalogue.copy()
    table[columns] -= OFF
    table.loc[~bright, columns] = table.loc[bright, columns].sample(int((~bright).sum()), replace=True).to_numpy()
    sample, split = joined(stores[0], changed(stores[1], tmp_path / "bright", table))
    found = source_weights_of(adapt_of("importance"), sample.blind, split)
    assert found is not None
    weights, told = found
    own = weights[split.train]
    assert own.mean() == pytest.approx(1)
    assert own.max() / own.min() <= 100 + 1e-6
    assert told["effective_galaxies"] == pytest.approx(own.sum() ** 2 / (own**2).sum())
    assert 0.3 * len(own) < told["effective_galaxies"] < 0.9 * len(own)
    magnitude = sample.blind.catalogue["mag_i"].to_numpy()
    wanted = magnitude[split.target_train].mean()
    assert abs(np.average(magnitude[split.train], weights=own) - wanted) < 0.3 * abs(
        magnitude[split.train].mean() - wanted
    )
    assert (weights[sample.domain == 1] == weights[split.source_test][0]).all()  # 1 before the division by the mean
    assert source_weights_of(adapt_of("dann"), sample.blind, split) is None


@pytest.mark.long
def test_a_forest_on_the_catalogue_aligns_colours_too(
    two: Two, stores: tuple[CutoutStore, CutoutStore], tmp_path: Path
) -> None:
    right = stores[1].catalogue.copy()
    right[[f"mag_{band}" for band in "ugrizy"]] -= OFF
    corrected = joined(stores[0], changed(stores[1], tmp_path / "right", right))

    def redshifts(method: str, two: Two, name: str) -> np.ndarray:
        pair = ("data.source=s", "data.target=t")
        config = composed("field=hsc6b", "network=catalogue_forest", f"adapt={method}", *pair)
        forest = CatalogueForest(config)
        forest.check(two[0].blind.bands, 32, two[0].blind.field)
        (tmp_path / name).mkdir()
        forest.fit(two[0].blind, two[1], 1, tmp_path / name)
        again = CatalogueForest(config)
        again.load(tmp_path / name)
        pdf = again.predict(two[0].blind, two[1].test)
        np.testing.assert_array_equal(pdf, forest.predict(two[0].blind, two[1].test))
        edges = two[0].blind.field.z_edges
        return np.asarray(pdf @ (0.5 * (edges[1:] + edges[:-1])))

    wanted = redshifts("none", corrected, "known")
    aligned, unaligned = redshifts("colour_aligned", two, "aligned"), redshifts("none", two, "unaligned")
    assert np.abs(aligned - wanted).mean() < 0.5 * np.abs(unaligned - wanted).mean()
    with pytest.raises(InputError, match="catalogue_forest has no features to align"):
        CatalogueForest(composed("network=catalogue_forest", "adapt=dann", "data.target=t"))._check_adaptation()
