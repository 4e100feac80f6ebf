"""A store in a folder with brackets and other letters: ingested, and looked at with the command that was printed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from photoz_lit.__main__ import main
from photoz_lit.command_line.quoting import in_quotes
from photoz_lit.data.store import open_store
from tests.ingest.archives import write_sdss


@pytest.mark.parametrize("name", ["[/x]", "my (copy) [x]", "healpix=1,d'or"])
def test_the_printed_command_reads_the_store(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sdss(tmp_path / "sdss=1.npz", 20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["photoz_lit"])
    monkeypatch.setenv("COLUMNS", "300")
    main(["task=ingest", "ingest=sdss_mgs", "ingest.path=sdss=1.npz", f"store={in_quotes(name)}"])
    said = capsys.readouterr().out
    assert len(open_store(tmp_path / name)) > 0
    assert f"{name} (sdss, real)" in said
    command = re.search(r"Look at it with (task=inspect .*)\.\n", said)
    assert command is not None
    words = subprocess.run(["bash", "-c", f"printf '%s\\n' {command[1]}"], capture_output=True, text=True, check=True)
    main(words.stdout.splitlines())
    assert f"runs/inspect/{Path(name).name}" in capsys.readouterr().out
    assert (tmp_path / "runs" / "inspect" / Path(name).name / "inspection.html").is_file()
