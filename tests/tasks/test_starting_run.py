"""A training that begins with another run's weights: by bands, with parts frozen, never tested on what that saw."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from photoz_lit.config import Config
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.networks.checkpoint import read_checkpoint
from photoz_lit.run_folder import RunFolder, run_folder
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store
from tests.two_fields import changed

FIRST = "network.parallel.branches.0"


def config_of(store: CutoutStore, runs: Path, *overrides: str) -> Config:
    place = ("field=hsc6b", f"data.store={store.path}", f"paths.runs={runs}", "network=plain", "scale.max_epochs=1")
    return composed(*place, *overrides)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("stores") / "here", n=200)


@pytest.fixture(scope="module")
def elsewhere(here: CutoutStore, tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    table = here.catalogue.assign(ra=here.catalogue["ra"] + 20)
    return changed(here, tmp_path_factory.mktemp("stores") / "elsewhere", table)


@pytest.fixture(scope="module")
def start(elsewhere: CutoutStore, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return train(config_of(elsewhere, tmp_path_factory.mktemp("start"), "seed=7"))


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = read_checkpoint(run.member(0, 0) / "best.ckpt")["state_dict"]
    return found


def test_frozen_parts_are_those_of_the_start_and_the_rest_is_trained(
    here: CutoutStore, start: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(config_of(here, tmp_path, f"module.init={start.path}", "module.frozen=[parallel]"))
    before, after = weights(start), weights(run)
    names = [name for name in before if name.startswith("network.")]
    assert any(name.startswith(FIRST) for name in names)
    for name in names:
        assert torch.equal(before[name], after[name]) == name.startswith("network.parallel."), name
    number = len(names)
    assert f"{number} of {number} weights of" in " ".join(capsys.readouterr().out.split())
    fit = json.loads((run.member(0, 0) / "fit.json").read_text())
    assert fit["weights_taken"] == number


def test_another_start_is_another_run(here: CutoutStore, start: RunFolder, tmp_path: Path) -> None:
    def place(*overrides: str) -> Path:
        return run_folder(config_of(here, tmp_path, *overrides), "hash").path

    assert place(f"module.init={start.path}") != place()
    assert place("module.init=null") == place()


def test_a_start_that_saw_the_test_galaxies_is_refused(
    here: CutoutStore, elsewhere: CutoutStore, start: RunFolder, tmp_path: Path
) -> None:
    same = config_of(elsewhere, tmp_path, f"module.init={start.path}", "cv.folds=5")
    with pytest.raises(InputError, match=r"was trained on \d+ of the \d+ galaxies that this run is tested on"):
        train(same)
    own_fold = train(config_of(elsewhere, tmp_path, f"module.init={start.path}"))  # fold 0 of both, tested by neither
    assert np.isfinite(json.loads((own_fold.path / "metrics.json").read_text())["sigma_mad"])


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["module.frozen=[comon]"], "module.frozen names no part of this network: 'comon'"),
        (["module.frozen=[parallel,common,heads]"], "module.frozen leaves nothing to train"),
        (
            ["field.z_segments=[[0.0,2.0,100]]", "module.frozen=[heads.pdf]"],
            "would freeze weights that the run of module",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    here: CutoutStore, start: RunFolder, tmp_path: Path, overrides: list[str], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence.replace(".", r"\.")):
        train(config_of(here, tmp_path, f"module.init={start.path}", *overrides))
    assert not list(tmp_path.glob("*/*/metrics.json"))


def test_a_forest_gives_no_weights(here: CutoutStore, tmp_path: Path) -> None:
    forest = train(
        composed(
            *("field=hsc6b", f"data.store={here.path}", f"paths.runs={tmp_path}"),
            *("network=catalogue_forest", "network.trees=10"),
        )
    )
    with pytest.raises(InputError, match="give the run of a network"):
        train(config_of(here, tmp_path, f"module.init={forest.path}"))
