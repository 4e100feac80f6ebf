"""task=calibrate: fitted on validation galaxies, measured on test galaxies, used by later predictions."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import photoz_lit
from photoz_lit.__main__ import main
from photoz_lit.config import Config
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.evaluation.calibration.by_fold import FoldCalibrations
from photoz_lit.evaluation.calibration.pit import fit_pit_calibration
from photoz_lit.evaluation.metrics import pdf as formulas
from photoz_lit.evaluation.metrics import point
from photoz_lit.evaluation.predictions.qp_file import read_pdfs_hdf5
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks import calibrate
from photoz_lit.tasks.train import train
from tests.composed import composed, predicted
from tests.conftest import make_store
from tests.two_fields import changed

NETWORK = ("network=plain", "scale.max_epochs=1", "module.calibration=none")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("stores") / "store", n=620)


def config_of(store: CutoutStore, runs: Path, *overrides: str) -> Config:
    return composed("field=hsc6b", f"data.store={store.path}", f"paths.runs={runs}", *overrides)


def calibrated(run: RunFolder, runs: Path, **options: Any) -> dict[str, Any]:
    given = {"method": "pit", "compare": ["none", "temperature", "pit", "local"], "levels": [0.68, 0.9], "reach": True}
    chosen = calibrate.CalibrateOptions.model_validate({"run": run.path, **given, **options})
    calibrate.run(composed("task=calibrate", f"run={run.path}", f"paths.runs={runs}"), chosen)
    return run.read_json("calibrate/calibrate.json")  # type: ignore[no-any-return]


def test_a_network_is_calibrated_after_its_training(store: CutoutStore, tmp_path: Path) -> None:
    run = train(config_of(store, tmp_path, *NETWORK))
    other = changed(store, tmp_path / "other", store.catalogue.assign(ra=store.catalogue["ra"] + 20))
    task = ("task=predict", f"run={run.path}")
    before = predicted(config_of(other, tmp_path, *task)).path
    raw, edges, _ = read_pdfs_hdf5(before / "pdfs.hdf5")
    columns = pd.read_parquet(before / "predictions.parquet")
    assert {"n_peaks", "odds", "blended", "edge"} <= set(columns)
    assert not {"training_percentile", "unreliable"} & set(columns)
    untouched = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    found = calibrated(run, tmp_path)
    assert {file: file.read_bytes() for file in untouched} == untouched
    # fitted on validation galaxies, whose redshifts are those of the store
    calibration = FoldCalibrations.read(run.path / "calibrate" / "calibration.json").of_fold[0]
    role = pd.read_parquet(run.path / "split.parquet")["role"].to_numpy()
    held = role == "validation"
    fitted = fit_pit_calibration(raw[held], edges, store.catalogue["z"].to_numpy()[held])
    np.testing.assert_allclose(calibration.apply(raw, edges), fitted.apply(raw, edges), atol=1e-5)
    # the comparison is of test galaxies
    rows = {row["method"]: row for row in found["compared"]}
    tested, z = role == "test", store.catalogue["z"].to_numpy()
    for name, pdf in (("none", raw), ("pit", calibration.apply(raw, edges))):
        assert rows[name]["n"] == tested.sum()
        assert rows[name]["pit_ks"] == pytest.approx(
            formulas.pit_ks(formulas.pit(pdf[tested], edges, z[tested])), abs=1e-4
        )
    assert rows["pit"]["pit_ks"] < rows["none"]["pit_ks"]
    for one in found["conformal"]:
        assert one["coverage"] == pytest.approx(one["level"], abs=4 * one["error"] + 0.04)
    kept = pd.read_parquet(run.path / "calibrate" / "predictions.parquet")
    assert (kept["z_conformal_lo90"] <= kept["z_conformal_lo68"]).mean() > 0.95
    # later predictions are recalibrated, on the command line and in Python, and say where the training ends
    after = predicted(config_of(other, tmp_path, *task)).path
    later, _, _ = read_pdfs_hdf5(after / "pdfs.hdf5")
    np.testing.assert_allclose(later, calibration.apply(raw, edges), atol=1e-5)
    given = (np.asarray(store.images), store.catalogue["ebv"], store.header.bands, store.header.zero_points)
    np.testing.assert_allclose(photoz_lit.load(run.path, device="cpu").predict(*given).pdf, later, atol=1e-5)
    percentile = pd.read_parquet(after / "predictions.parquet")["training_percentile"].to_numpy()
    assert np.median(percentile[tested]) == pytest.approx(50, abs=15)
    table = pd.read_parquet(after / "predictions.parquet")
    assert (table["outside_training"] == (percentile > 95)).all()
    assert ((table["odds"] < np.quantile(table["odds"][held], 0.02)) | (percentile > 98)).equals(table["unreliable"])
    assert found["kept"][-1]["n"] == tested.sum()
    assert found["kept"][-1]["sigma_mad"] == pytest.approx(
        point.sigma_mad(point.delta_z(kept["z_phot"], kept["z"])), abs=1e-5
    )
    # a new training takes all of it away
    train(config_of(store, tmp_path, *NETWORK), rerun=True)
    assert not list((run.path / "calibrate").glob("*"))


@pytest.mark.long
def test_a_cross_validated_forest_is_calibrated_fold_by_fold(store: CutoutStore, tmp_path: Path) -> None:
    forest = ("network=catalogue_forest", "network.trees=10", "cv.folds=5", "module.calibration=pit")
    run = train(config_of(store, tmp_path, *forest))
    found = calibrated(run, tmp_path, method="temperature")
    fitted = FoldCalibrations.read(run.path / "calibrate" / "calibration.json").of_fold
    assert sorted(fitted) == [0, 1, 2, 3, 4]
    assert all(one.weights.shape == (1, 1) and one.power[1] == 0 for one in fitted.values())
    assert found["compared"][0]["n"] == len(store)
    own = {row["method"]: row["pit_ks"] for row in found["compared"]}["pit"]
    assert own == pytest.approx(run.read_json("metrics.json")["pit_ks"], abs=1e-6)  # the run's own way
    assert not list(run.path.glob("calibrate/reach_*"))  # a forest has no features


def test_what_cannot_be_calibrated_is_refused(
    store: CutoutStore, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit):
        main(["task=calibrate"])
    assert "task=calibrate needs run=<run folder>" in capsys.readouterr().err
    run = train(config_of(store, tmp_path, "network=catalogue_forest", "network.trees=5"))
    monkeypatch.setattr(calibrate.calpit, "is_installed", lambda: False)
    with pytest.raises(InputError, match="calpit is not installed"):
        calibrated(run, tmp_path, compare=["calpit"])
    record = run.read_json("provenance.json")
    record["data_hash"] = "other"
    run.write_json("provenance.json", record)
    with pytest.raises(InputError, match="galaxies are not those"):
        calibrated(run, tmp_path)
