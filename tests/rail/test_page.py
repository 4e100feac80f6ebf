"""The page docs/rail.md works as it is written, on fewer galaxies: in Python and in a pipeline of ceci."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import qp

from photoz_lit.api import simulate
from tests.docs.recipe import BLOCK
from tests.rail.conftest import TINY, environment

PAGE = Path(__file__).parents[2] / "docs" / "rail.md"
BLOCKS = list(BLOCK.finditer(PAGE.read_text(encoding="utf-8")))
FILES = {block["path"]: block["text"] for block in BLOCKS if block["path"]}
COMMANDS = [
    line.replace("=1000", "=150").replace("=300", "=60")
    for block in BLOCKS
    if block["kind"] == "sh"
    for line in block["text"].splitlines()
]


def called(line: str, folder: Path) -> str:
    words = shlex.split(line)
    words[0] = {"python": sys.executable}.get(words[0], str(Path(sys.executable).with_name(words[0])))
    words += ["simulation.processes=1"] if "task=simulate" in words else []
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, timeout=500)
    logs = [path.read_text() for path in folder.glob("rail/logs/*")]
    assert done.returncode == 0, "\n".join([line, done.stdout, done.stderr, *logs])
    return done.stdout


def write_files(folder: Path) -> None:
    """Write the files that the page shows, made for a training of seconds."""
    shown = '"field=hsc6b", "network=plain", "trainer.max_epochs=2", "trainer=cpu"'
    assert sum(shown in text for text in FILES.values()) == 2
    for name, text in FILES.items():
        (folder / name).write_text(text.replace(shown, ", ".join(f'"{one}"' for one in TINY)), encoding="utf-8")


@pytest.mark.long  # its parts run in test_stages.py
def test_stages_in_python(tmp_path: Path) -> None:
    write_files(tmp_path)
    assert COMMANDS[2] == "python interactive.py"
    printed = [called(line, tmp_path) for line in COMMANDS[:3]]
    assert "60 ['distribution_type', 'id', 'redshift', 'zmean', 'zmedian', 'zmode']" in printed[2]
    assert (tmp_path / "model_images.zip").is_file()


def test_stages_in_a_pipeline_of_ceci(tmp_path: Path) -> None:
    write_files(tmp_path)
    for name, n in (("train", 150), ("test", 60)):
        settings = {"simulation.processes": 1}
        simulate(tmp_path / "stores" / name, field="hsc6b", n_galaxies=n, seed=n, settings=settings)
    assert COMMANDS[3:] == ["ceci pipeline.yml"]
    assert "Joy is sparked" in called(COMMANDS[3], tmp_path)
    assert (tmp_path / "rail" / "model_inform.zip").is_file()
    ensemble = qp.read(str(tmp_path / "rail" / "output_estimate.hdf5"))
    assert ensemble.npdf == 60
    assert {"id", "redshift", "zmean", "zmedian", "zmode"} <= set(ensemble.ancil)
