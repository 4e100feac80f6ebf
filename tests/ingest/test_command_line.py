"""The tasks through the command line, with the user's own reader too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from photoz_lit.__main__ import main
from photoz_lit.data.store import open_store
from tests.conftest import make_store
from tests.ingest.archives import write_lam, write_sdss

REPOSITORY = Path(__file__).parents[2]
OWN_READER = '''
"""Images of a simulation in a plain array."""
import numpy as np
import pandas as pd
from photoz_lit.ingest.source import Layout, Source, archive_files, blanked


class Plain(Source):
    def __init__(self, settings, field):
        self.path = archive_files(settings.path, ["*.npy"])[0]
        self.images = np.load(self.path, mmap_mode="r")
        n, bands, height, width = self.images.shape
        scale, unit, points = field.pixel_scale, settings.flux_unit, settings.zero_points
        self.layout = Layout(tuple(settings.bands), height, width, scale, unit, points, (self.path,))

    def column_names(self):
        return ["number"]

    def table(self, names):
        return pd.DataFrame({"number": np.arange(len(self.images))})[list(names)]

    def read(self, rows, catalogue):
        return blanked(self.images[rows])
'''
OWN_CONFIG = """
defaults: [base, _self_]
name: plain
_target_: own_reader.Plain
bands: [g, r]
zero_points: {g: 27.0, r: 27.0}
columns: {object_id: number}
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY}:{folder}", "OMP_NUM_THREADS": "1", "COLUMNS": "140"}
    command = [sys.executable, "-m", "photoz_lit", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_ingest_then_inspect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sdss(tmp_path / "sdss.npz", 30)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["photoz_lit"])
    monkeypatch.setenv("COLUMNS", "140")
    main(["task=ingest", "ingest=sdss_mgs", "ingest.path=sdss.npz", "store=mgs"])
    assert "galaxies/s" in capsys.readouterr().out
    assert open_store(tmp_path / "mgs").header.field == "sdss"
    main(["task=inspect", "store=mgs"])
    assert "zero point" in capsys.readouterr().out
    assert (tmp_path / "runs" / "inspect" / "mgs" / "inspection.html").is_file()


def test_own_reader_needs_no_change_in_the_package(tmp_path: Path) -> None:
    (tmp_path / "own_reader.py").write_text(OWN_READER)
    (tmp_path / "own" / "ingest").mkdir(parents=True)
    (tmp_path / "own" / "ingest" / "plain.yaml").write_text(OWN_CONFIG)
    images = np.random.default_rng(0).normal(size=(20, 2, 32, 32)).astype("f4")
    np.save(tmp_path / "images.npy", images)
    done = run(
        tmp_path,
        "--config-dir",
        "own",
        "task=ingest",
        "trust=own_reader",
        "ingest=plain",
        "ingest.path=images.npy",
        "ingest.dtype=float32",
        "store=store",
        "field=hsc6b",
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(open_store(tmp_path / "store").images, images)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["task=ingest", "ingest=sdss_npz", "store=s"], "ingest.path is missing; give the archive"),
        (["task=ingest", "ingest=sdss_npz", "ingest.path=a.npz"], "needs store=<folder of the store that is written>."),
        (["task=ingest", "ingest=sdss_np", "ingest.path=a.npz", "store=s"], "unknown ingest 'sdss_np'; did you mean"),
        (["task=ingest", "ingest=lam_npz", "ingest.pat=cubes", "store=s"], "unknown key 'ingest.pat'; did you mean"),
        (["task=ingest", "ingest=lam_npz", "ingest.path=cubes", "store=s", "ingest.dtype=f8"], "'ingest.dtype=f8'"),
        (["task=inspect"], "task=inspect needs store=<store>, the one to look at."),
        (["task=inspect", "store=cubes"], "cubes is no store: it has no store.json"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_code_2(
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_lam(tmp_path / "cubes")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["photoz_lit"])
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    text = capsys.readouterr().err
    assert text.startswith("photoz_lit: ")
    assert sentence in text
    assert len(text.strip().splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["cubes"]


def test_inspecting_a_simulated_store_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_store(tmp_path / "store", 20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["photoz_lit"])
    main(["task=inspect", "store=store"])
    assert "(simulated)" in capsys.readouterr().out
    assert "Data: simulated." in (tmp_path / "runs" / "inspect" / "store" / "inspection.html").read_text()
