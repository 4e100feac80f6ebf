"""How often a training builds a network."""

from pathlib import Path

import pytest

from photoz_lit.data.sample import load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.networks.multimodal import build_network
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store
from tests.two_fields import source_and_target


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry per network that is built."""
    found: list[int] = []

    def counted(*arguments: object) -> object:
        found.append(1)
        return build_network(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("photoz_lit.modules.cnn.build_network", counted)
    return found


def config_of(tmp_path: Path, *overrides: str) -> RunFolder:
    shared = ("field=hsc6b", "network=plain", "scale.max_epochs=1", f"paths.runs={tmp_path / 'runs'}")
    return train(composed(*shared, *overrides))


def test_once_per_member(tmp_path: Path, builds: list[int]) -> None:
    store = f"data.store={make_store(tmp_path / 'store', n=90).path}"
    folder = config_of(tmp_path, store)
    assert len(builds) == 1
    assert folder.read_json("metrics.json")["parameters"] > 0
    builds.clear()
    config_of(tmp_path, store, "seed=1", "ensemble.members=2")
    assert len(builds) == 2


def test_an_adaptation_builds_its_start_and_the_network_that_it_adapts(tmp_path: Path, builds: list[int]) -> None:
    source, target = source_and_target(tmp_path)
    config_of(tmp_path, f"data.source={source.path}", f"data.target={target.path}", "adapt.epochs=1")
    assert len(builds) == 2


def test_the_network_that_was_looked_at_is_the_one_that_would_have_been_built(tmp_path: Path) -> None:
    """A check and a description before the fit change neither weights nor training."""
    store = make_store(tmp_path / "store", n=90)
    config = composed("field=hsc6b", "network=plain", "scale.max_epochs=1", f"data.store={store.path}", "seed=5")
    sample = load_sample([store], config.field, 32)
    split = split_sample(sample)
    pdfs = []
    for looked_at in (False, True):
        estimator = estimator_of(config)
        if looked_at:
            estimator.check(sample.bands, sample.stamp_size, sample.field)
            estimator.describe(sample, split, 1)
        estimator.fit(sample, split, config.seed, tmp_path / str(looked_at))
        pdfs.append(estimator.predict(sample, split.test))
    assert (pdfs[0] == pdfs[1]).all()
