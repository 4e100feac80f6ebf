from pathlib import Path

import numpy as np
import pytest

from photoz_lit.data.domains import AdaptationSplit, join_fields, split_fields, warnings_of
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from tests.conftest import make_store
from tests.two_fields import changed, joined, source_and_target

Stores = tuple[CutoutStore, CutoutStore]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return source_and_target(tmp_path_factory.mktemp("two"), n=200)


def test_blind_has_no_label_of_a_target_and_no_truth_and_full_has_both(stores: Stores, tmp_path: Path) -> None:
    source, target = stores
    catalogue = target.catalogue.assign(z_err=0.1, weight=2.0, kind_true="spiral")
    sample, _ = joined(source, changed(target, tmp_path / "t", catalogue))
    blind = sample.blind.catalogue
    is_target = sample.domain == 1
    assert is_target.sum() == (~is_target).sum() == 200
    for column in ("z", "z_err", "weight"):
        assert blind.loc[is_target, column].isna().all(), column
    assert not [name for name in blind if name.endswith("_true")]
    np.testing.assert_array_equal(blind.loc[~is_target, "z"], source.catalogue["z"])
    np.testing.assert_array_equal(sample.full.catalogue.loc[is_target, "z"], target.catalogue["z_true"])
    assert set(sample.full.catalogue.loc[is_target, "z_source"]) == {"truth"}
    np.testing.assert_array_equal(sample.full.catalogue.loc[~is_target, "z"], source.catalogue["z"])


def test_full_keeps_labels_where_the_truth_is_not_known(stores: Stores, tmp_path: Path) -> None:
    source, target = stores
    truth = target.catalogue["z_true"].to_numpy().copy()
    truth[::2] = np.nan
    sample, _ = joined(source, changed(target, tmp_path / "t", target.catalogue.assign(z_true=truth)))
    rows = sample.full.catalogue[sample.domain == 1]
    np.testing.assert_array_equal(rows["z"], np.where(np.isfinite(truth), truth, target.catalogue["z"]))
    assert set(rows["z_source"][::2]) == {"spec"}
    assert set(rows["z_source"][1::2]) == {"truth"}


@pytest.mark.parametrize("labels", ["source", "target"])
def test_parts_of_a_split_are_disjoint_and_of_the_right_field_in_every_fold(stores: Stores, labels: str) -> None:
    sample = join_fields(stores[0], [stores[1]], load_field("hsc6b"), 32, None, None, labels)
    fold = sample.blind.catalogue["fold"].to_numpy()
    own = int(labels == "target")
    tested = []
    for k in range(5):
        split = split_fields(sample, k, labels)
        assert split.test_fold == k
        for rows, field, folds in (
            (split.train, own, set(range(5)) - {k, (k + 1) % 5}),
            (split.validation, own, {(k + 1) % 5}),
            (split.test, 1, {k}),
            (split.target_train, 1, set(range(5)) - {k, (k + 1) % 5}),
            (split.target_validation, 1, {(k + 1) % 5}),
            (split.source_test, 0, {k}),
        ):
            assert set(sample.domain[rows]) == {field}
            assert set(fold[rows]) == folds
            assert len(np.unique(rows)) == len(rows)
        assert np.isfinite(sample.blind.catalogue["z"].to_numpy()[split.train]).all()
        tested += [split.test, split.source_test]
    np.testing.assert_array_equal(np.sort(np.concatenate(tested)), np.arange(400))


def test_the_oracle_sees_labels_of_the_target_alone(stores: Stores) -> None:
    sample, split = joined(*stores, labels="target")
    z = sample.blind.catalogue["z"].to_numpy()
    assert np.isnan(z[sample.domain == 0]).all()
    np.testing.assert_array_equal(z[sample.domain == 1], stores[1].catalogue["z"])
    assert set(sample.domain[np.concatenate([split.train, split.validation])]) == {1}


def test_the_oracle_has_no_more_labels_than_the_source(stores: Stores, tmp_path: Path) -> None:
    source, target = stores
    some = source.catalogue.assign(z=source.catalogue["z"].where(np.arange(200) % 3 == 0))
    poor = changed(source, tmp_path / "poor", some)
    n_source = len(joined(poor, target)[1].train)
    sample, split = joined(poor, target, labels="target")
    assert len(split.train) == n_source < len(split.target_train)
    assert set(split.train) < set(split.target_train)
    again = split_fields(sample, 0, "target")
    np.testing.assert_array_equal(again.train, split.train)
    assert len(joined(target, poor, labels="target")[1].train) == n_source


def test_a_position_that_both_fields_cover_is_never_on_both_sides(stores: Stores, tmp_path: Path) -> None:
    source, target = stores
    near = source.catalogue["dec"] + 0.9 / 3600
    beside = changed(target, tmp_path / "t", target.catalogue.assign(ra=source.catalogue["ra"], dec=near))
    sample, split = joined(source, beside)
    fold = sample.blind.catalogue["fold"].to_numpy()
    np.testing.assert_array_equal(fold[:200], fold[200:])
    seen = {int(row) % 200 for row in np.concatenate([split.train, split.target_train])}
    assert not seen & {int(row) % 200 for row in np.concatenate([split.test, split.source_test])}


def test_stores_that_cannot_be_joined_get_a_sentence(stores: Stores, tmp_path: Path) -> None:
    source, target = stores
    field = load_field("hsc6b")
    zero_points = dict.fromkeys("ugri", 27.0)
    narrow = changed(
        target,
        tmp_path / "narrow",
        target.catalogue,
        target.images[:, :4],
        bands=tuple("ugri"),
        zero_points=zero_points,
    )
    with pytest.raises(InputError, match=r"has no band 'z' and the source has; .* data\.bands=\[u,g,r,i\]"):
        join_fields(source, [narrow], field, 32, list("ugriz"), None)
    assert join_fields(source, [narrow], field, 32, None, None).blind.bands == tuple("ugri")
    faint = target.catalogue.assign(mag_i=target.catalogue["mag_i"] + 8)
    with pytest.raises(InputError, match=r"source 'hsc6b' has i magnitudes 22\.\d to 2\d\.\d and target 'hsc6b' 30"):
        join_fields(source, [changed(target, tmp_path / "faint", faint)], field, 32, None, None)
    dark = changed(target, tmp_path / "dark", target.catalogue.assign(mag_i=np.nan))
    with pytest.raises(InputError, match="no galaxy of field 'hsc6b' has a i magnitude"):
        join_fields(source, [dark], field, 32, None, None)
    with pytest.raises(InputError, match=r"no galaxy of field 'hsc6b' is left after data\.select"):
        join_fields(source, [target], field, 32, None, "ra < 160")
    with pytest.raises(InputError, match="no galaxy is left"):
        join_fields(source, [target], field, 32, None, "mag_i < 3")


def test_too_few_galaxies_are_told(stores: Stores, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leaves no galaxy for"):
        joined(stores[0], make_store(tmp_path / "few", n=2, seed=4))


def sentences(*stores: CutoutStore) -> list[str]:
    sample, split = joined(*stores)
    assert isinstance(split, AdaptationSplit)
    return warnings_of(sample, split)


def test_warnings_are_those_that_apply(stores: Stores, tmp_path: Path) -> None:
    source, target = stores
    unlabelled = target.catalogue.drop(columns="z_true").assign(z=np.nan, z_source="")
    assert sentences(source, target) == []  # the simulation's truth is no label
    assert sentences(source, changed(target, tmp_path / "none", unlabelled)) == []
    labelled = changed(target, tmp_path / "labelled", target.catalogue.drop(columns="z_true"))
    (sentence,) = sentences(source, labelled)
    assert "has labels: they are used to evaluate, never to train or to choose" in sentence
    partly = target.catalogue["z_true"].where(np.arange(200) % 2 == 0)
    known = changed(target, tmp_path / "partly", target.catalogue.assign(z=partly, z_true=partly, z_source=""))
    assert sentences(source, known) == []
    small = source_and_target(tmp_path, n=200, n_target=18)[1]
    (sentence,) = sentences(source, small)
    n = len(joined(source, small)[1].target_train)
    assert f"has {n} galaxies to adapt to and the source" in sentence
    found = sentences(source, source)
    assert len(found) == 2
    assert "are the same data: there is nothing to adapt" in found[0]
    assert "has labels" in found[1]
    (sentence,) = sentences(source, target, small)
    assert "galaxies to adapt to" in sentence
