import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from photoz_lit.__main__ import main
from photoz_lit.command_line.overrides import with_default_scale
from photoz_lit.errors import InputError
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "photoz_lit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["+experiment=hsc9b_erly_fusion"],
            "unknown experiment 'hsc9b_erly_fusion'; did you mean 'hsc9b_early",
        ),
        (["trainer.max_epoch=3"], "unknown key 'trainer.max_epoch'; did you mean 'trainer.max_epochs'?"),
        (["max_epochs=3"], "unknown key 'max_epochs'; did you mean 'scale.max_epochs' or 'trainer.max_epochs'?"),
        (["netwrk.width=3"], "unknown key 'netwrk.width'; did you mean 'network'?"),
        (["task=study", "study=width", "study.sed=3"], "unknown key 'study.sed'; did you mean 'study.seeds'?"),
        (["data.store=/nowhere/store"], "/nowhere/store is no store: it has no store.json"),
        (["+experiment=zcosmos_baseline"], "give simulation.catalogue=<file> of zcosmos"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: list[str], sentence: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"photoz_lit: {sentence}")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["modality.size=4", "modality.order=3"], "modality.size 4 with modality.order 3 spans 10 bands"),
        (["modality.stem_filters=0"], "'modality.stem_filters=0' is wrong: Input should be greater than 0"),
        (["modality.sets=[[u,q]]"], "modality.sets: no band 'q' in u g r i z"),
        (["data.bands=[]"], "'data.bands=[]' is wrong: Value should have at least 1 item"),
        (["data.bands=[u,q]"], "data.bands: field 'sdss' has no band 'q'"),
        (["module=baseline", "modality.size=2"], "module=baseline has one modality, not 4"),
    ],
)
def test_a_network_that_does_not_fit_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], overrides: list[str], sentence: str
) -> None:
    places = [f"paths.runs={tmp_path / 'runs'}", f"data.cache={tmp_path / 'cache'}"]
    with pytest.raises(SystemExit, match="2"):
        main(["+experiment=sdss_multimodal", *overrides, *places])
    assert capsys.readouterr().err.startswith(f"photoz_lit: {sentence}")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_does_not_fit_a_store_leaves_no_run_folder(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=60).path  # six bands
    with pytest.raises(InputError, match="spans 7 bands, but there are 6"):
        train(
            composed("+experiment=hsc9b_multimodal", "modality.size=7", f"data.store={store}", f"paths.runs={tmp_path}")
        )
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_training_that_is_terminated_is_no_success(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=100).path
    overrides = ["field=hsc6b", "network=plain", f"data.store={store}", "trainer=cpu", "trainer.max_epochs=100000"]
    command = [sys.executable, "-m", "photoz_lit", *overrides, f"paths.runs={tmp_path / 'runs'}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: any(tmp_path.glob("runs/*/*/checkpoints/*/last.ckpt")), process)
            process.terminate()
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 143
    assert said.splitlines()[-1].startswith("photoz_lit: interrupted; what was finished is kept")
    assert not list(tmp_path.glob("runs/*/*/metrics.json"))


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str], patience: float = 100) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_key_far_from_all_is_answered_with_those_of_its_group() -> None:
    done = run("task=study", "study=width", "study.dry_run=true")
    assert done.returncode == 2
    assert "known are study.common, study.description" in done.stderr
    assert "adapt." not in done.stderr


def test_of_many_keys_far_from_all_five_near_ones_are_named() -> None:
    said = run("data.stars=3").stderr
    assert re.search(
        r"unknown key 'data.stars'; (did you mean|the nearest of \d+ are (data\.\w+, ){4}data\.\w+\.$)", said
    )
    said = run("qqq=3").stderr
    assert re.search(r"unknown key 'qqq'; the nearest of \d+ are (\w+, ){4}\w+\.$", said)


def test_help_of_a_task_by_its_name() -> None:
    assert run("--help", "nz").stdout == run("task=nz", "--help").stdout
    assert "task.bootstraps" in run("nz", "--help").stdout


def test_the_shell_completes_a_key_and_a_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    for line, found in (("photoz-lit trainer.max_ep", "trainer.max_epochs="), ("photoz-lit field=cfh", "field=cfhtls")):
        monkeypatch.setenv("COMP_LINE", line)
        monkeypatch.setenv("COMP_POINT", str(len(line)))
        assert run("--shell-completion", "query=bash").stdout.split() == [found]


def test_help_lists_every_choice() -> None:
    text = run("--help").stdout
    for word in ("train", "predict", "simulate", "hsc9b_early_fusion", "zcosmos_baseline", "gain_by_survey", "cfhtls"):
        assert word in text


def test_paper_scale_is_the_default_on_real_data(tmp_path: Path) -> None:
    make_store(tmp_path / "real", n=5, data="real")
    make_store(tmp_path / "drawn", n=5)
    assert with_default_scale([f"data.store={tmp_path / 'real'}"])[-1] == "scale=paper"
    assert with_default_scale([f"data.store={tmp_path / 'drawn'}"]) == [f"data.store={tmp_path / 'drawn'}"]
    given = ["scale=demo", f"data.store={tmp_path / 'real'}"]
    assert with_default_scale(given) == given
    assert with_default_scale(["+experiment=sdss_baseline"]) == ["+experiment=sdss_baseline"]


def test_a_sweep_may_be_asked_for_anywhere_and_takes_jobs_from_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("photoz_lit.sweep.run_jobs", lambda jobs, at_once: asked.append((len(jobs), at_once)))
    monkeypatch.setattr("sys.argv", ["photoz_lit"])
    main(["seed=0,1", "-m", "jobs=3"])
    main(["-m", "seed=0,1,2"])
    assert asked == [(2, 3), (3, "auto")]


def test_jobs_of_a_sweep_keep_the_spelling_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr("photoz_lit.sweep.run_jobs", lambda jobs, _: given.extend(" ".join(j.overrides) for j in jobs))
    monkeypatch.setattr("sys.argv", ["photoz_lit"])
    main(["-m", "task=export", "run=a,b"])
    main(["-m", "task=nz", "task.run=a,b", "store=c"])
    assert given == [
        "task=export run=a", "task=export run=b", "task=nz task.run=a store=c", "task=nz task.run=b store=c"
    ]  # fmt: skip


@pytest.mark.parametrize("jobs", ["0", "few"])
def test_jobs_at_once_are_a_number_or_auto(
    jobs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["photoz_lit"])
    for arguments in (["-m", "seed=0,1"], ["task=study", "study=width"]):
        with pytest.raises(SystemExit, match="2"):
            main([*arguments, f"jobs={jobs}"])
        assert capsys.readouterr().err.startswith(f"photoz_lit: 'jobs={jobs}' is wrong: ")
