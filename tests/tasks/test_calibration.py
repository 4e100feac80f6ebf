"""A run's PDFs are calibrated on its validation galaxies alone, and wherever they leave it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from photoz_lit.config import Config, validate
from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.evaluation.calibration.by_fold import FoldCalibrations
from photoz_lit.evaluation.metrics import pdf as pdfs
from photoz_lit.evaluation.predictions.qp_file import read_pdfs_hdf5
from photoz_lit.run_folder import RunFolder, run_folder
from photoz_lit.setting_roles import what_shapes
from photoz_lit.tasks.calibration import validation_weights
from photoz_lit.tasks.data_source import sample_of
from photoz_lit.tasks.ensemble_mean import average
from photoz_lit.tasks.modalities import modality_rows
from photoz_lit.tasks.train import train
from tests import figures
from tests.composed import composed, predicted
from tests.conftest import make_store
from tests.two_fields import changed

FOREST = ("network=catalogue_forest", "network.trees=20", "ensemble.members=2")
FILE = "calibration.json"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("stores") / "store", n=620)


@pytest.fixture(scope="module")
def run(store: CutoutStore, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    with figures.made():
        return train(config_of(store, tmp_path_factory.mktemp("runs"), *FOREST))


def config_of(store: CutoutStore, runs: Path, *overrides: str) -> Config:
    return composed("field=hsc6b", f"data.store={store.path}", f"paths.runs={runs}", *overrides)


def raw_pdf(run: RunFolder, fold: int = 0) -> np.ndarray:
    return average([run.member_pdf(fold, member) for member in range(2)])


def test_what_leaves_the_run_is_calibrated_and_compared_with_what_was(store: CutoutStore, run: RunFolder) -> None:
    calibrations = FoldCalibrations.read(run.path / FILE)
    roles = pd.read_parquet(run.path / "split.parquet")["role"]
    assert calibrations.galaxies == {0: (roles == "validation").sum()}
    assert not calibrations.of_fold[0].leaves_all
    raw = raw_pdf(run)
    pdf, edges, _ = read_pdfs_hdf5(run.path / "pdfs.hdf5")
    np.testing.assert_allclose(pdf, calibrations.of_fold[0].apply(raw, edges), atol=1e-7)
    table, metrics = pd.read_parquet(run.path / "predictions.parquet"), run.read_json("metrics.json")
    np.testing.assert_allclose(table["z_phot"], pdfs.median(pdf, edges), atol=1e-6)
    assert np.abs(table["z_phot"] - pdfs.median(raw, edges)).max() > 1e-4
    for name, one in (("before", raw), ("after", pdf)):
        found = metrics["calibration"][name]
        assert found["pit_ks"] == pytest.approx(stats.kstest(pdfs.pit(one, edges, table["z"]), "uniform").statistic)
        assert found["nll"] == pytest.approx(pdfs.nll(one, edges, table["z"]), rel=1e-6)
        assert found["crps"] == pytest.approx(pdfs.crps(one, edges, table["z"]).mean(), rel=1e-6)
    assert {metric: metrics[metric] for metric in ("pit_ks", "nll", "crps")} == pytest.approx(
        metrics["calibration"]["after"]
    )
    assert metrics["calibration"]["after"]["nll"] < metrics["calibration"]["before"]["nll"]
    assert "before the calibration" in (run.path / "report.html").read_text()


def test_redshifts_of_test_galaxies_change_no_calibration(store: CutoutStore, run: RunFolder, tmp_path: Path) -> None:
    tested = pd.read_parquet(run.path / "predictions.parquet")["object_id"]
    table = store.catalogue.copy()
    table.loc[table["object_id"].isin(tested), "z"] = 0.5
    other = train(config_of(changed(store, tmp_path / "other", table), tmp_path, *FOREST))
    assert other.read_json("metrics.json")["sigma_mad"] > 5 * run.read_json("metrics.json")["sigma_mad"]
    assert (other.path / FILE).read_bytes() == (run.path / FILE).read_bytes()


def test_a_run_that_goes_on_has_the_same_calibration(store: CutoutStore, run: RunFolder, tmp_path: Path) -> None:
    config = config_of(store, tmp_path, *FOREST)
    folder = train(config)
    made = (folder.path / FILE).read_bytes()
    assert made == (run.path / FILE).read_bytes()
    for name in ("metrics.json", FILE, "checkpoints/fold_0_member_1/test_pdf.npy"):
        (folder.path / name).unlink()
    train(config)
    assert (folder.path / FILE).read_bytes() == made


@pytest.mark.long
def test_predictions_of_other_galaxies_are_calibrated_fold_by_fold(store: CutoutStore, tmp_path: Path) -> None:
    folder = train(config_of(store, tmp_path, *FOREST, "cv.folds=5"))
    calibrations = FoldCalibrations.read(folder.path / FILE)
    assert sorted(calibrations.of_fold) == [0, 1, 2, 3, 4]
    task = ("task=predict", f"run={folder.path}")
    again = pd.read_parquet(predicted(config_of(store, tmp_path, *task)).path / "predictions.parquet")
    there = pd.read_parquet(folder.path / "predictions.parquet").set_index("object_id").loc[again["object_id"]]
    np.testing.assert_allclose(again["z_phot"], there["z_phot"], atol=1e-5)
    raw, edges = raw_pdf(folder, 3), read_pdfs_hdf5(folder.path / "pdfs.hdf5")[1]
    own = there.loc[there["fold"] == 3, "z_phot"]
    split = split_sample(sample_of(config_of(store, tmp_path)), 3)
    names = store.catalogue["object_id"].iloc[split.test]
    expected = pdfs.median(calibrations.of_fold[3].apply(raw, edges), edges)
    np.testing.assert_allclose(own.loc[names], expected, atol=1e-5)
    # a new galaxy: the mean of what the five folds' networks say, each calibrated
    plain = make_store(tmp_path / "plain", n=20, seed=5)
    other = changed(plain, tmp_path / "other", plain.catalogue.assign(ra=plain.catalogue["ra"] + 20))
    applied = predicted(config_of(other, tmp_path, *task))
    assert (pd.read_parquet(applied.path / "predictions.parquet")["fold"] == -1).all()
    config, sample = config_of(store, tmp_path, *FOREST), sample_of(config_of(other, tmp_path))
    total = np.zeros((20, len(edges) - 1))
    for fold, calibration in calibrations.of_fold.items():
        members = []
        for member in range(2):
            estimator = estimator_of(config)
            estimator.load(folder.member(fold, member))
            members.append(estimator.predict(sample, np.arange(20)))
        total += calibration.apply(average(members), edges) / 5
    np.testing.assert_allclose(read_pdfs_hdf5(applied.path / "pdfs.hdf5")[0], total, atol=1e-6)


def test_modalities_are_compared_by_calibrated_pdfs(store: CutoutStore, tmp_path: Path) -> None:
    overrides = ["+experiment=hsc6b_early_fusion", "network=plain", "data.bands=[g,r,i]", "scale.max_epochs=1"]
    config = composed(*overrides, f"data.store={store.path}", f"paths.runs={tmp_path}")
    folder = train(config)
    whole = modality_rows(config, folder)[0]
    metrics = folder.read_json("metrics.json")
    assert whole["crps"] == pytest.approx(metrics["crps"], rel=1e-6)
    assert whole["crps"] != pytest.approx(metrics["calibration"]["before"]["crps"], rel=1e-4)


def test_a_run_without_calibration_stays_as_it_was(store: CutoutStore, tmp_path: Path) -> None:
    config = config_of(store, tmp_path, *FOREST, "module.calibration=none")
    folder = train(config)
    assert not (folder.path / FILE).exists()
    assert not list(folder.path.rglob("validation_pdf.npy"))
    assert "calibration" not in folder.read_json("metrics.json")
    record = folder.read_json("provenance.json")["config"]
    del record["module"]["calibration"]  # as in the records of runs made before there was the key
    assert validate(record).module.calibration == "none"
    edges = config.field.z_edges
    there = pd.read_parquet(folder.path / "predictions.parquet")
    np.testing.assert_allclose(there["z_phot"], pdfs.median(raw_pdf(folder), edges), atol=1e-6)
    applied = predicted(config_of(store, tmp_path, "task=predict", f"run={folder.path}"))
    again = pd.read_parquet(applied.path / "predictions.parquet").set_index("object_id").loc[there["object_id"]]
    np.testing.assert_allclose(again["z_phot"], there["z_phot"], atol=1e-5)


def test_a_calibrated_run_that_lost_its_calibration_is_refused(store: CutoutStore, tmp_path: Path) -> None:
    folder = train(config_of(store, tmp_path, *FOREST))
    (folder.path / FILE).unlink()
    with pytest.raises(InputError, match=r"calibration\.json cannot be read"):
        predicted(config_of(store, tmp_path, "task=predict", f"run={folder.path}"))


def test_recipes_say_it_and_only_where_it_counts_it_is_in_the_id() -> None:
    fast, published = composed(), composed("module.recipe=published")
    assert (fast.calibrates, published.calibrates) == (True, False)
    assert composed(*FOREST).calibrates  # as the networks that it is compared with
    assert "module.calibration" not in {key.name for key in what_shapes(published)}
    assert run_folder(fast, "h") != run_folder(composed("module.calibration=none"), "h")
    for idle in (["network=template_fit"], ["data.target=t"]):
        one, other = composed(*idle), composed(*idle, "module.calibration=none")
        assert not one.calibrates
        assert run_folder(one, "h") == run_folder(other, "h")


def test_galaxies_count_as_in_the_validation_loss(store: CutoutStore) -> None:
    source = np.where(np.arange(len(store)) % 3 == 0, "photo", "spec")
    weight = np.random.default_rng(1).uniform(0.5, 2, len(store))
    sample = sample_of(config_of(store, Path("runs")))
    sample = replace(sample, catalogue=sample.catalogue.assign(z_source=source, weight=weight))
    split = split_sample(sample)
    config = config_of(store, Path("runs"), "data.label_weights={photo: 0.5}", "data.weighted_sampling=true")
    data = CutoutDataModule(sample, split, label_weights={"photo": 0.5}, weighted_sampling=True)
    expected = data.galaxies.columns["weight"].numpy()[split.validation]
    np.testing.assert_allclose(validation_weights(config, sample, split), expected, rtol=1e-6)


def test_calibration_json_says_what_it_is(run: RunFolder) -> None:
    content = json.loads((run.path / FILE).read_text())
    assert content["method"] == "pit"
    assert set(content["folds"]["0"]) == {"galaxies", "power", "knots", "weights"}
