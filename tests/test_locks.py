import subprocess
import sys
import threading
from pathlib import Path

from photoz_lit.files import locked


def test_the_second_waits_for_the_first(tmp_path: Path) -> None:
    path, events, waiting = tmp_path / "new" / ".lock", list[str](), threading.Event()

    def second() -> None:
        with locked(path, waiting.set):
            events.append("second")

    thread = threading.Thread(target=second)
    with locked(path):
        thread.start()
        assert waiting.wait(10)
        events.append("first")
    thread.join(10)
    assert events == ["first", "second"]


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    hold = f"with locked(pathlib.Path({str(path)!r})): os._exit(9)"
    code = f"from photoz_lit.files import locked; import os, pathlib\n{hold}"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    waited = threading.Event()
    with locked(path, waited.set):
        assert not waited.is_set()
