"""What is no bug ends with one sentence and an exit code; a bug keeps its traceback."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from photoz_lit.errors import InputError
from photoz_lit.faults import REMEDIES, sentence_of, telling_faults


def caused(outer: Exception, cause: Exception) -> Exception:
    outer.__cause__ = cause
    return outer


GLOO = "[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:4711"
TOLD = {
    "the user's slip": (InputError("x.fits is empty; give another."), "x.fits is empty"),
    "HDF5 on a full disk": (OSError("Can't write data (file write failed: errno = 28, error…)"), "free some"),
    "HDF5 on closing a file": (
        RuntimeError("Can't decrement id ref count (file write failed: time = x\n, filename = 'a.h5', errno = 28, …)"),
        "a.h5 cannot be read or written (No space left on device); free some space",
    ),
    "torch on a full disk": (RuntimeError("PytorchStreamWriter failed writing file data/5: failed"), "free some"),
    "torch on a full disk, by cause": (
        caused(RuntimeError("unexpected pos 704 vs 598"), OSError(errno.ENOSPC, "No space", "last.ckpt")),
        "last.ckpt cannot be read or written (No space left on device); free some space",
    ),
    "no memory": (MemoryError(), "not enough memory"),
    "no memory in torch": (RuntimeError("DefaultCPUAllocator: can't allocate memory: tried 9"), "memory"),
    "a lost rank": (RuntimeError(GLOO), "another process of this training ended"),
    "a lost reader": (RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly"), "data.num_workers"),
    "a lost worker": (BrokenProcessPool("A process in the process pool was terminated abruptly"), "worker process"),
}  # fmt: skip


@pytest.mark.parametrize(("error", "words"), TOLD.values(), ids=TOLD.keys())
def test_a_fault_is_one_sentence(error: Exception, words: str) -> None:
    sentence = sentence_of(error)
    assert sentence is not None
    assert words in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("number", REMEDIES, ids=errno.errorcode.get)
def test_an_error_of_the_system_names_the_file_and_a_remedy(number: int) -> None:
    sentence = sentence_of(OSError(number, os.strerror(number), "runs/a/last.ckpt"))
    assert sentence is not None
    assert sentence.startswith("runs/a/last.ckpt cannot be read or written")
    assert REMEDIES[number] in sentence


BUGS: list[Callable[[], Exception]] = [
    lambda: KeyError("z"), lambda: ValueError("shapes"), lambda: RuntimeError("mat1 and mat2"), lambda: TypeError("x"),
    lambda: OSError("no number"), lambda: ZeroDivisionError(), lambda: IndexError(), lambda: AssertionError(),
]  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_keeps_its_traceback(bug: Callable[[], Exception]) -> None:
    error = bug()
    with pytest.raises(type(error)), telling_faults():
        raise error


def test_ctrl_c_is_one_line_and_exit_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop, telling_faults():
        raise KeyboardInterrupt
    assert stop.value.code == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_ctrl_c_while_the_libraries_are_loaded_is_one_line_too(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from photoz_lit.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # behind nohup it is ignored
class Finder:
    def find_spec(self, name, *_):
        if name == "hydra":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
main(["task=train"])
"""
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert ended.returncode == 130
    assert ended.stderr.startswith("photoz_lit: interrupted")
    assert ended.stderr.count("\n") == 1


def test_a_reader_that_went_away_is_no_error() -> None:
    code = "from photoz_lit.__main__ import main; main(['--version'])"
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys, time\ntime.sleep(0.5)\n{code}\nsys.stdout.flush()"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def ends(pid: int, patience: float = 20.0) -> bool:
    """Whether a process that is no child of this one ends."""
    import time

    end = time.monotonic() + patience
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system's own signal at a parent's end")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_ends_with_the_one_that_started_it(number: int) -> None:
    child = "import os, time; from photoz_lit.processes import end_with_caller; end_with_caller();" \
        "print(os.getpid(), flush=True); time.sleep(60)"  # fmt: skip
    parent = f"import os, subprocess, sys; os.environ['PHOTOZ_LIT_PARENT'] = str(os.getpid())\n" \
        f"subprocess.run([sys.executable, '-c', {child!r}])"  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.send_signal(number)
        assert ends(pid)
