from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.runs import find_runs, read_runs, without_applications
from photoz_lit.evaluation.comparison.table import group_runs
from photoz_lit.evaluation.report.record import read_json
from photoz_lit.files import write_json
from tests.evaluation.mixtures import make_run


def test_an_applied_run_is_no_method(folder: Path, tmp_path: Path) -> None:
    own = [folder / name / "seed0" for name in ("hsc6b_baseline", "hsc6b_early_fusion")]
    applied = []
    for run in own:
        copy = shutil.copytree(run, tmp_path / run.parent.name)
        made = json.loads((copy / "provenance.json").read_text()) if (copy / "provenance.json").is_file() else {}
        (copy / "provenance.json").write_text(json.dumps({**made, "run": str(run), "drop": []}))
        metrics = read_json(copy / "metrics.json")
        write_json(copy / "metrics.json", {**metrics, "experiment": f"{run.parent.name} applied"})
        applied.append(copy)
    assert without_applications([own[0], *applied]) == ([own[0], applied[1]], [applied[0]])
    assert without_applications(applied) == (applied, [])  # of two networks on another store
    assert [run.method for run in read_runs(applied)] == ["baseline", "early_fusion"]


def test_settings_that_differ_make_rows_of_their_own(tmp_path: Path) -> None:
    for stage in ("early", "late"):
        for seed in range(2):
            config = {"fusion": {"name": stage}, "trainer": {"devices": seed}, "experiment": {"name": stage}}
            make_run(tmp_path / stage / str(seed), "hsc6b_multimodal", seed, n=100, config=config)
    groups = group_runs(read_runs(find_runs(tmp_path)))
    assert [(g.method, dict(g.settings), len(g.runs)) for g in groups] == [
        ("multimodal", {"fusion": "early"}, 2),
        ("multimodal", {"fusion": "late"}, 2),
    ]
    assert groups[0].label == "multimodal (fusion early)"


def test_length_of_training_simulation_and_data_tell_runs_apart(tmp_path: Path) -> None:
    def settings_of(name: str, *configs: dict[str, object]) -> list[dict[str, object]]:
        folders = [
            make_run(tmp_path / name / str(i), "hsc6b_baseline", 0, n=50, config=c) for i, c in enumerate(configs)
        ]
        if name == "store":
            for i, folder in enumerate(folders):
                made = json.loads((folder / "provenance.json").read_text())
                (folder / "provenance.json").write_text(json.dumps({**made, "data_hash": f"{i}"}))
        return [dict(run.settings) for run in read_runs(folders)]

    epochs = settings_of("epochs", *({"trainer": {"max_epochs": n, "devices": n}} for n in (6, 12)))
    assert epochs == [{"max_epochs": "6"}, {"max_epochs": "12"}]
    again = settings_of("scale", *({"scale": {"max_epochs": n}, "trainer": {"max_epochs": n}} for n in (6, 12)))
    assert again == epochs
    families = [("plain", 64, 1.0), ("pasquet", 96, 1.0), ("pasquet", 96, 0.5)]
    shown = settings_of("family", *({"network": {"name": n, "dense": d, "width": w}} for n, d, w in families))
    assert shown == [
        {"network": "pasquet", "width": "0.5"},
        {"network": "pasquet", "width": "1.0"},
        {"network": "plain", "width": "1.0"},
    ]
    sizes = settings_of("size", *({"simulation": {"n_galaxies": n}} for n in (4000, 20000)))
    assert sizes == [{"n_galaxies": "4000"}, {"n_galaxies": "20000"}]
    batches = settings_of("batch", *({"data": {"batch_size": n}} for n in (32, 64)))
    assert batches == [{"batch_size": "32"}, {"batch_size": "64"}]
    stores = settings_of("store", *({"data": {"store": name}} for name in ("stores/a", "stores/b")))
    assert stores == [{"data": "stores/a"}, {"data": "stores/b"}]
    assert len(settings_of("moved", *({"data": {"store": name}} for name in ("a", "elsewhere/a")))) == 1


def test_the_last_of_equal_runs_counts(tmp_path: Path) -> None:
    first = make_run(tmp_path / "a", "hsc6b_baseline", 0, n=50)
    second = make_run(tmp_path / "b", "hsc6b_baseline", 0, n=60)
    later = (second / "metrics.json").stat().st_mtime + 10
    os.utime(first / "metrics.json", (later, later))
    assert [run.path for run in read_runs([first, second])] == [first]


def test_places_without_runs_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run in it"):
        find_runs(tmp_path)
    with pytest.raises(InputError, match="is not there"):
        find_runs([tmp_path / "x"])
    with pytest.raises(InputError, match="runs=<folder>"):
        find_runs(None)
    write_json(tmp_path / "metrics.json", {"accuracy": 1})
    with pytest.raises(InputError, match="no 'sigma_mad'"):
        read_runs(find_runs(tmp_path))
