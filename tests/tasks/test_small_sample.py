"""With few labels in the user's own store the start says what to expect of a network, and what to compare it with."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from photoz_lit.config import Config
from photoz_lit.fields import load_field
from photoz_lit.tasks.start_summary import small_sample
from photoz_lit.tasks.training_data import TrainingData
from tests.composed import composed_as_typed


@pytest.fixture(scope="module")
def config() -> Config:
    return composed_as_typed("data.store=stores/mine", "scale=paper")


def data_of(labelled: int, field: str = "hsc6b") -> TrainingData:
    sample = SimpleNamespace(labelled=np.arange(6000) < labelled, field=load_field(field), bands=("g", "r"))
    found: Any = SimpleNamespace(evaluated=sample, first=SimpleNamespace(test=np.arange(69)))
    return cast(TrainingData, found)


def test_few_labels_are_named_with_what_to_try(config: Config) -> None:
    (sentence,) = small_sample(config, data_of(346))
    assert sentence.startswith("346 labelled galaxies are few for a network")
    assert "69 test galaxies" in sentence
    assert all(word in sentence for word in ("scale=demo", "module.init=<run>", "network=photometry_forest"))
    assert small_sample(config, data_of(4999))
    (sentence,) = small_sample(config, data_of(346, "des"))  # nothing says how its bands were observed
    assert "network=catalogue_forest" in sentence


def test_what_is_done_already_is_not_advised(config: Config) -> None:
    module = config.module.model_copy(update={"init": "runs/one"})
    small = config.scale.model_copy(update={"name": "demo"})
    (sentence,) = small_sample(config.model_copy(update={"module": module, "scale": small}), data_of(346))
    assert "scale=demo" not in sentence
    assert "module.init" not in sentence


def test_enough_labels_a_simulation_and_a_forest_need_no_advice(config: Config) -> None:
    assert small_sample(config, data_of(5000)) == []
    simulated = config.model_copy(update={"data": config.data.model_copy(update={"store": None})})
    assert small_sample(simulated, data_of(346)) == []
    forest = composed_as_typed("data.store=stores/mine", "network=photometry_forest")
    assert small_sample(forest, data_of(346)) == []
