import subprocess
import sys
from pathlib import Path

import pytest

from photoz_lit.__main__ import main
from photoz_lit.command_line import with_default_scale
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


def test_a_key_far_from_all_is_answered_with_those_of_its_group() -> None:
    done = run("task=study", "study=width", "study.dry_run=true")
    assert done.returncode == 2
    assert "known are study.common, study.description" in done.stderr
    assert "adapt." not in done.stderr


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
