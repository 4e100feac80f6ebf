from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.store import StoreHeader
from photoz_lit.data.store_writer import write_store
from photoz_lit.errors import InputError
from photoz_lit.tasks.task import perform
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store
from tests.imaging.observed import changed_field, observed

FILES = {"mismatch.csv", "mismatch.json", "mismatch.md", "conditions.png", "noise_power.png", "probe.png"}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("fields")
    worse = changed_field(seeing=0.3, depth=-0.7, background=0.2, noise_correlation=0.9)
    for seed, (name, field, n) in enumerate([("near", changed_field(), 360), ("far", worse, 300)]):
        observed(field, folder / name, n, seed)
    return {name: folder / name for name in ("near", "far")}


def compare(*overrides: str, targets: Sequence[Path], source: Path, out: Path) -> dict[str, pd.DataFrame]:
    names = ",".join(map(str, targets))
    perform(composed("task=mismatch", f"source={source}", f"targets=[{names}]", f"store={out}", *overrides))
    content = json.loads((out / "mismatch.json").read_text())
    return {key: pd.DataFrame(content[key]) for key in ("conditions", "probes", "redshifts")}


def without_labels(store: Path, target: Path, **columns: object) -> Path:
    """The same images as real data elsewhere, without redshifts."""
    header = json.loads((store / "store.json").read_text())
    catalogue = pd.read_parquet(store / "catalogue.parquet").drop(columns="z_true", errors="ignore")
    catalogue = catalogue.assign(z=np.nan, dec=catalogue["dec"] + 5, **columns)
    catalogue["object_id"] = "other-" + catalogue["object_id"]
    images = np.load(store / "images.npy")
    write_store(target, StoreHeader(**{**header, "data": "real", "checksums": ()}), images, catalogue)
    return target


@pytest.mark.long
def test_known_differences_are_found(stores: dict[str, Path], tmp_path: Path) -> None:
    tables = compare(source=stores["near"], targets=[stores["far"]], out=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    far = tables["conditions"].query("field == 'far'").set_index("band")
    assert far["d_seeing"].to_numpy(float) == pytest.approx(0.3, abs=0.06)
    assert far["d_depth"].to_numpy(float) == pytest.approx(-0.7, abs=0.1)
    assert far["d_background_sigma"].to_numpy(float) == pytest.approx(0.2, abs=0.09)
    assert far["d_noise_correlation"].to_numpy(float) == pytest.approx(0.4, abs=0.06)
    offset = far["colour_offset"].to_numpy(float)
    assert (np.abs(offset) <= 4 * far["colour_offset_err"].to_numpy(float) + 1e-9).all()
    near = tables["conditions"].query("field == 'near'")
    assert (near[["d_seeing", "d_depth", "blur", "colour_offset"]].to_numpy(float) == 0).all()
    auc = tables["probes"].set_index(["field", "features", "matched"])["auc"]
    assert auc["far", "sky", True] > 0.95
    assert auc["far", "shape", True] > 0.6
    assert auc["far", "photometry", True] < 0.65
    assert auc["control"].to_numpy(float) == pytest.approx(0.5, abs=0.12)
    content = json.loads((tmp_path / "out" / "mismatch.json").read_text())
    assert content["data"] == "simulated"
    assert content["noise_power"]["far"]["i"][0] > content["noise_power"]["far"]["i"][-1] > 0
    assert "Data: **simulated**" in (tmp_path / "out" / "mismatch.md").read_text()
    again = compare(source=stores["near"], targets=[stores["far"]], out=tmp_path / "again")
    pd.testing.assert_frame_equal(again["probes"], tables["probes"])
    assert len(pd.read_csv(tmp_path / "out" / "mismatch.csv")) == 12


def test_a_zero_point_shows_as_a_colour(stores: dict[str, Path], tmp_path: Path) -> None:
    header = json.loads((stores["near"] / "store.json").read_text())
    images = np.load(stores["near"] / "images.npy")
    images[:, 1] *= 10**-0.08  # g is 0.2 mag too faint
    catalogue = pd.read_parquet(stores["near"] / "catalogue.parquet")
    write_store(tmp_path / "off", StoreHeader(**{**header, "checksums": ()}), images, catalogue)
    table = compare(source=stores["near"], targets=[tmp_path / "off"], out=tmp_path / "out")["conditions"]
    assert table.query("field == 'off' and band == 'g'")["colour_offset"].iloc[0] == pytest.approx(0.2, abs=0.005)
    assert table.query("field == 'off' and band == 'r'")["colour_offset"].iloc[0] == pytest.approx(0.0, abs=0.001)


def test_a_run_is_applied(stores: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = f"paths.runs={tmp_path / 'runs'}"
    trained = train(composed("field=hsc6b", f"data.store={stores['near']}", "scale.width=0.1", runs)).path
    real = without_labels(stores["far"], tmp_path / "unlabelled")
    tables = compare(f"run={trained}", source=stores["near"], targets=[stores["far"], real], out=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"redshifts.png"}
    redshifts = tables["redshifts"].set_index(["field", "group"])
    split = pd.read_parquet(trained / "split.parquet")
    assert redshifts.loc[("near", "all"), "n"] == (~split["role"].isin(["train", "validation", "cv"])).sum()
    assert redshifts.loc[("near", "all"), "nz_tv"] == 0
    assert redshifts.loc[("far", "all"), "n_truth"] == 300
    shift = redshifts.loc[("far", "all"), "bias"] - redshifts.loc[("near", "all"), "bias"]
    assert redshifts.loc[("far", "all"), "d_bias"] == pytest.approx(shift)
    assert redshifts.loc[("unlabelled", "all"), "n_truth"] == 0
    assert redshifts.loc[("unlabelled", "all"), "bias"] is None or np.isnan(
        redshifts.loc[("unlabelled", "all"), "bias"]
    )
    same = redshifts.loc[("unlabelled", "all"), "nz_mean"]  # the same images give the same N(z)
    assert same == pytest.approx(redshifts.loc[("far", "all"), "nz_mean"], abs=1e-6)
    assert ("far", "matched") in redshifts.index
    assert "network" in set(tables["probes"]["features"])
    assert json.loads((tmp_path / "out" / "mismatch.json").read_text())["data"] == "real and simulated"
    made = json.loads((tmp_path / "out" / "mismatch.json").read_text())["provenance"]
    for count in (made["rows"], *made["rows_of"].values()):
        assert count["read"] == count["used"] + sum(count["left_out"].values())
    near = made["rows_of"]["run, near"]
    assert near["used"] == redshifts.loc[("near", "all"), "n"]
    assert near["left_out"]["every network was trained on"] > 0
    forest = ("field=hsc6b", "network=catalogue_forest", "network.trees=5", runs)
    trees = train(composed(*forest, f"data.store={stores['near']}")).path
    tables = compare(f"run={trees}", source=stores["near"], targets=[stores["far"]], out=tmp_path / "trees")
    assert "network" not in set(tables["probes"]["features"])
    assert len(tables["redshifts"])
    capsys.readouterr()


def test_the_same_store_twice_is_said(
    stores: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = compare(source=stores["near"], targets=[stores["near"]], out=tmp_path / "out")
    assert "near_1 holds the same data as the source near_0" in " ".join(capsys.readouterr().out.split())
    assert tables["probes"]["auc"].to_numpy(float) == pytest.approx(0.5, abs=0.12)
    assert (tables["conditions"]["d_depth"].to_numpy(float) == 0).all()
    assert "same data" in (tmp_path / "out" / "mismatch.md").read_text()


@pytest.mark.long
def test_shared_bands_and_default_folder(stores: dict[str, Path], tmp_path: Path) -> None:
    header = json.loads((stores["far"] / "store.json").read_text())
    some = StoreHeader(**{**header, "bands": ("g", "r", "z"), "checksums": ()})
    images = np.load(stores["far"] / "images.npy")[:, [1, 2, 4]]
    write_store(tmp_path / "grz", some, images, pd.read_parquet(stores["far"] / "catalogue.parquet"))
    targets = (f"source={stores['near']}", f"targets=[{tmp_path / 'grz'}]", f"paths.runs={tmp_path / 'runs'}")
    perform(composed("task=mismatch", *targets))
    (folder,) = (tmp_path / "runs" / "mismatch").iterdir()
    assert list(dict.fromkeys(pd.read_csv(folder / "mismatch.csv")["band"])) == ["g", "r", "z"]
    perform(composed("task=mismatch", *targets))  # the same comparison finds its folder again
    assert list((tmp_path / "runs" / "mismatch").iterdir()) == [folder]


def test_bad_input(stores: dict[str, Path], tmp_path: Path) -> None:
    near, far = stores["near"], stores["far"]
    with pytest.raises(InputError, match="needs source=<store> and targets=<store>"):
        perform(composed("task=mismatch"))
    with pytest.raises(InputError, match="needs targets=<store>"):
        perform(composed("task=mismatch", f"source={near}"))
    with pytest.raises(InputError, match=r"store\.json; give task=mismatch another folder"):
        compare(source=near, targets=[far], out=far)
    with pytest.raises(InputError, match=r"did you mean 'galaxies'|did you mean 'task\.galaxies'"):
        compare("+task.galaxy=5", source=near, targets=[far], out=tmp_path / "out")
    with pytest.raises(InputError, match="is no finished run"):
        compare(f"run={tmp_path}", source=near, targets=[far], out=tmp_path / "out")
    faint = without_labels(far, tmp_path / "faint", mag_i=31.0)
    with pytest.raises(InputError, match="no magnitude has galaxies of both fields"):
        compare(source=near, targets=[faint], out=tmp_path / "out")
    few = make_store(tmp_path / "few", n=12).path
    with pytest.raises(InputError, match="few has 12 galaxies; a comparison needs at least 20"):
        compare(source=near, targets=[few], out=tmp_path / "out")
    small = make_store(tmp_path / "small", n=30, size=24).path
    with pytest.raises(InputError, match="24 pixels leave no sky"):
        compare(source=near, targets=[small], out=tmp_path / "out")
    coarse = make_store(tmp_path / "sdss", n=30, field="sdss").path
    with pytest.raises(InputError, match="396″ pixels"):
        compare(source=near, targets=[coarse], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_the_command_line(stores: dict[str, Path], tmp_path: Path) -> None:
    def photoz_lit(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "photoz_lit", "task=mismatch", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    out = tmp_path / "out"
    done = photoz_lit(f"source={stores['near']}", f"targets=[{stores['far']}]", f"store={out}", "task.galaxies=200")
    assert done.returncode == 0, done.stderr
    assert "probe AUC at the same magnitude" in done.stdout
    assert {path.name for path in out.iterdir()} == FILES
    bad = photoz_lit(f"source={tmp_path / 'nowhere'}", f"targets=[{stores['far']}]")
    assert bad.returncode == 2
    assert bad.stderr.strip().startswith(f"photoz_lit: {tmp_path / 'nowhere'} is no store")
    assert len(bad.stderr.strip().splitlines()) == 1
