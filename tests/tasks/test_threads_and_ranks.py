"""What a run says of the machine that made it, and of the files that are there."""

import json
from pathlib import Path

import pytest
import torch

from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks import predict
from photoz_lit.tasks.options import DroppingOptions
from photoz_lit.tasks.threads_and_ranks import keep_threads_and_ranks, made_on_others, threads_and_ranks
from photoz_lit.tasks.train import train
from tests import figures
from tests.composed import composed
from tests.conftest import make_store

SMALL = ("field=hsc6b", "network=plain", "scale.max_epochs=1")


def test_threads_and_ranks_stand_in_the_provenance_and_others_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = make_store(tmp_path / "store", n=80).path
    common = (*SMALL, f"data.store={store}", f"paths.runs={tmp_path / 'runs'}")
    with figures.made():
        folder = train(composed(*common))
    made = folder.read_json("provenance.json")
    assert (made["threads"], made["ranks"]) == (1, 1)
    said = capsys.readouterr().out
    assert "(report.html, plots/, predictions.parquet, pdfs.hdf5)" in " ".join(said.split())
    assert train(composed(*common)).path == folder.path
    assert "It was made on" not in capsys.readouterr().out
    assert train(composed(*common, "trainer.threads=2")).path == folder.path
    said = " ".join(capsys.readouterr().out.split())
    assert "It was made on 1 thread and 1 rank; on 2 threads and 1 rank, as this command asks for, its last" in said
    torch.set_num_threads(1)
    other = make_store(tmp_path / "other", n=20, seed=4).path
    config = composed(*common[:-2], f"data.store={other}", common[-1])
    applied = predict.predict(config, DroppingOptions(run=folder.path, drop=[]))
    said = " ".join(capsys.readouterr().out.split())
    assert "(predictions.parquet, pdfs.hdf5)" in said
    assert "report.html" not in said
    assert "plots/" not in said
    assert applied.read_json("provenance.json")["threads"] == 1


def test_networks_of_several_machines(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for member, threads in enumerate((4, 1)):
        folder.member(0, member).mkdir(parents=True)
        (folder.member(0, member) / "fit.json").write_text(json.dumps({"threads": threads, "ranks": 2}))
    folder.write_json("provenance.json", {"seed": 0})
    keep_threads_and_ranks(folder)
    assert folder.read_json("provenance.json") == {"seed": 0, "threads": [1, 4], "ranks": 2}
    (sentence,) = made_on_others(composed("trainer.threads=4", "trainer.devices=2"), folder)
    assert "made on 1 and 4 threads and 2 ranks; on 4 threads and 2 ranks" in sentence
    assert made_on_others(composed("trainer.threads=4", "trainer.devices=2"), folder)
    folder.write_json("provenance.json", {"seed": 0})  # of an earlier version
    assert made_on_others(composed(), folder) == []
    assert threads_and_ranks() == {"threads": torch.get_num_threads(), "ranks": 1}
