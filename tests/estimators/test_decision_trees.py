import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from photoz_lit.data.sample import load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.estimators import decision_trees
from photoz_lit.estimators.catalogue_forest import CatalogueForest
from photoz_lit.estimators.decision_trees import DecisionTrees, trees_of
from photoz_lit.fields import load_field
from tests.composed import composed


@pytest.fixture(scope="module")
def fitted() -> tuple[RandomForestRegressor, np.ndarray]:
    random = np.random.default_rng(0)
    features = random.normal(size=(500, 4))
    forest = RandomForestRegressor(20, min_samples_leaf=2, random_state=1)
    return forest.fit(features, features[:, 0] + random.normal(0, 0.1, 500)), random.normal(size=(1000, 4))


def test_leaves_are_those_of_scikit_learn(
    fitted: tuple[RandomForestRegressor, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    forest, features = fitted
    thresholds = forest.estimators_[0].tree_.threshold[:50]
    features[:50, 0] = thresholds  # where single and double precision differ
    expected = forest.apply(features)
    np.testing.assert_array_equal(trees_of(forest).apply(features), expected)
    monkeypatch.setattr(decision_trees, "ROWS", 300)
    np.testing.assert_array_equal(trees_of(forest).apply(features), expected)


@pytest.mark.parametrize(("name", "value"), [("left", 0), ("right", 10**6), ("feature", 4), ("start", 3)])
def test_arrays_that_are_no_trees_are_refused(
    fitted: tuple[RandomForestRegressor, np.ndarray], name: str, value: int
) -> None:
    forest, features = fitted
    trees = trees_of(forest)
    broken = getattr(trees, name).copy()
    broken[0] = value
    with pytest.raises(ValueError, match=r"child is no node|more than 4 features|do not fill"):
        dataclasses.replace(trees, **{name: broken}).apply(features)


class Attack:
    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> object:
        return Path.touch, (self.victim,)


def test_a_forest_comes_back_and_runs_no_code(store: CutoutStore, tmp_path: Path) -> None:
    sample = load_sample([store], load_field("hsc6b"), 32)
    config = composed("field=hsc6b", "network=catalogue_forest", "network.trees=10")
    forest = CatalogueForest(config)
    forest.fit(sample, split_sample(sample), 0, tmp_path)
    rows = np.arange(len(sample))
    pdf = forest.predict(sample, rows)
    again = CatalogueForest(config)
    again.load(tmp_path)
    np.testing.assert_array_equal(again.predict(sample, rows), pdf)
    assert isinstance(again.trees, DecisionTrees)
    victim = tmp_path / "ran"
    for content in (pickle.dumps(Attack(victim)), None):
        if content is None:
            np.savez(tmp_path / "forest.npz", start=np.array([Attack(victim)], object))
        else:
            (tmp_path / "forest.npz").write_bytes(content)
        with pytest.raises(InputError, match=r"forest\.npz cannot be read"):
            again.load(tmp_path)
        assert not victim.exists()


def test_every_flipped_bit_of_a_forest_is_noticed(store: CutoutStore, tmp_path: Path) -> None:
    sample = load_sample([store], load_field("hsc6b"), 32)
    forest = CatalogueForest(composed("field=hsc6b", "network=catalogue_forest", "network.trees=3"))
    forest.fit(sample, split_sample(sample), 0, tmp_path)
    rows = np.arange(len(sample))
    pdf = forest.predict(sample, rows)
    content = (tmp_path / "forest.npz").read_bytes()
    noticed = 0
    for place in np.random.default_rng(1).integers(0, len(content), 50):
        changed = bytearray(content)
        changed[place] ^= 0x10
        (tmp_path / "forest.npz").write_bytes(changed)
        try:
            forest.load(tmp_path)
        except InputError:
            noticed += 1
        else:
            np.testing.assert_array_equal(forest.predict(sample, rows), pdf)
    assert noticed > 30
