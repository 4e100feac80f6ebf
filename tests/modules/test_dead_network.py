import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console

from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.estimators import cnn
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import load_field
from photoz_lit.modules.cnn import PhotoZModule
from photoz_lit.modules.dead_network import learnt_nothing, loss_of_one_pdf, restart_seed
from photoz_lit.modules.trainer import build_trainer
from photoz_lit.tasks import results
from photoz_lit.tasks.run_warnings import warnings_of_run
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store

SMALL = ("field=hsc6b", "network=plain")
LONG = (*SMALL, "trainer.max_epochs=6", "module.milestones=[]")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("m") / "store", n=80)


@pytest.fixture(scope="module")
def sample(store: CutoutStore) -> Sample:
    return load_sample([open_store(store.path)], load_field("hsc6b"), 32)


@pytest.mark.parametrize("point_loss", ["mae", "mse"])
def test_the_loss_of_one_pdf_is_that_of_the_training_nz_on_the_validation_galaxies(
    sample: Sample, point_loss: str
) -> None:
    weights = {name: 0.2 + k for k, name in enumerate(sorted(sample.catalogue["z_source"].unique()))}
    given = "{" + ",".join(f"{name}:{weight}" for name, weight in weights.items()) + "}"
    options = (f"module.point_loss={point_loss}", "module.point_loss_weight=0.7", f"data.label_weights={given}")
    estimator = CNNEstimator(composed(*SMALL, *options))
    split = split_sample(sample)
    found = loss_of_one_pdf(estimator.build(sample), estimator.data_module(sample, split, 0))

    z, source = sample.catalogue["z"].to_numpy(), sample.catalogue["z_source"]
    weight = source.map(weights).to_numpy()
    of_train = weight[split.train] / weight[split.train].mean()
    counts = np.histogram(z[split.train], sample.field.z_edges, weights=of_train)[0] + 1.0
    pdf = counts / counts.sum()
    residual = z[split.validation] - (np.median if point_loss == "mae" else np.mean)(z[split.train])
    point = np.abs(residual) if point_loss == "mae" else residual**2
    losses = -np.log(pdf[np.digitize(z[split.validation], sample.field.z_edges) - 1]) + 0.7 * point
    # torch takes the lower of two middle values as the median
    assert found == pytest.approx(np.average(losses, weights=weight[split.validation]), rel=2e-3)


def test_a_network_that_predicts_one_pdf_has_that_validation_loss(sample: Sample) -> None:
    estimator = CNNEstimator(composed(*SMALL, "trainer=cpu", "trainer.progress=false"))
    split = split_sample(sample)
    data = estimator.data_module(sample, split, 0)
    z = sample.catalogue["z"].to_numpy()[split.train]
    counts = np.histogram(z, sample.field.z_edges)[0] + 1.0
    module = estimator.build(sample)
    with torch.no_grad():
        for head, bias in (("logits", np.log(counts / counts.sum())), ("point", [np.sort(z)[(len(z) - 1) // 2]])):
            layer = last_linear(module, head)
            layer.weight.zero_()
            layer.bias.copy_(torch.as_tensor(bias))
    trainer = build_trainer(estimator.config.trainer)
    measured = trainer.validate(module, data, verbose=False)[0]["val_loss"]
    assert measured == pytest.approx(loss_of_one_pdf(module, data), rel=2e-3)  # bfloat16


def last_linear(module: PhotoZModule, head: str) -> torch.nn.Linear:
    n_out = len(module.hparams["z_edges"]) - 1 if head == "logits" else 1
    found = [m for m in module.network.modules() if isinstance(m, torch.nn.Linear) and m.out_features == n_out]
    return found[-1]


def test_healthy_and_broken_losses() -> None:
    assert not learnt_nothing(0.86 * 4.59, 4.59)
    assert learnt_nothing(4.587, 4.587)
    assert learnt_nothing(4.7, 4.587)
    assert learnt_nothing(float("nan"), 4.587)


def with_bounds(monkeypatch: pytest.MonkeyPatch, *bounds: float) -> None:
    """Losses of one PDF given to the networks in turn: no network reaches 0, every network reaches 100."""
    left = iter(bounds)
    monkeypatch.setattr(cnn, "loss_of_one_pdf", lambda *_: next(left))


def test_a_dead_network_gives_way_to_one_of_another_seed_and_leaves_its_curve(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_bounds(monkeypatch, 0.0, 100.0)
    estimator = CNNEstimator(composed(*LONG))
    estimator.fit(sample, split_sample(sample), 3, tmp_path / "dead")
    assert estimator.fit_report["restarts"] == 1
    with_bounds(monkeypatch, 100.0)
    second = CNNEstimator(estimator.config)
    second.fit(sample, split_sample(sample), restart_seed(3, 1), tmp_path / "second")
    assert second.fit_report["restarts"] == 0
    assert estimator.fit_report["val_loss"] == second.fit_report["val_loss"]  # nothing of the dead one is left in it
    losses = pd.read_csv(tmp_path / "dead" / "metrics.csv")["val_loss"].dropna()
    assert estimator.fit_report["val_loss"] == pytest.approx(losses.min(), rel=1e-5)
    assert len(pd.read_csv(tmp_path / "dead" / "metrics_died_0.csv")["val_loss"].dropna()) == 6
    assert len({restart_seed(3, 0), restart_seed(3, 1), restart_seed(3, 2), restart_seed(4, 1)}) == 4


def test_a_dead_network_is_stopped_after_half_of_its_training(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_bounds(monkeypatch, 0.0, 100.0)
    estimator = CNNEstimator(composed(*LONG, "trainer.max_epochs=14"))
    estimator.fit(sample, split_sample(sample), 3, tmp_path)
    assert pd.read_csv(tmp_path / "metrics_died_0.csv")["epoch"].max() == 6  # the seventh
    assert estimator.fit_report["epochs"] == 14


def test_a_training_too_short_to_tell_is_not_started_again(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_bounds(monkeypatch, 0.0)
    estimator = CNNEstimator(composed(*LONG, "trainer.max_epochs=5"))
    estimator.fit(sample, split_sample(sample), 3, tmp_path)
    assert estimator.fit_report["restarts"] == 0


def test_an_interrupted_second_network_goes_on_and_not_the_first(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_bounds(monkeypatch, 0.0, 100.0)
    estimator = CNNEstimator(composed(*LONG))
    runs = estimator.run_training

    def broken(*args: object, **kwargs: object) -> None:
        if (tmp_path / "metrics_died_0.csv").is_file():
            raise RuntimeError
        runs(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(estimator, "run_training", broken)
    with pytest.raises(RuntimeError):
        estimator.fit(sample, split_sample(sample), 3, tmp_path)
    with_bounds(monkeypatch, 100.0)
    again = CNNEstimator(estimator.config)
    again.fit(sample, split_sample(sample), 3, tmp_path)
    assert again.fit_report["restarts"] == 1
    assert [path.name for path in tmp_path.glob("metrics_died_*")] == ["metrics_died_0.csv"]


def test_networks_that_see_no_image_are_told_when_the_run_ends(
    store: CutoutStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = CNNEstimator.build

    def blind(self: CNNEstimator, sample: Sample) -> PhotoZModule:
        module = build(self, sample)
        module.input_scale.zero_()
        return module

    monkeypatch.setattr(CNNEstimator, "build", blind)
    where = (f"data.store={store.path}", f"paths.runs={tmp_path}", "module.standardise=false")
    folder = train(composed(*LONG, "scale.max_epochs=6", *where))
    metrics = json.loads((folder.path / "metrics.json").read_text())
    assert (metrics["restarts"], metrics["dead_networks"]) == (2, 1)
    fit = json.loads(next(folder.path.glob("checkpoints/*/fit.json")).read_text())
    assert fit["val_loss"] > 0.98 * fit["val_loss_one_pdf"]
    console = Console(record=True, width=300)
    results.print_metrics(console, folder)
    assert "Note: 1 of the run's networks predict no better" in console.export_text()
    assert pd.read_csv(folder.path / "metrics.csv")["epoch"].max() == 5  # the dead ones' curves are no part of it


def test_a_run_that_was_started_again_says_so() -> None:
    assert warnings_of_run({"restarts": 0, "dead_networks": 0}) == []
    assert "took their places" in warnings_of_run({"restarts": 2, "dead_networks": 0})[0]
