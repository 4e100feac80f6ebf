import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from pytorch_lightning.plugins.environments import SLURMEnvironment

from hydra_plugins.photoz_lit_launcher.submitit_launcher import SubmititLauncher
from photoz_lit.errors import InputError
from photoz_lit.sweep import Job, JobResult, places_of, run_alone, run_jobs, visible_gpus
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
    again = sweep(tmp_path / "runs", f"data.store={store}", "seed=0,1", "jobs=2")
    assert again.returncode == 0, again.stderr
    assert len(list((tmp_path / "runs" / "hsc6b").glob("*/metrics.json"))) == 2
    assert metrics.stat().st_mtime_ns == written


@pytest.mark.long
def test_the_same_sweep_through_submitit(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=100).path
    missing = tmp_path / "missing"
    launcher = ["hydra/launcher=submitit_local", f"hydra.sweep.dir={tmp_path / 'sweep'}"]
    done = sweep(tmp_path / "runs", *launcher, f"data.store={missing},{store}")
    assert done.returncode == 2
    assert "1 of 2 jobs failed, the others are done" in done.stderr
    assert f"data.store={missing} (photoz_lit: {missing} is no store" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list((tmp_path / "runs" / "hsc6b").glob("*/metrics.json"))) == 1
    again = sweep(tmp_path / "runs", *launcher, f"data.store={store}", "seed=0,1")
    assert again.returncode == 0, again.stderr
    assert len(list((tmp_path / "runs" / "hsc6b").glob("*/metrics.json"))) == 2


def test_a_job_that_the_cluster_stops_is_named_and_the_others_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Submitted:
        def __init__(self, job: Job) -> None:
            self.job, self.job_id = job, "77_0"

        def result(self) -> JobResult:
            if "bad" in self.job.overrides:
                raise RuntimeError("Job 77_0 failed\n state OUT_OF_MEMORY")
            asked.append(self.job.name)
            return JobResult(self.job, 0, "")

    class Executor:
        def __init__(self, folder: Path, cluster: str) -> None:
            assert (folder.parent.parent, cluster) == (tmp_path, "slurm")

        def update_parameters(self, **given: object) -> None:
            parameters.update(given)

        def map_array(self, _function: object, jobs: list[Job]) -> list[Submitted]:
            return [Submitted(job) for job in jobs]

    asked: list[str] = []
    parameters: dict[str, object] = {}
    monkeypatch.setattr("submitit.AutoExecutor", Executor)
    launcher = SubmititLauncher(cluster="slurm", timeout_min=9, partition="gpu", qos=None)
    launcher.log_folder = tmp_path
    with pytest.raises(InputError, match=r"1 of 3 jobs.*: bad \(job 77_0 ended without a result: Job 77_0 failed\)"):
        launcher.launch([["a"], ["bad"], ["c"]], 0)
    assert asked == ["a", "c"]
    assert parameters == {"timeout_min": 9, "slurm_partition": "gpu"}


def test_gpus_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert visible_gpus() == ["2", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of Python: it notes when, where and with which overrides it ran; ``fail`` fails."""
    notes, program = tmp_path / "notes", tmp_path / "stand_in"
    notes.mkdir()
    code = f"""#!{sys.executable}
import json, os, pathlib, sys, time
start = time.time()
time.sleep(0.3)
note = {{"start": start, "end": time.time(), "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"), "said": sys.argv[3:]}}
pathlib.Path("{notes}", "_".join(sys.argv[3:])).write_text(json.dumps(note))
print("it is", sys.argv[3])
sys.exit(2 if "fail" in sys.argv else 0)
"""
    program.write_text(code)
    program.chmod(0o755)
    monkeypatch.setattr("photoz_lit.sweep.sys.executable", str(program))
    return notes


def test_jobs_run_at_once_each_with_its_gpu_and_what_follows_it(
    stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    jobs = [Job(f"name {n}", (f"job{n}",), tmp_path / f"{n}.log", lambda n=n: [f"then{n}"]) for n in range(4)]  # type: ignore[misc]
    ended: list[JobResult] = []
    results = run_jobs(jobs, "auto", ended.append)
    assert [r.job.name for r in results] == ["name 0", "name 1", "name 2", "name 3"]
    assert {r.job.name for r in ended} == {r.job.name for r in results}
    notes = {path.name: json.loads(path.read_text()) for path in stand_in.iterdir()}
    assert {note["gpu"] for note in notes.values()} == {"3", "5"}
    for n in range(4):
        assert notes[f"then{n}"]["gpu"] == notes[f"job{n}"]["gpu"]
        assert notes[f"then{n}"]["start"] >= notes[f"job{n}"]["end"]
    assert (tmp_path / "0.log").read_text() == "it is job0\nit is then0\n"
    for gpu in ("3", "5"):  # one at a time on each
        here = sorted((note["start"], note["end"]) for note in notes.values() if note["gpu"] == gpu)
        assert all(later[0] >= earlier[1] for earlier, later in pairwise(here))
    busy = [(note["start"], note["end"]) for note in notes.values()]
    assert any(a is not b and a[0] < b[1] and b[0] < a[1] for a in busy for b in busy)


def test_a_job_of_a_cluster_is_no_task_of_slurm_to_lightning(
    stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "1")
    monkeypatch.setenv("SLURM_JOB_NAME", "photoz_lit")
    assert SLURMEnvironment.detect()
    assert run_alone(Job("x", ("job",), tmp_path / "x.log")).exit_code == 0
    assert [path.name for path in stand_in.iterdir()] == ["job"]
    assert not SLURMEnvironment.detect()


def test_names_with_lists_are_printed_whole(stand_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_jobs([Job("modality.sets=[[u,g]]", ("job",), tmp_path / "0.log")])
    assert list(stand_in.iterdir())
    assert "done  modality.sets=[[u,g]]" in capsys.readouterr().out


def test_failures_are_named_and_what_follows_them_is_left_out(stand_in: Path, tmp_path: Path) -> None:
    jobs = [
        Job("good", ("job",), tmp_path / "good.log", lambda: ["then"]),
        Job("bad", ("fail",), tmp_path / "bad.log", lambda: ["never"]),
        Job("worse", ("other",), tmp_path / "worse.log", lambda: ["fail", "later"]),
    ]
    start = time.time()
    with pytest.raises(InputError, match=r"2 of 3 jobs failed, .*: bad \(it is fail\); worse \(it is fail\)$"):
        run_jobs(jobs, 3)
    assert time.time() - start < 10
    assert {path.name for path in stand_in.iterdir()} == {"job", "then", "fail", "other", "fail_later"}


def test_places_share_gpus_or_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("photoz_lit.sweep.os.sched_getaffinity", lambda _: set(range(8)))
    one, two = Job("", (), Path()), Job("", ("trainer=ddp", "trainer.devices=2"), Path())
    gpus = ["0", "1", "2", "4", "6"]
    assert places_of([one], "auto", []) == [{}]
    assert places_of([one], 3, []) == [{"OMP_NUM_THREADS": "2"}] * 3
    assert [p["CUDA_VISIBLE_DEVICES"] for p in places_of([one], "auto", gpus)] == gpus
    assert [p["CUDA_VISIBLE_DEVICES"] for p in places_of([one], 2, gpus)] == ["0", "1"]
    assert [p["CUDA_VISIBLE_DEVICES"] for p in places_of([one], 3, gpus[:2])] == ["0", "1", "0"]
    assert [p["CUDA_VISIBLE_DEVICES"] for p in places_of([one, two], "auto", gpus)] == ["0,1", "2,4"]
    assert [p["CUDA_VISIBLE_DEVICES"] for p in places_of([two], "auto", ["0"])] == ["0"]


ENDED = """
import sys
from pathlib import Path
from photoz_lit.sweep import Job, run_jobs

sys.executable = sys.argv[1]
run_jobs([Job(str(n), (f"sleep{n}",), Path(sys.argv[2], f"{n}.log")) for n in range(4)], 2)
"""
SLEEPER = """#!{python}
import os, pathlib, sys, time

pathlib.Path("{notes}", sys.argv[3]).write_text(str(os.getpid()))
time.sleep(60)
"""


def test_jobs_end_with_a_study_that_is_terminated_and_no_further_one_starts(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (tmp_path / "ended.py").write_text(ENDED)
    sleeper = tmp_path / "sleeper"
    sleeper.write_text(SLEEPER.format(python=sys.executable, notes=notes))
    sleeper.chmod(0o755)
    study = subprocess.Popen([sys.executable, str(tmp_path / "ended.py"), str(sleeper), str(tmp_path)])
    deadline = time.time() + 60
    while len([note for note in notes.iterdir() if note.read_text()]) < 2 and time.time() < deadline:
        time.sleep(0.1)
    study.terminate()
    assert study.wait(timeout=20) == 143
    assert sorted(note.name for note in notes.iterdir()) == ["sleep0", "sleep1"]
    for note in notes.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(note.read_text()), 0)
