"""A run folder, a results file or a checkpoint from elsewhere is input: it runs no code and touches nothing outside."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from photoz_lit.data.sample import load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.evaluation.predictions.qp_file import pdf_count, read_pdfs_hdf5
from photoz_lit.evaluation.report.html import write_report
from photoz_lit.fields import load_field
from photoz_lit.run_folder import RunFolder
from photoz_lit.studies.definition import Study
from photoz_lit.studies.results import read_results
from photoz_lit.tasks import emitters, modalities, study
from photoz_lit.tasks.task import perform
from photoz_lit.tasks.train import train
from tests.composed import composed, composed_study
from tests.spoilt_runs import SMALL, asked, best, changeable_run, hostile_store, trained_run

PACKAGE = Path(__file__).parents[1] / "photoz_lit"


class Attack:
    """Unpickled, it makes a file."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> object:
        return Path.touch, (self.victim,)


store, trained, run = hostile_store, trained_run, changeable_run


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    return tmp_path / "victim"


READERS = ("predict", "nz", "modalities", "mismatch")


@pytest.mark.parametrize("task", READERS)
def test_a_checkpoint_runs_no_code(task: str, run: Path, store: CutoutStore, tmp_path: Path, victim: Path) -> None:
    content = torch.load(best(run), weights_only=True)
    torch.save({**content, "more": Attack(victim)}, best(run))
    config = composed("field=hsc6b", *asked(task, run, store, tmp_path))
    with pytest.raises(InputError, match=r"best\.ckpt holds more than tensors and plain data"):
        perform(config)
    assert not victim.exists()


def test_the_checkpoint_of_emitters_runs_no_code(
    run: Path, store: CutoutStore, tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"state_dict": Attack(victim)}, best(run))
    monkeypatch.setattr(emitters, "emitter_store", lambda *_: store)
    with pytest.raises(InputError, match=r"best\.ckpt holds more"):
        perform(composed("task=emitters", f"run={run}", f"paths.runs={tmp_path / 'runs'}"))
    assert not victim.exists()


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_a_training_that_goes_on_runs_no_code(store: CutoutStore, tmp_path: Path, victim: Path, name: str) -> None:
    sample = load_sample([store], load_field("hsc6b"), 32)
    config = composed(*SMALL)
    CNNEstimator(config).fit(sample, split_sample(sample), 0, tmp_path / "member")
    content = torch.load(tmp_path / "member" / name, weights_only=True)
    torch.save({**content, "more": Attack(victim)}, tmp_path / "member" / name)
    with pytest.raises(InputError, match="holds more than tensors and plain data"):
        CNNEstimator(config).fit(sample, split_sample(sample), 0, tmp_path / "member")
    assert not victim.exists()


def test_paths_in_the_last_checkpoint_remove_nothing(store: CutoutStore, tmp_path: Path, victim: Path) -> None:
    victim.write_text("mine")
    sample = load_sample([store], load_field("hsc6b"), 32)
    folder = tmp_path / "member"
    CNNEstimator(composed(*SMALL)).fit(sample, split_sample(sample), 0, folder)
    content = torch.load(folder / "last.ckpt", weights_only=True)
    outside = str(folder / ".." / "victim")
    for state in content["callbacks"].values():  # as Lightning's own keeper of checkpoints writes and believes them
        state |= {
            "best_model_path": outside, "last_model_path": outside, "kth_best_model_path": outside,
            "best_k_models": {outside: torch.tensor(1e9)}, "dirpath": str(folder),
        }  # fmt: skip
    torch.save(content, folder / "last.ckpt")
    CNNEstimator(composed(*SMALL, "scale.max_epochs=2")).fit(sample, split_sample(sample), 0, folder)
    assert victim.read_text() == "mine"


def change_target(section: str, target: str) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        record = json.loads((run / "provenance.json").read_text())
        record["config"][section]["_target_"] = target
        (run / "provenance.json").write_text(json.dumps(record))

    return change


def change_hyper_parameters(target: str) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        content = torch.load(best(run), weights_only=True)
        content["hyper_parameters"]["network"]["target"] = target
        torch.save(content, best(run))

    return change


@pytest.mark.parametrize(
    "change",
    [
        change_target("module", "os.system"),
        change_target("module", "hostile_module.attack"),
        change_target("module", "hostile_module.Attack"),
        change_hyper_parameters("hostile_module.Attack"),
        change_hyper_parameters("os.system"),
    ],
)
def test_a_run_chooses_no_code(
    change: Callable[[Path], None], run: Path, store: CutoutStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "hostile_module.py").write_text(f"from pathlib import Path\nPath({str(ran)!r}).touch()\n")
    monkeypatch.syspath_prepend(tmp_path)
    change(run)
    record = json.loads((run / "provenance.json").read_text())
    record["config"]["trust"] = ["hostile_module"]  # a file trusts nobody
    (run / "provenance.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"cannot be imported|is no module|is no family"):
        perform(composed("field=hsc6b", *asked("predict", run, store, tmp_path)))
    assert not ran.exists()


@pytest.mark.parametrize("absolute", [False, True])
def test_results_that_name_a_file_elsewhere_remove_nothing(
    absolute: bool, tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim.write_text("mine")
    results = tmp_path / "experiments" / "s" / "results.json"
    made, pointer = tmp_path / "made", tmp_path / "runs" / "studies" / "s" / "of_5_seed0.txt"
    for folder in (results.parent, made, pointer.parent):
        folder.mkdir(parents=True)
    name = str(victim) if absolute else "../../victim"
    row = {"method": "of_5", "field": "hsc6b", "seed": 0, "data": "simulated"}
    results.write_text(json.dumps({"rows": [{**row, "galaxies": name}]}))
    (made / "metrics.json").write_text(json.dumps(row))  # a run that was made with other settings
    (made / "provenance.json").write_text(json.dumps({"config": {"seed": 99}, "photoz_lit": "", "data_hash": ""}))
    pointer.write_text(f"{made}\n")
    content = {
        "name": "s", "description": "", "question": "?", "seeds": [0],
        "rows": [{"method": "of_5", "overrides": ["network=catalogue_forest"]}],
    }  # fmt: skip
    config = composed_study(f"paths.experiments={tmp_path / 'experiments'}", f"paths.runs={tmp_path / 'runs'}")
    monkeypatch.setattr(study, "run_jobs", lambda *_: [])
    with pytest.raises(InputError, match="leads out of"):
        perform(config.model_copy(update={"study": Study.model_validate(content)}))
    assert victim.read_text() == "mine"


def test_a_study_takes_over_no_file_from_elsewhere(tmp_path: Path, victim: Path) -> None:
    victim.write_text("secret")
    results = tmp_path / "experiments" / "s" / "results.json"
    results.parent.mkdir(parents=True)
    results.write_text(json.dumps({"rows": [{"method": "a", "galaxies": "../../victim"}]}))
    with pytest.raises(InputError, match="leads out of"):
        read_results(results)
    (results.parent / "galaxies").symlink_to(tmp_path)
    results.write_text(json.dumps({"rows": [{"method": "a", "galaxies": "galaxies/victim"}]}))
    with pytest.raises(InputError, match="leads out of"):
        read_results(results)


def test_a_rerun_removes_and_writes_nothing_behind_a_link(
    run: Path, trained: Path, store: CutoutStore, tmp_path: Path, victim: Path
) -> None:
    victim.mkdir()
    (victim / "mine").write_text("mine")
    runs = tmp_path / "runs" / "hsc6b"
    runs.mkdir(parents=True)
    shutil.copytree(trained, runs / trained.name)
    (runs / trained.name / "checkpoints" / "linked").symlink_to(victim)
    config = composed(*SMALL, f"data.store={store.path}", f"paths.runs={tmp_path / 'runs'}")
    with pytest.raises(InputError, match="linked is a link"):
        train(config, rerun=True)
    assert (victim / "mine").read_text() == "mine"
    assert (runs / trained.name / "metrics.json").is_file()


def test_pdfs_of_another_file_are_not_read(run: Path, tmp_path: Path) -> None:
    with h5py.File(run / "pdfs.hdf5", "r+") as file:
        shape = file["data/pdfs"].shape
        np.ones(shape, np.float32).tofile(tmp_path / "secret")
        del file["data/pdfs"]
        file.create_dataset("data/pdfs", shape, "f4", external=str(tmp_path / "secret"))
    with pytest.raises(InputError, match="stored in another file"):
        pdf_count(run / "pdfs.hdf5")
    with pytest.raises(InputError, match="stored in another file"):
        read_pdfs_hdf5(run / "pdfs.hdf5")


def test_a_link_in_the_place_of_a_lock_empties_nothing(tmp_path: Path, victim: Path) -> None:
    victim.write_text("mine")
    (tmp_path / ".lock").symlink_to(victim)
    with pytest.raises(InputError, match="cannot be written"), RunFolder(tmp_path).only_writer():
        pass
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("name", ["report.partial.html", "report.html"])
def test_a_link_in_the_place_of_a_report_is_replaced(run: Path, victim: Path, name: str) -> None:
    victim.write_text("mine")
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(victim)
    write_report(run)
    assert victim.read_text() == "mine"
    assert (run / "report.html").read_text().startswith("<!")


@pytest.mark.parametrize("task", ["nz", "modalities"])
def test_what_is_found_with_a_run_is_not_written_behind_its_links(
    task: str, run: Path, store: CutoutStore, tmp_path: Path, victim: Path
) -> None:
    victim.mkdir()
    shutil.rmtree(run / "plots", ignore_errors=True)
    (run / {"nz": "nz", "modalities": "plots"}[task]).symlink_to(victim)
    config = composed("field=hsc6b", f"task={task}", f"run={run}", f"paths.runs={tmp_path / 'runs'}")
    with pytest.raises(InputError, match="is a link"):
        perform(config)
    assert list(victim.iterdir()) == []


@pytest.mark.parametrize(
    "override", ["experiment.name=../n", "experiment.name=/tmp/n", "experiment.name=..", "field.name=../f"]
)
def test_no_name_leads_out_of_its_folder(override: str) -> None:
    with pytest.raises(InputError, match="plain name without '/'"):
        composed(override)


def test_a_run_says_not_where_others_write(run: Path, tmp_path: Path, victim: Path) -> None:
    record = json.loads((run / "provenance.json").read_text())
    record["config"]["data"] |= {"cache": str(victim), "store": None}
    record["config"]["paths"]["runs"] = str(victim)
    (run / "provenance.json").write_text(json.dumps(record))
    here = composed("task=modalities", f"run={run}", f"data.cache={tmp_path / 'cache'}")
    found = modalities.config_of_run(run, here)
    assert found.data.cache == str(tmp_path / "cache")
    assert found.paths == here.paths


FORBIDDEN = re.compile(
    r"weights_only=(False|None)|allow_pickle=True|\bjoblib\b|pickle\.loads?\b|\bdill\b|read_pickle|eval\(|\bexec\(|yaml\.load\(|get_class|hydra\.utils"
)


def test_nothing_in_the_package_unpickles_or_evaluates() -> None:
    for path in PACKAGE.rglob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            found = FORBIDDEN.search(line.partition("#")[0].replace(".eval()", ""))
            assert not found, f"{path}:{number}: {line}"
