"""`trainer.compile`: the same training through torch.compile, and what is said where it cannot work."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import open_store
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.fields import load_field
from photoz_lit.modules.compiled import compiled
from tests.composed import composed
from tests.conftest import make_store
from tests.networks.builders import built


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    store = make_store(tmp_path_factory.mktemp("m") / "store", n=40)
    return load_sample([open_store(store.path)], load_field("hsc6b"), 32)


@pytest.mark.long  # torch compiles the network for each shape of batch, in minutes
@pytest.mark.parametrize("way", ["true", "reduce-overhead"])
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")  # of torch's own import
@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
def test_a_compiled_training_is_the_plain_one_but_for_rounding(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The compiled network goes through torch's own compiler, its backward pass too."""
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    losses, names = [], []
    for compile_ in ("false", way):
        options = ("network=plain", f"trainer.compile={compile_}", "trainer.max_epochs=1", "trainer.precision=32-true")
        estimator = CNNEstimator(composed("field=hsc6b", *options))
        estimator.fit(sample, split_sample(sample), 3, tmp_path / compile_)
        assert estimator.trainer is not None
        losses.append(float(estimator.trainer.callback_metrics["train_loss"]))
        names.append(list(torch.load(tmp_path / compile_ / "best.ckpt", weights_only=True)["state_dict"]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("way", "asked"), [(False, []), (True, [{}]), ("reduce-overhead", [{"mode": "reduce-overhead", "dynamic": False}])]
)
def test_what_torch_is_asked_for(monkeypatch: pytest.MonkeyPatch, way: Any, asked: list[dict[str, Any]]) -> None:
    found: list[dict[str, Any]] = []
    network = built("plain", "ugriz", 32, width=0.1)
    monkeypatch.setattr(network, "compile", lambda **options: found.append(options))
    compiled(network, way)
    assert found == asked


def test_a_cpu_without_a_compiler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"trainer\.compile needs a C\+\+ compiler .* trainer\.compile=false"):
        compiled(built("plain", "ugriz", 32, width=0.1), True)
