import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from photoz_lit.config import Config
from photoz_lit.data.domains import AdaptationSample, AdaptationSplit, join_fields, split_fields
from photoz_lit.data.sample import Sample
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.estimators import cnn
from photoz_lit.estimators.adaptation import AdaptationEstimator
from photoz_lit.fields import load_field
from photoz_lit.modules.aligned import AlignedModule
from photoz_lit.tasks.run_warnings import warnings_of_run
from tests.composed import composed
from tests.two_fields import changed, joined, source_and_target

SMALL = ("field=hsc6b", "network=plain", "adapt.epochs=3", "adapt.discriminator_steps=40", "adapt.hidden=16",
         "adapt.least_accuracy=0")  # fmt: skip


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[CutoutStore, CutoutStore]:
    return source_and_target(tmp_path_factory.mktemp("two"), n=110)


@pytest.fixture
def two(stores: tuple[CutoutStore, CutoutStore]) -> tuple[AdaptationSample, AdaptationSplit]:
    return joined(*stores)


@functools.cache
def config_of(*overrides: str) -> Config:
    return composed(*SMALL, *overrides)


def fitted(
    two: tuple[AdaptationSample, AdaptationSplit], folder: Path, method: str, *overrides: str
) -> AdaptationEstimator:
    """An estimator fitted in ``folder/method``; its start is below ``folder``."""
    config = config_of(f"adapt={method}", *overrides)
    config = config.model_copy(update={"paths": config.paths.model_copy(update={"runs": folder})})
    estimator = AdaptationEstimator(config)
    estimator.fit(two[0].blind, two[1], 3, folder / method)
    return estimator


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]  # type: ignore[no-any-return]


def test_an_interrupted_adaptation_goes_on_and_ends_as_an_uninterrupted_one(
    two: tuple[AdaptationSample, AdaptationSplit],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = fitted(two, tmp_path / "whole", "guided_paired")
    said = capsys.readouterr().out.splitlines()
    epochs = [line.split(",")[0] for line in said if line.startswith("adaptation")]
    assert epochs == [f"adaptation: epoch {epoch}/3" for epoch in (1, 2, 3)]

    def killed(self: AlignedModule) -> None:
        if self.current_epoch == 2:
            raise ConnectionAbortedError

    with monkeypatch.context() as patch:
        patch.setattr(AlignedModule, "on_train_epoch_start", killed)
        with pytest.raises(ConnectionAbortedError):
            fitted(two, tmp_path / "parts", "guided_paired")
    (start,) = tmp_path.glob("parts/starts/*/best.ckpt")
    made = start.stat().st_mtime_ns
    rest = fitted(two, tmp_path / "parts", "guided_paired")
    assert start.stat().st_mtime_ns == made
    assert rest.fit_report["epochs"] == whole.fit_report["epochs"] == 3
    curves = [(tmp_path / name / "guided_paired" / "metrics.csv").read_bytes() for name in ("parts", "whole")]
    assert curves[0] == curves[1]
    assert pd.read_csv(tmp_path / "parts" / "guided_paired" / "metrics.csv")["epoch"].tolist() == [0, 1, 2]
    mine, other = (weights(tmp_path / name / "guided_paired" / "last.ckpt") for name in ("parts", "whole"))
    assert mine.keys() == other.keys()
    for name, value in other.items():
        torch.testing.assert_close(mine[name], value, msg=name)


def test_a_start_that_took_the_place_of_a_dead_network_is_told_by_every_run_that_shares_it(
    two: tuple[AdaptationSample, AdaptationSplit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = iter([0.0, 100.0])  # the loss of one PDF that no network reaches, and one that every network does
    monkeypatch.setattr(cnn, "loss_of_one_pdf", lambda *_: next(bounds))
    short = ("adapt.epochs=1", "trainer.max_epochs=6")
    first, second = (fitted(two, tmp_path, method, *short) for method in ("none", "coral"))
    (start,) = tmp_path.glob("starts/*/metrics_died_0.csv")
    known = json.loads((start.parent / "fit.json").read_text())
    assert known["restarts"] == 1
    assert first.fit_report == second.fit_report == {**known, "epochs": 1}
    assert "starts/* below" in warnings_of_run({"restarts": 1, "dead_networks": 0, "adaptation": {}})[0]
    (start.parent / "fit.json").unlink()  # a start of earlier versions
    assert fitted(two, tmp_path, "dann", *short).fit_report == {"epochs": 1}


def test_starts_are_shared_by_methods_and_not_by_what_makes_them_differ(
    two: tuple[AdaptationSample, AdaptationSplit], stores: tuple[CutoutStore, CutoutStore], tmp_path: Path
) -> None:
    short = ("adapt.epochs=1", "trainer.max_epochs=1")
    fitted(two, tmp_path, "guided_paired", *short)
    (start,) = (path for path in (tmp_path / "starts").iterdir() if path.is_dir())
    made = (start / "best.ckpt").stat().st_mtime_ns
    fitted(two, tmp_path, "coral", *short)
    assert [path for path in (tmp_path / "starts").iterdir() if path.is_dir()] == [start]
    assert (start / "best.ckpt").stat().st_mtime_ns == made
    assert json.loads((tmp_path / "coral" / "adaptation.json").read_text())["start"] == start.name

    def name(two: tuple[AdaptationSample, AdaptationSplit], *overrides: str, seed: int = 3) -> str:
        estimator = AdaptationEstimator(config_of("trainer.max_epochs=1", *overrides))
        return estimator._start_name(two[0].blind, two[1], seed)

    assert name(two) == start.name
    assert name(two, "module.calibration=none") == start.name  # PDFs are calibrated after a training
    dimmer = changed(stores[1], tmp_path / "other", stores[1].catalogue, 0.5 * stores[1].images)  # type: ignore[operator]
    assert name(joined(stores[0], dimmer)) == start.name
    field = load_field("hsc6b").model_copy(update={"flux_divisor": 2.0})
    scaled = join_fields(stores[0], [stores[1]], field, 32, None, None)
    others = [
        name(two, seed=4),
        name(two, "trainer.max_epochs=7"),
        name(joined(*stores, labels="target"), "adapt=oracle"),
        name((two[0], split_fields(two[0], 1))),
        name((scaled, split_fields(scaled))),
    ]
    assert len({start.name, *others}) == 6


def test_the_start_of_the_degraded_and_of_the_oracle_are_their_own(
    two: tuple[AdaptationSample, AdaptationSplit], stores: tuple[CutoutStore, CutoutStore], tmp_path: Path
) -> None:
    short = ("adapt.epochs=1", "trainer.max_epochs=1")
    fitted(two, tmp_path, "none", *short)
    fitted(two, tmp_path, "degraded", *short)
    fitted(joined(*stores, labels="target"), tmp_path, "oracle", *short)
    starts = [path for path in (tmp_path / "starts").iterdir() if path.is_dir()]
    assert len(starts) == 3
    values = [torch.cat([v.flatten() for v in weights(path / "best.ckpt").values()]) for path in starts]
    assert not torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])
    assert not torch.equal(values[1], values[2])


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Rows whose pixels are read."""
    rows: set[int] = set()
    flux = Sample.flux

    def recorded(self: Sample, galaxies: Any) -> Any:
        rows.update(np.asarray(galaxies).tolist())
        return flux(self, galaxies)

    monkeypatch.setattr(Sample, "flux", recorded)
    return rows


def test_without_adaptation_no_target_image_is_read(
    two: tuple[AdaptationSample, AdaptationSplit], tmp_path: Path, read: set[int]
) -> None:
    fitted(two, tmp_path, "none", "adapt.epochs=1")
    assert read == {*two[1].train.tolist(), *two[1].validation.tolist()}


def test_nothing_is_aligned_where_no_discriminator_wins(
    two: tuple[AdaptationSample, AdaptationSplit], tmp_path: Path
) -> None:
    stuck = "adapt.discriminator_learning_rate=1e-12"  # it stays as it was drawn
    hard = ("adapt.least_accuracy=0.99", "adapt.discriminator_tries=2", stuck)
    with pytest.raises(InputError, match=r"adapt=dann: no discriminator tells hsc6b.* 2 tries of 40 steps.*adapt=none"):
        fitted(two, tmp_path, "dann", *hard)
    report = json.loads((tmp_path / "dann" / "adaptation.json").read_text())
    assert (report["wins"], report["frozen_tries"]) == (False, 2)
    assert not (tmp_path / "dann" / "best.ckpt").exists()
    fitted(two, tmp_path, "dann", *hard, "adapt.without_win=unaligned")
    curve = pd.read_csv(tmp_path / "dann" / "metrics.csv")
    assert (curve["val_strength"].dropna() == 0).all()
    assert "stayed off" in warnings_of_run({"adaptation": report})[0]
    fitted(two, tmp_path, "none")  # trains as long on the same batches
    aligned, alone = (weights(tmp_path / name / "last.ckpt") for name in ("dann", "none"))
    for name, value in alone.items():
        torch.testing.assert_close(aligned[name], value, rtol=1e-4, atol=1e-5)
