"""What every way of adapting in ``conf/adapt`` must keep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from photoz_lit.alignment.build import classes_of, labels_of, needs_network
from photoz_lit.alignment.settings import AdaptSettings
from photoz_lit.data.domains import AdaptationSample, AdaptationSplit
from photoz_lit.data.sample import Sample
from photoz_lit.data.store import CutoutStore
from photoz_lit.estimators.adaptation import AdaptationEstimator
from photoz_lit.fields import conf_directory
from photoz_lit.modules.aligned import AlignedModule
from photoz_lit.modules.cnn import BaselineCNN, PhotoZModule
from tests.alignment.builders import TRAINING, adapt_of, config_of, fields_of
from tests.two_fields import changed, joined, source_and_target

# a step is taken without a Trainer
pytestmark = pytest.mark.filterwarnings("ignore:You are trying to `self.log:UserWarning")
METHODS = sorted(path.stem for path in (conf_directory() / "adapt").glob("*.yaml") if path.stem != "base")
ALIGNING = [method for method in METHODS if adapt_of(method).uses_target_images]
SMALL = ("trainer.max_epochs=1", "adapt.epochs=2", "adapt.discriminator_steps=10", "adapt.hidden=8",
         "adapt.least_accuracy=0", "adapt.batch_size=16")  # fmt: skip
Two = tuple[AdaptationSample, AdaptationSplit]
Stores = tuple[CutoutStore, CutoutStore]


@dataclass(frozen=True)
class Fitted:
    """What a fit gave: weights of the last epoch, PDFs of the targets' test galaxies, and rows whose pixels it read."""

    weights: dict[str, Tensor]
    pdf: np.ndarray
    read: frozenset[int]
    split: AdaptationSplit


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return source_and_target(tmp_path_factory.mktemp("two"), n=110)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where starts are kept, for all methods."""
    return tmp_path_factory.mktemp("runs")


def two_of(method: str, *stores: CutoutStore) -> Two:
    return joined(*stores, labels=labels_of(adapt_of(method)))


def fit(method: str, two: Two, runs: Path, folder: Path) -> Fitted:
    config = config_of(f"adapt={method}", *SMALL)
    config = config.model_copy(update={"paths": config.paths.model_copy(update={"runs": runs})})
    estimator = AdaptationEstimator(config)
    rows: set[int] = set()
    flux = Sample.flux

    def recorded(self: Sample, galaxies: Any) -> Any:
        rows.update(np.asarray(galaxies).tolist())
        return flux(self, galaxies)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sample, "flux", recorded)
        estimator.fit(two[0].blind, two[1], 3, folder)
    weights = torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]
    return Fitted(weights, estimator.predict(two[0].blind, two[1].test), frozenset(rows), two[1])


@pytest.fixture(scope="module")
def fits(stores: Stores, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fitted]:
    folder = tmp_path_factory.mktemp("fits")
    return {method: fit(method, two_of(method, *stores), runs, folder / method) for method in METHODS}


def assert_same(mine: Fitted, other: Fitted) -> None:
    assert mine.weights.keys() == other.weights.keys()
    for name, value in other.weights.items():
        assert torch.equal(mine.weights[name], value), name
    np.testing.assert_array_equal(mine.pdf, other.pdf)


@pytest.mark.parametrize("method", METHODS)
def test_labels_of_the_other_field_change_nothing(
    method: str, stores: Stores, fits: dict[str, Fitted], runs: Path, tmp_path: Path
) -> None:
    """Of the target's for all but the oracle, of which it is the source's."""
    other = int(labels_of(adapt_of(method)) == "source")
    table = stores[other].catalogue
    shuffled = np.random.default_rng(0).permutation(table["z"])
    hidden = {"z": np.nan, "z_source": "", "z_true": shuffled} if other else {"z": shuffled}
    disguised = list(stores)
    disguised[other] = changed(stores[other], tmp_path / "disguised", table.assign(**hidden))
    assert_same(fit(method, two_of(method, *disguised), runs, tmp_path / "run"), fits[method])


@pytest.mark.parametrize("method", METHODS)
def test_bands_are_matched_by_name(
    method: str, stores: Stores, fits: dict[str, Fitted], runs: Path, tmp_path: Path
) -> None:
    target = stores[1]
    bands = target.header.bands[::-1]
    images = np.ascontiguousarray(target.images[:, ::-1])
    turned = changed(target, tmp_path / "turned", target.catalogue, images, bands=bands)
    mine = fit(method, two_of(method, stores[0], turned), runs, tmp_path / "run")
    assert_same(mine, fits[method])


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_adaptation_ends_as_an_uninterrupted_one(
    method: str,
    stores: Stores,
    fits: dict[str, Fitted],
    runs: Path,
    tmp_path: Path,
) -> None:
    two = two_of(method, *stores)

    def killed(self: AlignedModule) -> None:
        if self.current_epoch == 1:
            raise ConnectionAbortedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AlignedModule, "on_train_epoch_start", killed)
        with pytest.raises(ConnectionAbortedError):
            fit(method, two, runs, tmp_path / "run")
    assert_same(fit(method, two, runs, tmp_path / "run"), fits[method])


@pytest.mark.parametrize("method", METHODS)
def test_galaxies_of_the_test_fold_are_not_read_before_they_are_predicted(method: str, fits: dict[str, Fitted]) -> None:
    found = fits[method]
    assert not found.read & {*found.split.test.tolist(), *found.split.source_test.tolist()}
    assert {*found.split.train.tolist(), *found.split.validation.tolist()} <= found.read


@pytest.mark.parametrize("method", METHODS)
def test_target_images_are_read_where_the_method_says_so(method: str, fits: dict[str, Fitted]) -> None:
    adapt, found = adapt_of(method), fits[method]
    targets = set(found.split.target_train.tolist()) - set(found.split.train.tolist())
    measured = any("degradation" in vars(kind) for kind in classes_of(adapt).values())
    assert bool(targets & found.read) == (adapt.uses_target_images or measured)


def module_of(method: str, **changes: Any) -> AlignedModule:
    torch.manual_seed(0)
    adapt = adapt_of(method, hidden=8, **changes)
    return AlignedModule(**arguments(), adapt=adapt.model_dump(), fields=fields_of(2))


def arguments() -> dict[str, Any]:
    config = config_of()
    sections = {name: getattr(config, name).model_dump() for name in ("network", "modality", "fusion")}
    return {
        **sections,
        **TRAINING,
        "bands": list("ugrizy"),
        "stamp_size": 16,
        "z_edges": np.linspace(0, 4, 41).tolist(),
    }


def batch_of(n_targets: int, n: int = 6) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    size = n + n_targets
    z = torch.rand(size, generator=generator)
    z[n:] = torch.nan
    return {
        "image": torch.randn(size, 6, 16, 16, generator=generator),
        "ebv": 0.05 * torch.rand(size, 1, generator=generator),
        "z": z,
        "z_bin": torch.where(torch.isfinite(z), (10 * torch.nan_to_num(z)).long(), 39),
        "weight": torch.ones(size),
        "match_mag": 22 + 0.1 * torch.rand(size, 1, generator=generator),
        "domain": (torch.arange(size) >= n).long(),
        "index": torch.arange(size),
    }


def gradients(module: AlignedModule, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    module.training_step(batch, 0).backward()
    return {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in module.network.named_parameters()}


def source_gradients(module: AlignedModule, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Those of any other network on the source's galaxies alone, under the conditions that parts draw for them."""
    plain = BaselineCNN(**arguments())
    plain.load_state_dict({k: v for k, v in module.state_dict().items() if k in plain.state_dict()})
    source, image = batch["domain"] == 0, batch["image"]
    for part in module.alignments():
        image = part.training_images(image, module.seed * 1_000_003 + module.global_step)
    batch = {**batch, "image": image}
    PhotoZModule.training_step(plain, {name: column[source] for name, column in batch.items()}, 0).backward()
    return {name: p.grad for name, p in plain.network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("method", METHODS)
def test_without_strength_the_network_learns_from_the_source_alone(method: str) -> None:
    module, batch = module_of(method, strength=0), batch_of(6 if method in ALIGNING else 0)
    found = gradients(module, batch)
    for name, expected in source_gradients(module, batch).items():
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-7, msg=name)


@pytest.mark.parametrize("method", ALIGNING)
def test_with_strength_it_learns_from_the_targets_too(method: str) -> None:
    batch = batch_of(6)
    without, with_ = (gradients(module_of(method, strength=strength), batch) for strength in (0, 10))
    assert any(not torch.allclose(with_[name], value, rtol=1e-3, atol=1e-7) for name, value in without.items())


@pytest.mark.parametrize("method", METHODS)
def test_a_step_reads_no_label_of_a_target(method: str) -> None:
    module, batch = module_of(method), batch_of(6 if method in ALIGNING else 0)
    found = gradients(module, batch)
    for name in ("z", "z_bin", "weight"):
        batch[name][6:] = 3
    for name, value in gradients(module_of(method), batch).items():
        assert torch.equal(value, found[name]), name


def test_without_adaptation_the_network_is_trained_as_any_other(fits: dict[str, Fitted]) -> None:
    assert not any(name.startswith("parts.") for name in fits["none"].weights)
    assert not needs_network(adapt_of("none"))
    assert not fits["none"].read - {*fits["none"].split.train.tolist(), *fits["none"].split.validation.tolist()}
    module, batch = module_of("none"), batch_of(0)
    expected = source_gradients(module, batch)
    for name, value in gradients(module, batch).items():
        assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize("method", METHODS)
def test_a_record_of_its_settings_is_read_as_they_are(method: str) -> None:
    adapt = adapt_of(method)
    assert adapt.name == method
    for by_alias in (False, True):
        assert AdaptSettings.model_validate(adapt.model_dump(mode="json", by_alias=by_alias)) == adapt
