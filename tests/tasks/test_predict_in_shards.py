"""``task=predict task.output=…``: shards that are the same however they are made, and resumed after any stop."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import photoz_lit
from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.pdf import quantiles
from photoz_lit.evaluation.predictions import shard_files
from photoz_lit.evaluation.predictions.pdf_columns import LEVELS
from photoz_lit.evaluation.predictions.qp_file import read_pdfs_hdf5
from photoz_lit.fields import load_field
from photoz_lit.files import locked
from photoz_lit.tasks import prediction_shard, prediction_stream
from photoz_lit.tasks.task import Task
from tests.composed import composed, predicted
from tests.tasks.shards import N, bytes_of, given, in_shards, run_and_store, table_of

made = run_and_store


def test_the_same_rows_whatever_the_shards_and_processes(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_shard, "BLOCK", 32)
    whole = table_of(in_shards(made, tmp_path / "whole", "task.shard=1000", "pdf=bins").folder)
    for shard, count in ((70, 2), (32, 3), (13, 7)):
        manifest = in_shards(made, tmp_path / f"shards_{shard}", f"task.shard={shard}", "pdf=bins")
        assert len(manifest.shards) == count
        pd.testing.assert_frame_equal(table_of(manifest.folder), whole, check_exact=True)
    monkeypatch.undo()  # processes begin anew and know no patch
    one, two = (in_shards(made, tmp_path / f"{n}", "task.shard=40", f"engine.workers={n}").folder for n in (1, 2))
    assert bytes_of(one) == bytes_of(two)
    assert not list(two.rglob("*.partial*"))


def test_shards_hold_what_one_file_holds(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder = predicted(composed(*given(made), f"paths.runs={tmp_path / 'runs'}")).path
    pdf, edges, _ = read_pdfs_hdf5(folder / "pdfs.hdf5")
    there = pd.read_parquet(folder / "predictions.parquet")
    bins, twenty = (
        table_of(in_shards(made, tmp_path / kind, "task.shard=40", f"pdf={kind}").folder)
        for kind in ("bins", "quantiles")
    )
    np.testing.assert_allclose(np.stack(bins["bins"].to_list()), pdf, atol=1e-6)
    for table in (bins, twenty):
        pd.testing.assert_frame_equal(table[there.columns], there, check_exact=False, rtol=1e-4, atol=1e-5)
        assert (table["flags"] == 0).all()
    expected = quantiles(np.stack(bins["bins"].to_list()), edges, LEVELS)
    np.testing.assert_allclose(np.stack(twenty["quantiles"].to_list()), expected, atol=1e-5)


def test_the_manifest_counts_every_row_and_says_what_shards_are_made_of(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    output = tmp_path / "shards"
    in_shards(made, output, "task.shard=40", "data.select='z > 0.5'", "task.format=[parquet,qp,fits]")
    manifest, provenance = (json.loads((output / f"{name}.json").read_text()) for name in ("manifest", "provenance"))
    used = int((pd.read_parquet(made[1] / "catalogue.parquet")["z"] > 0.5).sum())
    assert manifest["galaxies"] == used == len(table_of(output))
    assert manifest["rows"] == provenance["rows"] == {"read": N, "used": used, "left_out": {"data.select": N - used}}
    assert sorted(manifest["shards"]["0"]["files"]) == [
        "fits/shard_00000.fits", "qp/shard_00000.hdf5", "shards/shard_00000.parquet"
    ]  # fmt: skip
    assert manifest["made_of"]["photoz_lit"] == photoz_lit.__version__
    assert manifest["levels"] == list(LEVELS)
    assert sorted(path.name for path in output.iterdir()) == [
        ".lock", "config.yaml", "fits", "manifest.json", "provenance.json", "qp", "shards"
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_hats_catalogue_is_made_of_the_shards_and_kept_with_them(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hats")
    output = tmp_path / "shards"
    in_shards(made, output, "task.shard=40", "task.format=hats")
    table = table_of(output)  # in Parquet, though hats alone was asked for
    (file,) = output.glob("hats/dataset/Norder=*/Dir=*/Npix=*.parquet")
    found = pd.read_parquet(file).set_index("object_id").loc[table["object_id"]]
    np.testing.assert_array_equal(found["z_phot"], table["z_phot"])
    locs = [row["locs"] for row in found["photoz_lit_ens_quant"]]
    np.testing.assert_array_equal(np.stack(locs), np.stack(table["quantiles"].to_list()))
    manifest = json.loads((output / "manifest.json").read_text())
    assert manifest["hats"]["rows"] == N
    assert str(file.relative_to(output)) in manifest["hats"]["files"]
    before = file.stat().st_mtime_ns
    in_shards(made, output, "task.shard=40", "task.format=[hats,parquet]")
    assert file.stat().st_mtime_ns == before
    kept, shard = file.read_bytes(), output / "shards" / "shard_00001.parquet"
    file.write_bytes(b"damaged")
    written = shard.stat().st_mtime_ns
    in_shards(made, output, "task.shard=40", "task.format=[parquet,hats]")
    assert file.read_bytes() == kept
    assert shard.stat().st_mtime_ns == written
    assert manifest["hats"]["margin"] == 10
    in_shards(made, output, "task.shard=40", "task.format=[parquet,hats]", "task.margin=0")
    assert json.loads((output / "manifest.json").read_text())["hats"]["margin"] == 0
    assert file.read_bytes() == kept
    assert shard.stat().st_mtime_ns == written
    monkeypatch.setitem(sys.modules, "hats", None)
    with pytest.raises(InputError, match=r"needs the package hats; install it: pip install 'photoz-lit\[hats\]'"):
        in_shards(made, tmp_path / "other", "task.format=[hats]")
    assert not (tmp_path / "other").exists()


KILLED = """
import os, signal, sys
from photoz_lit.tasks import prediction_shard
from photoz_lit.files import whole_file
from tests.tasks.shards import in_shards
from pathlib import Path

plainly = prediction_shard.write_shard

def killed(rows, folder, number, kinds):
    if number == 1:
        with whole_file(folder / "shards" / "shard_00001.parquet") as partial:
            partial.write_bytes(b"half of it")
            os.kill(os.getpid(), signal.SIGKILL)
    return plainly(rows, folder, number, kinds)

prediction_shard.write_shard = killed
in_shards((Path(sys.argv[1]), Path(sys.argv[2])), Path(sys.argv[3]), "task.shard=40")
"""


@pytest.mark.long
def test_a_kill_amid_a_shard_loses_none_that_is_whole(
    made: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "shards"
    command = [sys.executable, "-c", KILLED, *map(str, (*made, output))]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert list(json.loads((output / "manifest.json").read_text())["shards"]) == ["0"]
    assert list(output.rglob("*.partial*"))
    kept = (output / "shards" / "shard_00000.parquet").stat()
    in_shards(made, output, "task.shard=40")
    assert (output / "shards" / "shard_00000.parquet").stat().st_mtime_ns == kept.st_mtime_ns
    undisturbed = in_shards(made, tmp_path / "undisturbed", "task.shard=40").folder
    assert bytes_of(output) == bytes_of(undisturbed)
    assert not list(output.rglob("*.partial*"))
    (output / "shards" / "shard_00002.parquet").write_bytes(b"damaged")
    (output / "shards" / "shard_00001.parquet").unlink()
    capsys.readouterr()
    in_shards(made, output, "task.shard=40")
    assert "Shards 1, 2 differ from the manifest or are gone; they are made anew." in capsys.readouterr().out
    assert bytes_of(output) == bytes_of(undisturbed)


@pytest.mark.long
def test_a_full_disk_keeps_what_is_there(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, plainly, calls = tmp_path / "shards", pq.write_table, []

    def full(*arguments: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        plainly(*arguments, **options)

    monkeypatch.setattr(shard_files.pq, "write_table", full)
    with pytest.raises(InputError, match=r"shard_00001.parquet cannot be written \(.*No space left"):
        in_shards(made, output, "task.shard=40")
    monkeypatch.undo()
    assert list(json.loads((output / "manifest.json").read_text())["shards"]) == ["0"]
    assert not list(output.rglob("*.partial*"))
    little = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(prediction_stream.shutil, "disk_usage", lambda _: little)
    with pytest.raises(InputError, match=r"needs 0\.00 GB more and its disk has 0\.00 GB free; make room"):
        in_shards(made, output, "task.shard=40")
    monkeypatch.undo()
    in_shards(made, output, "task.shard=40")
    assert bytes_of(output) == bytes_of(in_shards(made, tmp_path / "undisturbed", "task.shard=40").folder)


def test_shards_made_of_something_else_are_left_as_they_are(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "shards"
    in_shards(made, output, "task.shard=40")
    before = bytes_of(output)
    with pytest.raises(
        InputError, match="the settings changed: shard 40 in the shards there, shard 50 in this command"
    ):
        in_shards(made, output, "task.shard=50")
    with pytest.raises(InputError, match="the settings changed: pdf quantiles in the shards there"):
        in_shards(made, output, "task.shard=40", "pdf=bins")
    other = tmp_path / "run"
    shutil.copytree(made[0], other)
    checkpoint = next(other.glob("checkpoints/*/*.ckpt"))
    checkpoint.write_bytes(checkpoint.read_bytes() + b" ")
    with pytest.raises(InputError, match="the networks changed: "):
        in_shards((other, made[1]), output, "task.shard=40")
    monkeypatch.setattr(photoz_lit, "__version__", "9.9")
    with pytest.raises(InputError, match=r"the package's version changed: .*9\.9 in this command; give another"):
        in_shards(made, output, "task.shard=40")
    monkeypatch.undo()
    assert bytes_of(output) == before
    (output / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"manifest\.json cannot be read"):
        in_shards(made, output, "task.shard=40")


def test_a_second_master_and_a_foreign_folder_are_refused(made: tuple[Path, Path], tmp_path: Path) -> None:
    with locked(tmp_path / "shards" / ".lock"), pytest.raises(InputError, match="another process writes shards there"):
        in_shards(made, tmp_path / "shards")
    before = sorted(made[1].iterdir())
    with pytest.raises(InputError, match=r"has no manifest\.json and is not empty; give a new folder"):
        in_shards(made, made[1])
    assert sorted(made[1].iterdir()) == before
    with pytest.raises(InputError, match=r"one device per process; give engine\.workers"):
        in_shards(made, tmp_path / "devices", "trainer.devices=2")


def test_the_grid_of_the_bins_stands_in_the_manifest(made: tuple[Path, Path], tmp_path: Path) -> None:
    in_shards(made, tmp_path / "shards", "pdf=bins")
    content = json.loads((tmp_path / "shards" / "manifest.json").read_text())
    np.testing.assert_array_equal(content["z_edges"], load_field("hsc6b").z_edges)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("data.num_workers=2", r"shards are read in blocks, without data\.num_workers=2; leave it out"),
        ("task.processes=2", r"task\.processes=2 is engine\.workers by its former name; give that alone"),
    ],
)
def test_what_is_given_twice_or_reaches_nothing_is_refused(
    made: tuple[Path, Path], tmp_path: Path, override: str, sentence: str
) -> None:
    workers = ("engine.workers=3",) if "processes" in override else ()
    config = composed(*given(made, f"task.output={tmp_path / 'shards'}", override, *workers))
    task = Task.of({"name": config.task.name, "takes": config.task.takes})
    options = task.read_options(config.task.model_extra or {})
    with pytest.raises(InputError, match=sentence):
        options.check(config)
    assert not (tmp_path / "shards").exists()
