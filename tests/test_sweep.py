import subprocess
import sys
from pathlib import Path

import pytest

from photoz_lit.sweep import visible_gpus
from tests.conftest import make_store


def sweep(runs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    common = ["network=catalogue_forest", "network.trees=5", "field=hsc6b", f"paths.runs={runs}"]
    command = [sys.executable, "-m", "photoz_lit", "-m", *common, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_a_failing_job_takes_no_other_along_and_done_jobs_are_skipped(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=100).path
    done = sweep(tmp_path / "runs", f"data.store={tmp_path / 'missing'},{store}")
    assert done.returncode == 2
    assert "1 of 2 jobs failed, the others are done" in done.stderr
    assert f"data.store={tmp_path / 'missing'}" in done.stderr
    assert "missing is no store" in done.stderr
    assert "Traceback" not in done.stderr
    (metrics,) = (tmp_path / "runs" / "hsc6b").glob("*/metrics.json")
    written = metrics.stat().st_mtime_ns
    again = sweep(tmp_path / "runs", f"data.store={store}", "seed=0,1")
    assert again.returncode == 0, again.stderr
    assert len(list((tmp_path / "runs" / "hsc6b").glob("*/metrics.json"))) == 2
    assert metrics.stat().st_mtime_ns == written


@pytest.mark.long
def test_the_same_sweep_through_submitit(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=100).path
    launcher = ["hydra/launcher=submitit_local", f"hydra.sweep.dir={tmp_path / 'sweep'}"]
    done = sweep(tmp_path / "runs", *launcher, f"data.store={store}", "seed=0,1")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "runs" / "hsc6b").glob("*/metrics.json"))) == 2


def test_gpus_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert visible_gpus() == ["2", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []
