"""Signals to work that has started other processes: all of them end, soon, and nothing of it is left."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from photoz_lit import processes as module
from photoz_lit.processes import Processes
from tests.conftest import make_store

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")


def descendants(pid: int) -> set[int]:
    """Processes that a process started, and those that they started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, new = set[int](), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that still run; the dead that nobody waited for do not."""
    running = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        running |= {pid} if state != "Z" else set()
    return running


def gone(pids: set[int], patience: float) -> bool:
    end = time.monotonic() + patience
    while alive(pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pids)


def test_ctrl_c_ends_what_runs_even_if_it_does_not_listen() -> None:
    processes = Processes()
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"

    def interrupt() -> None:
        time.sleep(1.5)
        os.kill(os.getpid(), signal.SIGINT)

    start = time.monotonic()
    with pytest.MonkeyPatch.context() as patch, Path(os.devnull).open("w") as sink:
        patch.setattr(module, "GRACE", 0.5)
        calls = [
            threading.Thread(target=processes.call, args=([sys.executable, "-c", code], sink, dict(os.environ)))
            for code in (deaf, "import time; time.sleep(60)")
        ]
        threading.Thread(target=interrupt).start()
        for call in calls:
            call.start()
        with pytest.raises(KeyboardInterrupt), processes.ending_with_this_one():
            time.sleep(30)
        for call in calls:
            call.join(20)
    assert not any(call.is_alive() for call in calls)
    assert time.monotonic() - start < 25


def sweep(tmp_path: Path) -> subprocess.Popen[bytes]:
    store = make_store(tmp_path / "store", n=80)
    words = ["field=hsc6b", "scale=demo", "network=plain", "trainer.max_epochs=500", f"data.store={store.path}"]
    places = [f"paths.runs={tmp_path / 'runs'}", f"hydra.sweep.dir={tmp_path / 'sweep'}", "trainer.accelerator=cpu"]
    command = [sys.executable, "-m", "photoz_lit", "-m", *words, *places, "seed=0,1", "jobs=2"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_a_sweep_ends_its_jobs(number: int, tmp_path: Path) -> None:
    with sweep(tmp_path) as process:
        end = time.monotonic() + 180
        while len(list(tmp_path.rglob("last.ckpt"))) < 2 and time.monotonic() < end:
            time.sleep(0.2)
        started = descendants(process.pid)
        assert len(started) >= 2
        process.send_signal(number)
        code = process.wait(30)
        said = process.stderr.read().decode() if process.stderr is not None else ""
    assert code == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[signal.Signals(number)], said
    assert "Traceback" not in said
    assert gone(started, 15)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_a_rank_ends_all_ranks_with_a_sentence(number: int, rank: int, tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=80)
    words = [
        "field=hsc6b",
        "scale=demo",
        "network=plain",
        "trainer=ddp",
        "trainer.devices=2",
        "trainer.accelerator=cpu",
    ]
    words += ["trainer.max_epochs=2000", f"data.store={store.path}", f"paths.runs={tmp_path / 'runs'}"]
    command = [sys.executable, "-m", "photoz_lit", *words]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        end = time.monotonic() + 240
        while not list(tmp_path.rglob("last.ckpt")) and time.monotonic() < end and process.poll() is None:
            time.sleep(0.2)
        started = descendants(process.pid)
        os.kill(process.pid if rank == 0 else min(started), number)
        process.wait(30)
        said = process.stderr.read().decode() if process.stderr is not None else ""
    assert process.returncode != 0
    assert gone(started, 30)
    assert "Traceback" not in said
    assert (number == signal.SIGKILL and rank == 0) or "photoz_lit: " in said
