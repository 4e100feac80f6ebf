"""What was learnt of a target is applied to the target's galaxies, also where its field has the source's name."""

from pathlib import Path

import numpy as np
import pytest
import torch

from photoz_lit.alignment.calibration import Calibration
from photoz_lit.data.domains import store_field_numbers
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import Split
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.estimators.adaptation import AdaptationEstimator
from photoz_lit.fields import load_field
from tests.composed import composed
from tests.conftest import make_store
from tests.two_fields import joined, source_and_target


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[CutoutStore, CutoutStore]:
    return source_and_target(tmp_path_factory.mktemp("two"), n=60)


def sample_of(*stores: CutoutStore) -> Sample:
    return load_sample(list(stores), load_field("hsc6b"), 32, None, None, "drop")


def test_stores_are_known_by_their_data_and_others_by_their_field(
    stores: tuple[CutoutStore, CutoutStore], tmp_path: Path
) -> None:
    source, target = stores
    other = make_store(tmp_path / "other", n=20, seed=7)
    hashes = [source.data_hash, target.data_hash]
    assert store_field_numbers(sample_of(source), ["hsc6b", "hsc6b"], hashes).tolist() == [0]
    assert store_field_numbers(sample_of(target), ["hsc6b", "hsc6b"], hashes).tolist() == [1]
    assert store_field_numbers(sample_of(other, target), ["xmm_d", "hsc6b"], hashes).tolist() == [1, 1]
    assert store_field_numbers(sample_of(other), ["hsc6b", "xmm_d"], hashes).tolist() == [0]
    assert store_field_numbers(sample_of(other), ["cosmos_ud", "xmm_d"], hashes).tolist() == [0]
    assert store_field_numbers(sample_of(source, source), ["hsc6b", "hsc6b"], [source.data_hash] * 2).tolist() == [0, 1]
    with pytest.warns(UserWarning, match="both of field 'hsc6b'; a store that is neither counts as the target"):
        assert store_field_numbers(sample_of(other), ["hsc6b", "hsc6b"], hashes).tolist() == [1]
    with pytest.raises(InputError, match="2 targets of field 'hsc6b' and this store of it is none of them"):
        store_field_numbers(sample_of(other), ["xmm_d", "hsc6b", "hsc6b"], [*hashes, "x"])


def test_predictions_and_features_of_a_target_are_of_calibrated_images(
    stores: tuple[CutoutStore, CutoutStore],
) -> None:
    config = composed("field=hsc6b", "network=plain", "adapt=guided_paired", "trainer=cpu", "trainer.precision=32-true")
    estimator = AdaptationEstimator(config)
    sample, split = joined(*stores)
    module = estimator.module = estimator.aligned(sample.blind)
    calibration = module.parts["calibration"]
    assert isinstance(calibration, Calibration)
    with torch.no_grad():
        calibration.log_scale.fill_(0.5)
    train = estimator.data_module(sample.blind, split, 0).galaxies.columns["domain"]
    again = estimator.data_module(sample.blind, Split(split.test, split.test, split.test, -1), 0, False)
    assert torch.equal(again.galaxies.columns["domain"], train)
    assert set(train[torch.from_numpy(split.test)].tolist()) == {1}

    alone = sample_of(stores[1])
    rows = np.arange(8)
    calibrated, features = estimator.predict(alone, rows), estimator.features(alone, rows, "cpu")
    with torch.no_grad():
        calibration.log_scale.zero_()
    assert np.abs(estimator.predict(alone, rows) / calibrated - 1).max() > 1e-4
    assert not np.allclose(estimator.features(alone, rows, "cpu"), features, rtol=1e-3)
    source = sample_of(stores[0])
    before = estimator.predict(source, rows)
    with torch.no_grad():
        calibration.log_scale.fill_(0.5)
    np.testing.assert_array_equal(estimator.predict(source, rows), before)
    np.testing.assert_array_equal(estimator.predict(alone, rows), calibrated)
