"""A run, a store and predictions of it in shards."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pandas as pd
import pytest

from photoz_lit.evaluation.predictions.manifest import Manifest
from photoz_lit.tasks.options import PredictOptions
from photoz_lit.tasks.prediction_stream import predict_in_shards
from photoz_lit.tasks.task import Task
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store

N = 90
SMALL = ("field=hsc6b", "network=plain", "scale.max_epochs=1", "scale.stamp_size=16", "module.recipe=published")


@pytest.fixture(scope="module", name="made")
def run_and_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run of a tiny network, and the store that it is applied to."""
    folder = tmp_path_factory.mktemp("shards")
    store = make_store(folder / "train", n=60).path
    run = train(composed(*SMALL, f"data.store={store}", f"paths.runs={folder / 'runs'}")).path
    return run, make_store(folder / "store", n=N, seed=4).path


def given(made: tuple[Path, Path], *overrides: str) -> tuple[str, ...]:
    run, store = made
    return ("task=predict", f"run={run}", f"data.store={store}", *overrides)


def in_shards(made: tuple[Path, Path], output: Path, *overrides: str) -> Manifest:
    config = composed(*given(made, f"task.output={output}", *overrides))
    task = Task.of({"name": config.task.name, "takes": config.task.takes})
    return predict_in_shards(config, cast(PredictOptions, task.read_options(config.task.model_extra or {})), output)


def table_of(output: Path) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(path) for path in sorted((output / "shards").iterdir())], ignore_index=True)


def bytes_of(output: Path) -> dict[str, bytes]:
    """Every shard and the manifest, by name."""
    names = [*output.glob("*/shard_*"), output / "manifest.json"]
    return {str(path.relative_to(output)): path.read_bytes() for path in names}
