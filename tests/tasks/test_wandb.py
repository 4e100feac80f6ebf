"""An offline W&B run is read back from disk, record by record, and holds all that the docs promise."""

import json
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb
from wandb.proto import wandb_internal_pb2

from photoz_lit.errors import InputError
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks import wandb_run
from photoz_lit.tasks.train import train
from photoz_lit.tasks.wandb_run import answers
from tests import figures
from tests.composed import composed
from tests.conftest import make_store

BLOCK = 32768


def whole_records(path: Path, patience: float = 30) -> list[wandb_internal_pb2.Record]:
    """Records of a ``.wandb`` file once ``exit``, the last one, is on disk: W&B's service may write it after finish."""
    end = time.monotonic() + patience
    while True:
        found = list(records(path))
        if any(record.WhichOneof("record_type") == "exit" for record in found) or time.monotonic() > end:
            return found
        time.sleep(0.1)


def records(path: Path) -> Iterator[wandb_internal_pb2.Record]:
    """Records of a ``.wandb`` file: a LevelDB log of 32 KiB blocks behind a header of 7 bytes."""
    content, position, parts = path.read_bytes(), 7, b""
    assert content[:4] in (b":W&B", b"")  # empty: nothing is written yet
    while position + 7 <= len(content):
        if BLOCK - position % BLOCK < 7:
            position += BLOCK - position % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", content[position : position + 7])
        if position + 7 + length > len(content):
            return  # it is being written
        parts += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    tmp = tmp_path_factory.mktemp("wandb")
    with pytest.MonkeyPatch.context() as patch, figures.made():
        patch.delenv("WANDB_API_KEY", raising=False)
        store = make_store(tmp / "store", n=100)
        overrides = ["field=hsc6b", "logger=wandb", "logger.worst=3", f"data.store={store.path}", "seed=5"]
        return train(composed(*overrides, "scale.max_epochs=3", f"paths.runs={tmp / 'runs'}"))


@pytest.fixture(scope="module")
def found(folder: RunFolder) -> list[wandb_internal_pb2.Record]:
    (path,) = folder.path.glob("wandb/offline-run-*/*.wandb")
    return whole_records(path)


def items(found: list[wandb_internal_pb2.Record]) -> list[dict[str, object]]:
    return [
        {(i.key or "/".join(i.nested_key)): json.loads(i.value_json) for i in record.history.item}
        for record in found
        if record.WhichOneof("record_type") == "history"
    ]


def test_the_run_is_named_grouped_and_keeps_its_id(folder: RunFolder, found: list[wandb_internal_pb2.Record]) -> None:
    (run,) = [r.run for r in found if r.WhichOneof("record_type") == "run"][:1]
    assert run.run_id == run.display_name == f"hsc6b-{folder.path.name}"
    assert run.run_group == "hsc6b"
    assert run.job_type == "treyer-baseline"
    assert run.project == "photoz_lit"
    config = {u.key or u.nested_key[0]: json.loads(u.value_json) for u in run.config.update}
    assert config["seed"] == 5
    assert config["field"]["name"] == "hsc6b"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["modality=neighbours", "module=multimodal"], "treyer-early-size2-order1"),
        (["module=multimodal", "modality.sets=[[u,g],[r,i,z,y]]"], "treyer-early-u_g+r_i_z_y-stemfamily"),
        (["network.depth=0.5"], "treyer-baseline-depth0.5"),
        (["network.width=0.3", "data.bands=[g,r]"], "treyer-baseline-width0.3-bandsg_r"),
        (["modality=neighbours", "module=multimodal", "modality.stem_filters=family", "modality.branch_width=full",
          "modality.dropout=0.2"], "treyer-early-size2-order1-stemfamily-branchesfull-dropout0.2"),
        (["network=catalogue_forest"], "catalogue_forest-baseline"),
        (["logger.job_type=its own"], "its own"),
    ],
)  # fmt: skip
def test_jobs_of_a_group_are_told_apart(overrides: list[str], expected: str) -> None:
    config = composed("field=hsc6b", "logger=wandb", *overrides)
    assert (config.logger.job_type or estimator_of(config).label) == expected


def test_curves_stand_on_an_epoch_axis_and_agree_with_the_csv(
    folder: RunFolder, found: list[wandb_internal_pb2.Record]
) -> None:
    axes = {r.metric.glob_name: r.metric.step_metric for r in found if r.WhichOneof("record_type") == "metric"}
    assert axes["fold_0/member_0/*"] == "fold_0/member_0/epoch"
    logged = [row for row in items(found) if "fold_0/member_0/val_loss" in row]
    assert [row["fold_0/member_0/epoch"] for row in logged] == [0, 1, 2]
    csv = (folder.path / "metrics.csv").read_text().splitlines()
    column = csv[0].split(",").index("val_loss")
    expected = [float(line.split(",")[column]) for line in csv[1:] if line.split(",")[column]]
    assert [row["fold_0/member_0/val_loss"] for row in logged] == pytest.approx(expected)


def test_plots_and_the_worst_galaxies_are_there(folder: RunFolder, found: list[wandb_internal_pb2.Record]) -> None:
    rows = items(found)
    keys = {key for row in rows for key in row}
    for name in ("redshift", "residuals", "pit", "nz", "montage", "training"):
        assert any(key.startswith(f"plots/{name}") for key in keys), name
    (worst,) = [row for row in rows if any(key.startswith("worst_galaxies") for key in row)]
    assert worst
    artifacts = [
        r.request.log_artifact.artifact for r in found if r.request.WhichOneof("request_type") == "log_artifact"
    ]
    artifacts += [r.artifact for r in found if r.WhichOneof("record_type") == "artifact"]
    files = {entry.path: Path(entry.local_path) for a in artifacts for entry in a.manifest.contents}
    assert all(folder.path.resolve() in path.parents for path in files.values())
    content = json.loads(files["worst_galaxies.table.json"].read_text())
    assert content["columns"][:3] == ["object_id", "z", "z_phot"]
    assert len(content["data"]) == 3
    delta = [abs(row[content["columns"].index("delta_z")]) for row in content["data"]]
    assert delta == sorted(delta, reverse=True)
    pictures = [row[-1] for row in content["data"]]
    assert [picture["_type"] for picture in pictures] == ["image-file"] * 3
    assert all(files[picture["path"]].stat().st_size > 1000 for picture in pictures)


def test_final_metrics_are_in_the_summary(folder: RunFolder, found: list[wandb_internal_pb2.Record]) -> None:
    summary = {}
    for record in found:
        if record.WhichOneof("record_type") == "summary":
            summary.update({(u.key or "/".join(u.nested_key)): json.loads(u.value_json) for u in record.summary.update})
    metrics = folder.read_json("metrics.json")
    for name in ("sigma_mad", "eta", "bias", "n_test"):
        assert summary[f"test/{name}"] == pytest.approx(metrics[name])
    assert summary["test/data"] == "simulated"


def test_a_resumed_run_keeps_its_id_and_one_that_cannot_go_online_is_kept_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first sitting is cut off before its results are whole; the second has a key, and no way to the server."""
    store = make_store(tmp_path / "store", n=100)
    forest = ["network=catalogue_forest", "network.trees=5", "logger=wandb", "logger.worst=1"]
    config = composed("field=hsc6b", f"data.store={store.path}", f"paths.runs={tmp_path / 'runs'}", *forest)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    run = train(config)
    (run.path / "metrics.json").unlink()
    begin, modes = wandb.init, []

    def unreachable(**settings: object) -> object:
        modes.append(settings["mode"])
        if settings["mode"] == "online":
            raise wandb.errors.CommError("no route to host")
        return begin(**settings)  # type: ignore[arg-type]

    monkeypatch.setattr(wandb, "init", unreachable)
    monkeypatch.setattr(wandb_run, "answers", lambda: True)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    time.sleep(1.1)  # W&B names its folders by the second
    assert train(config).finished
    assert modes == ["online", "offline"]
    assert "W&B cannot be reached (no route to host)" in " ".join(capsys.readouterr().out.split())
    files = sorted(run.path.glob("wandb/offline-run-*/*.wandb"))
    assert [path.stem for path in files] == [f"run-hsc6b-{run.path.name}"] * 2
    ids = [next(r.run.run_id for r in whole_records(path) if r.WhichOneof("record_type") == "run") for path in files]
    assert ids == [f"hsc6b-{run.path.name}"] * 2


def test_without_the_library_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is optional: it is asked for before a field is simulated, and by ``logger=wandb`` alone."""
    monkeypatch.setattr("photoz_lit.tasks.wandb_run.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"needs the library wandb; pip install 'photoz-lit\[wandb\]'"):
        train(composed("field=hsc6b", f"paths.runs={tmp_path / 'runs'}", "logger=wandb"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "https://no-such-machine.invalid", "http://192.0.2.1"])
def test_a_machine_that_does_not_answer_costs_seconds(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", address)
    start = time.monotonic()
    assert not answers(patience=1.0)
    assert time.monotonic() - start < 10


def test_a_machine_that_answers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert answers()
