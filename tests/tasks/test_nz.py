from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.qp_file import read_pdfs_hdf5
from photoz_lit.evaluation.predictions.table import read_predictions
from photoz_lit.tasks import predict
from photoz_lit.tasks.task import perform
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store
from tests.evaluation.mixtures import make_run
from tests.two_fields import changed

NO_BINS = ("task.bootstraps=5", "task.magnitude_edges=[]", "task.tomographic_edges=[]")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "runs" / "0", "hsc6b_baseline", 0, n=200)


def statistics(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "nz" / "nz_statistics.csv").set_index(["group", "estimate"])


def test_nz_of_a_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    perform(composed("task=nz", f"run={run}", "task.bootstraps=20"))
    table = statistics(run)
    assert table.loc[("all", "stacked"), "n"] == 200
    groups = list(table.index.get_level_values(0).unique())
    assert [name.split()[2] for name in groups[1:]] == ["mag"] * 4 + ["z"] * 4
    per_magnitude = [table.loc[(name, "stacked"), "n"] for name in groups if " mag " in name]
    assert per_magnitude == [50] * 4  # the faintest galaxy too
    assert abs(table.loc[("all", "stacked"), "mean_shift"]) < 0.1
    assert (run / "nz" / "nz.png").is_file()
    assert "N(z) of stacked PDFs" in capsys.readouterr().out


def test_bins_and_reference_of_choice(run: Path, tmp_path: Path) -> None:
    reference = tmp_path / "other.csv"
    reference.write_text("zspec,imag\n0.5,20.0\n0.6,--\n-99.0,21.0\n")
    bins = ("task.magnitude_edges=[19,21,23]", "task.tomographic_edges=[]")
    columns = (f"task.reference={reference}", "task.reference_z=zspec", "task.reference_mag=imag")
    perform(composed("task=nz", f"run={run}", "task.bootstraps=10", *bins, *columns))
    table = statistics(run)
    assert list(table.index.get_level_values(0).unique()) == ["all", "19.0 < mag < 21.0", "21.0 < mag < 23.0"]
    assert table.loc[("all", "reference"), "n"] == 2
    assert table.loc[("19.0 < mag < 21.0", "reference"), "mean"] == pytest.approx(0.5, abs=0.01)


def test_labels_of_a_part_are_compared_with_the_estimates_of_that_part(run: Path) -> None:
    path = run / "predictions.parquet"
    whole = read_predictions(path)
    low = whole["z"] < whole["z"].median()
    perform(composed("task=nz", f"run={run}", *NO_BINS))
    every = statistics(run).loc[("all", "stacked")]
    whole.assign(z=whole["z"].where(low)).to_parquet(path)
    perform(composed("task=nz", f"run={run}", *NO_BINS))
    part = statistics(run).loc[("all", "stacked")]
    assert (part["n"], part["n_compared"], every["n_compared"]) == (200, low.sum(), 200)
    assert part["mean"] == every["mean"]  # N(z) is of all
    pdf, edges = read_pdfs_hdf5(run / "pdfs.hdf5")[:2]
    middle = 0.5 * (edges[1:] + edges[:-1])
    stack = pdf[low.to_numpy()].sum(axis=0)
    shift = (middle * stack).sum() / stack.sum() - whole["z"][low].mean()
    assert part["mean_shift"] == pytest.approx(shift, abs=0.005)  # labels are spread over their bins
    assert abs(part["mean_shift"]) < 0.1 < abs(part["mean"] - whole["z"][low].mean())


def test_galaxies_that_were_trained_on_do_not_count(run: Path) -> None:
    path = run / "predictions.parquet"
    read_predictions(path).assign(in_training=np.arange(200) < 150).to_parquet(path)
    perform(composed("task=nz", f"run={run}", *NO_BINS))
    assert statistics(run).loc[("all", "stacked"), "n"] == 50
    read_predictions(path).assign(in_training=True).to_parquet(path)
    with pytest.raises(InputError, match="every galaxy was trained on"):
        perform(composed("task=nz", f"run={run}"))


@pytest.mark.long
def test_nz_of_an_unlabelled_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path / "store", n=120, field="hsc6b")
    forest = ("field=hsc6b", "network=catalogue_forest", "network.trees=5", f"paths.runs={tmp_path / 'runs'}")
    trained = train(composed(*forest, f"data.store={store.path}")).path
    plain = make_store(tmp_path / "plain", n=40, field="hsc6b", seed=3)
    changed(plain, tmp_path / "target", plain.catalogue.assign(z=np.nan, dec=plain.catalogue["dec"] + 5))
    target = (f"store={tmp_path / 'target'}", f"paths.runs={tmp_path / 'runs'}")
    perform(composed("task=nz", f"run={trained}", *target, *NO_BINS))
    folder = next((tmp_path / "runs" / "predict").iterdir())
    table = statistics(folder)
    assert table.loc[("all", "stacked"), "n"] == 40
    assert ("all", "reference") not in table.index
    # predictions that are there serve again, as long as nothing that made them changed
    predicted: list[int] = []
    plainly = predict.predict_unseen
    monkeypatch.setattr(predict, "predict_unseen", lambda *given: (predicted.append(1), plainly(*given))[1])

    def again() -> int:
        predicted.clear()
        perform(composed("task=nz", f"run={trained}", *target, *NO_BINS))
        return len(predicted)

    assert again() == 0
    pd.testing.assert_frame_equal(statistics(folder), table)
    file = folder / "predictions.parquet"
    read_predictions(file).assign(z_phot=0.1).to_parquet(file)  # somebody's hand
    assert again() == 1
    assert again() == 0
    (member,) = trained.glob("checkpoints/*")
    (member / "further").write_text("another network")
    assert again() == 1
    assert (again(), (folder / "pdfs.hdf5").unlink(), again()) == (0, None, 1)


def test_bad_input(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs run="):
        perform(composed("task=nz"))
    with pytest.raises(InputError, match=r"did you mean 'task\.bootstraps'|did you mean 'bootstraps'"):
        perform(composed("task=nz", f"run={run}", "+task.bootstrap=5"))
    (tmp_path / "other.csv").write_text("redshift\n0.5\n")
    with pytest.raises(InputError, match="no column 'z'"):
        perform(composed("task=nz", f"run={run}", "task.bootstraps=5", f"task.reference={tmp_path / 'other.csv'}"))


def test_rows_add_up(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "predictions.parquet"
    table = read_predictions(path)
    z = table["z"].to_numpy().copy()
    z[:30], z[30:32] = np.nan, 7.0
    table.assign(in_training=np.arange(200) < 20, z=z).to_parquet(path, index=False)
    perform(composed("task=nz", f"run={run}", *NO_BINS))
    record = json.loads((run / "nz" / "provenance.json").read_text())
    assert record["rows"] == {"read": 200, "used": 180, "left_out": {"every network was trained on": 20}}
    labels = {"read": 180, "used": 168, "left_out": {"without redshift": 10, "outside the redshift grid": 2}}
    assert record["rows_of"] == {"labels": labels}
    assert statistics(run).loc[("all", "reference"), "n"] == 168
    assert "200 galaxies read, 180 used; left out: 20 every network" in " ".join(capsys.readouterr().out.split())
    reference = tmp_path / "other.csv"
    pd.DataFrame({"z": [0.5, 0.6, -99.0, 8.0, np.nan]}).to_csv(reference, index=False)
    perform(composed("task=nz", f"run={run}", f"task.reference={reference}", *NO_BINS))
    record = json.loads((run / "nz" / "provenance.json").read_text())
    other = {"read": 5, "used": 2, "left_out": {"without redshift": 2, "outside the redshift grid": 1}}
    assert record["rows_of"] == {"task.reference": other}
    assert statistics(run).loc[("all", "reference"), "n"] == 2


def test_codes_in_a_reference_are_refused_until_the_user_says_what_they_are(run: Path, tmp_path: Path) -> None:
    z = np.random.default_rng(0).uniform(0.1, 3.0, 300)
    z[:9] = 4.99
    pd.DataFrame({"z": z}).to_csv(tmp_path / "other.csv", index=False)
    given = ["task=nz", f"run={run}", f"task.reference={tmp_path}/other.csv", *NO_BINS]
    with pytest.raises(InputError, match=r"4\.99 in 9 of 300 rows.*'task\.reference_missing=\[4\.99\]'"):
        perform(composed(*given))
    perform(composed(*given, "task.reference_missing=[4.99]"))
    assert statistics(run).loc[("all", "reference"), "n"] == 291
    perform(composed(*given, "task.reference_allow=[4.99]"))
    assert statistics(run).loc[("all", "reference"), "n"] == 300
