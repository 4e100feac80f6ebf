"""Recipes of training: what they set, averaged weights, the mean PDF over the symmetries of an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import norm

from photoz_lit.config import validate
from photoz_lit.data.pixels import stretch
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import load_field
from photoz_lit.modules.averaging import RunningMeanOfWeights
from photoz_lit.networks.checkpoint import BEST
from tests.composed import composed
from tests.conftest import make_store


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    store = make_store(tmp_path_factory.mktemp("m") / "store", n=80)
    return load_sample([open_store(store.path)], load_field("hsc6b"), 32)


def fitted(sample: Sample, folder: Path, *overrides: str) -> CNNEstimator:
    estimator = CNNEstimator(composed("field=hsc6b", "trainer.precision=32-true", *overrides))
    estimator.fit(sample, split_sample(sample), 3, folder)
    return estimator


def test_the_scale_chooses_the_recipe_and_every_setting_can_be_given() -> None:
    demo, paper = composed(), composed("scale=paper")
    assert (demo.module.recipe, demo.module.optimiser, demo.images_per_galaxy) == ("fast", "muon", 8)
    assert (paper.module.recipe, paper.module.optimiser, paper.images_per_galaxy) == ("published", "adam", 1)
    mixed = composed("module.recipe=fast", "module.schedule=steps", "tta=1")
    assert (mixed.module.optimiser, mixed.module.schedule, mixed.images_per_galaxy) == ("muon", "steps", 1)


def test_an_unknown_recipe_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"unknown recipe 'fats'.*'fast'"):
        composed("module.recipe=fats")


def test_a_record_made_before_there_were_recipes_reads_as_published() -> None:
    record = composed().model_dump(mode="json", by_alias=True)
    del record["tta"], record["scale"]["recipe"]
    for name in (
        "recipe",
        "optimiser",
        "muon_learning_rate",
        "muon_momentum",
        "schedule",
        "weight_average",
        "tta",
        "label_smoothing",
    ):
        del record["module"][name]
    old = validate(record)
    assert (old.module.optimiser, old.module.schedule, old.module.weight_average) == ("adam", "steps", None)
    assert old.images_per_galaxy == 1


def test_labels_are_smoothed_in_training_and_not_in_validation(sample: Sample) -> None:
    module = CNNEstimator(composed("field=hsc6b", "module.label_smoothing=0.02")).build(sample)
    rows = np.arange(4)
    z = torch.from_numpy(sample.catalogue["z"].to_numpy(np.float32)[rows])
    z_bin = torch.from_numpy(np.digitize(z.numpy(), sample.field.z_edges) - 1)
    output = module(stretch(torch.from_numpy(sample.flux(rows))), torch.zeros(4, 1))
    log_pdf = output.logits.log_softmax(1)
    point = (output.z_point - z).abs()
    batch = {"z": z, "z_bin": z_bin}
    hard = point - log_pdf[torch.arange(4), z_bin]
    share = np.diff(norm.cdf(sample.field.z_edges, z.numpy()[:, None], 0.02 * (1 + z.numpy()[:, None])))
    soft = point - (torch.from_numpy(share / share.sum(1, keepdims=True)).float() * log_pdf).sum(1)
    torch.testing.assert_close(module.train().loss(output, batch), soft, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(module.eval().loss(output, batch), hard)


def test_quiet_heads_give_every_galaxy_a_flat_pdf_and_redshift_zero_at_first(sample: Sample) -> None:
    module = CNNEstimator(composed("field=hsc6b", "module.initialisation=quiet_heads")).build(sample)
    output = module(stretch(torch.from_numpy(sample.flux(np.arange(3)))), torch.zeros(3, 1))
    assert torch.equal(output.logits, torch.zeros(3, sample.field.n_bins))
    assert torch.equal(output.z_point, torch.zeros(3))


def test_the_pdf_is_the_mean_over_the_eight_symmetries(sample: Sample, tmp_path: Path) -> None:
    estimator = fitted(sample, tmp_path, "tta=8")
    rows = np.arange(5)
    pdf = estimator.predict(sample, rows)
    flux = sample.flux(rows)
    ebv = torch.from_numpy(sample.catalogue["ebv"].to_numpy(np.float32)[rows, None])
    assert estimator.module is not None
    expected = np.zeros_like(pdf)
    for quarter in range(4):
        for mirrored in (False, True):
            turned = np.rot90(flux, quarter, axes=(2, 3))
            turned = turned[..., ::-1] if mirrored else turned
            with torch.no_grad():
                output = estimator.module.eval()(stretch(torch.from_numpy(turned.copy())), ebv)
            expected += output.logits.softmax(1).numpy() / 8
    np.testing.assert_allclose(pdf, expected, rtol=1e-4, atol=1e-7)


def test_kept_weights_are_the_running_mean_of_those_of_the_steps(sample: Sample, tmp_path: Path) -> None:
    """The mean is worked out again from the weights after each step."""
    seen: list[torch.Tensor] = []
    before = RunningMeanOfWeights.on_train_batch_end

    def watching(self: RunningMeanOfWeights, trainer: object, module: torch.nn.Module, *rest: object) -> None:
        seen.append(next(module.network.parameters()).detach().clone())  # type: ignore[union-attr]
        before(self, trainer, module, *rest)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunningMeanOfWeights, "on_train_batch_end", watching)
        fitted(sample, tmp_path, "trainer.max_epochs=1", "module.weight_average=0.5")
    mean = seen[0]
    for n, weight in enumerate(seen[1:], start=1):
        share = min(0.5, (1 + n) / (10 + n))
        mean = share * mean + (1 - share) * weight
    kept = torch.load(tmp_path / BEST, weights_only=True)["state_dict"]
    name = next(name for name in kept if name.startswith("network."))
    torch.testing.assert_close(kept[name], mean)
    assert len(seen) == 4


def test_bands_of_the_branches_stay_whole_numbers_under_averaging(sample: Sample, tmp_path: Path) -> None:
    estimator = fitted(sample, tmp_path, "module=multimodal", "modality=neighbours")
    assert estimator.module is not None
    parallel = estimator.module.network.parallel
    assert [parallel.get_buffer(f"bands_{k}").tolist() for k in range(5)] == [[k, k + 1] for k in range(5)]


def test_an_interrupted_training_with_muon_and_averaging_goes_on_to_the_same_weights(
    sample: Sample, tmp_path: Path
) -> None:
    whole = fitted(sample, tmp_path / "whole", "trainer.max_epochs=3", "module.schedule=steps", "module.milestones=[]")
    fitted(sample, tmp_path / "broken", "trainer.max_epochs=2", "module.schedule=steps", "module.milestones=[]")
    broken = fitted(
        sample, tmp_path / "broken", "trainer.max_epochs=3", "module.schedule=steps", "module.milestones=[]"
    )
    last = [torch.load(tmp_path / part / "last.ckpt", weights_only=True) for part in ("whole", "broken")]
    for name, weight in last[0]["state_dict"].items():
        assert torch.equal(weight, last[1]["state_dict"][name]), name
    assert whole.fit_report["epochs"] == broken.fit_report["epochs"] == 3
