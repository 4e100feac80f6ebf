from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.sampling import ShardedBatchSampler
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import load_field
from tests.composed import composed
from tests.conftest import make_store


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    store = make_store(tmp_path_factory.mktemp("m") / "store", n=80)
    return load_sample([open_store(store.path)], load_field("hsc6b"), 32)


def fitted(sample: Sample, folder: Path, *overrides: str, seed: int = 3) -> CNNEstimator:
    estimator = CNNEstimator(composed("field=hsc6b", *overrides))
    estimator.fit(sample, split_sample(sample), seed, folder)
    return estimator


def test_loss_is_cross_entropy_plus_mean_absolute_error(sample: Sample) -> None:
    module = CNNEstimator(composed("field=hsc6b", "module.label_smoothing=0")).build(sample)
    data = CutoutDataModule(sample, split_sample(sample))
    batch = data.galaxies.__getitems__([0, 5, 9])
    output = module(batch["image"], batch["ebv"])
    probability = functional.softmax(output.logits, dim=1).detach().numpy()
    z = sample.catalogue["z"].to_numpy()[[0, 5, 9]]
    bins = np.digitize(z, sample.field.z_edges) - 1
    expected = -np.log(probability[np.arange(3), bins]) + np.abs(output.z_point.detach().numpy() - z)
    np.testing.assert_allclose(module.loss(output, batch).detach().numpy(), expected, rtol=1e-5)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(sample: Sample, tmp_path: Path) -> None:
    runs = [fitted(sample, tmp_path / str(k), seed=s).module for k, s in enumerate((3, 3, 4))]
    a, b, c = ([p.detach() for p in m.parameters()] for m in runs if m is not None)
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(a, c, strict=True))


def test_predictions_come_back_from_the_checkpoint_and_in_the_order_asked(sample: Sample, tmp_path: Path) -> None:
    estimator = fitted(sample, tmp_path)
    rows = np.array([7, 3, 70, 11])
    pdf = estimator.predict(sample, rows)
    np.testing.assert_allclose(pdf.sum(axis=1), 1, rtol=1e-5)
    again = CNNEstimator(estimator.config)
    again.load(tmp_path)
    np.testing.assert_allclose(again.predict(sample, rows[::-1])[::-1], pdf, rtol=2e-2, atol=1e-5)


def test_best_validation_loss_is_kept_not_the_last_epoch(sample: Sample, tmp_path: Path) -> None:
    # With this learning rate the validation loss gets worse after the first epochs.
    estimator = fitted(sample, tmp_path, "module.learning_rate=0.3", "trainer.max_epochs=5")
    curve = np.genfromtxt(tmp_path / "metrics.csv", delimiter=",", names=True)
    losses = curve["val_loss"][np.isfinite(curve["val_loss"])]
    assert len(losses) == 5
    assert estimator.trainer is not None
    assert estimator.trainer.checkpoint_callback.best == pytest.approx(losses.min(), rel=1e-5)  # type: ignore[union-attr]
    best = torch.load(tmp_path / "best.ckpt", weights_only=True)
    assert best["epoch"] == int(np.argmin(losses))


UNCHANGING = ("module.schedule=steps", "module.milestones=[]", "module.warmup=0")  # whatever the length of a training


def test_an_interrupted_training_ends_as_an_uninterrupted_one(sample: Sample, tmp_path: Path) -> None:
    whole = fitted(sample, tmp_path / "whole", "trainer.max_epochs=3", *UNCHANGING)
    config = composed("field=hsc6b", "trainer.max_epochs=3", *UNCHANGING)
    part = CNNEstimator(config.model_copy(update={"trainer": config.trainer.model_copy(update={"max_epochs": 1})}))
    part.fit(sample, split_sample(sample), 3, tmp_path / "parts")
    rest = CNNEstimator(config)
    rest.fit(sample, split_sample(sample), 3, tmp_path / "parts")
    assert whole.trainer is not None
    assert rest.trainer is not None
    assert rest.trainer.global_step == whole.trainer.global_step
    a = torch.load(tmp_path / "whole" / "last.ckpt", weights_only=True)["state_dict"]
    b = torch.load(tmp_path / "parts" / "last.ckpt", weights_only=True)["state_dict"]
    for name in a:
        torch.testing.assert_close(a[name], b[name], msg=name)


def test_every_epoch_has_an_order_of_its_own(sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[list[int]] = []
    drawn = ShardedBatchSampler.epoch_order

    def recorded(self: ShardedBatchSampler) -> NDArray[np.int64]:
        order = drawn(self)
        if self.shuffle:
            orders.append(order.tolist())
        return order

    monkeypatch.setattr(ShardedBatchSampler, "epoch_order", recorded)
    fitted(sample, tmp_path, "trainer.max_epochs=3")
    assert len(orders) == 3
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2])
    assert orders[0] != orders[1] != orders[2]


def test_baseline_refuses_modalities(sample: Sample) -> None:
    with pytest.raises(InputError, match="module=baseline has one modality, not 5"):
        CNNEstimator(composed("field=hsc6b", "modality=neighbours")).build(sample)


def test_modalities_are_dropped_by_name_at_inference(sample: Sample, tmp_path: Path) -> None:
    estimator = fitted(sample, tmp_path, "module=multimodal", "modality=neighbours")
    rows = np.arange(6)
    whole = estimator.predict(sample, rows)
    without = estimator.predict(sample, rows, ["u_g"])
    assert not np.allclose(whole, without)
    np.testing.assert_array_equal(estimator.predict(sample, rows), whole)
    with pytest.raises(InputError, match="no modality 'u_gg'; did you mean 'u_g'"):
        estimator.predict(sample, rows, ["u_gg"])


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"best\.ckpt cannot be read"):
        CNNEstimator(composed("field=hsc6b")).load(tmp_path)
