import json
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import qp

from photoz_lit.data.seen_galaxies import seen_in_fold
from photoz_lit.data.store import CutoutStore
from photoz_lit.data.store_writer import write_store
from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.runs import read_runs
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.data_source import sample_of
from photoz_lit.tasks.ensemble_mean import average
from photoz_lit.tasks.task import perform
from photoz_lit.tasks.train import estimator_of, member_seed, train
from tests import figures
from tests.composed import composed, predicted
from tests.conftest import make_store

FOREST = ("network=catalogue_forest", "network.trees=20")


@pytest.fixture(scope="module")
def big_store(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("stores") / "store", n=300, field="hsc6b")


def config_of(store: CutoutStore, runs: Path, *overrides: str):  # type: ignore[no-untyped-def]
    return composed("field=hsc6b", f"data.store={store.path}", f"paths.runs={runs}", *overrides)


def test_run_folder_holds_what_design_promises(big_store: CutoutStore, tmp_path: Path) -> None:
    with figures.made():
        folder = train(config_of(big_store, tmp_path, "seed=4")).path
    assert folder.parent == tmp_path / "hsc6b"
    assert folder.name.startswith("seed4-")
    for name in ("report.html", "config.yaml", "provenance.json", "metrics.csv", "split.parquet"):
        assert (folder / name).stat().st_size > 0, name
    assert {p.stem for p in (folder / "plots").glob("*.png")} == {
        "redshift", "residuals", "pit", "nz", "montage", "training"
    }  # fmt: skip
    metrics = json.loads((folder / "metrics.json").read_text())
    table = pd.read_parquet(folder / "predictions.parquet")
    assert metrics["data"] == "simulated"
    assert metrics["n_test"] == len(table) == int((pd.read_parquet(folder / "split.parquet")["role"] == "test").sum())
    delta = (table["z_phot"] - table["z"]) / (1 + table["z"])
    assert metrics["sigma_mad"] == pytest.approx(1.4826 * np.median(np.abs(delta - np.median(delta))), rel=1e-6)
    assert metrics["eta"] == pytest.approx(np.mean(np.abs(delta) >= 0.15))
    assert metrics["bias"] == pytest.approx(np.mean(delta), rel=1e-6)
    ensemble = qp.read(str(folder / "pdfs.hdf5"))
    assert ensemble.npdf == len(table)
    np.testing.assert_allclose(ensemble.ppf(0.5)[:, 0], table["z_phot"], atol=2e-3)
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["data_hash"] == big_store.data_hash
    assert provenance["config"]["seed"] == 4


def test_the_test_fold_is_never_trained_on(big_store: CutoutStore, tmp_path: Path) -> None:
    folder = train(config_of(big_store, tmp_path, *FOREST)).path
    split = pd.read_parquet(folder / "split.parquet").set_index("object_id")
    tested = pd.read_parquet(folder / "predictions.parquet")["object_id"]
    assert set(split.loc[tested, "role"]) == {"test"}
    assert set(split.loc[tested, "fold"]) == {0}
    assert split["role"].value_counts().loc[["train", "validation", "test"]].sum() == 300


def test_labels_of_test_galaxies_do_not_touch_the_network(big_store: CutoutStore, tmp_path: Path) -> None:
    first = train(config_of(big_store, tmp_path / "a"))
    tested = pd.read_parquet(first.path / "predictions.parquet")["object_id"]
    table = big_store.catalogue.copy()
    table.loc[table["object_id"].isin(tested), "z"] = 0.5
    header = big_store.header.model_copy(update={"checksums": (), "catalogue_checksum": 0})
    other = write_store(tmp_path / "other", header, big_store.images, table)
    second = train(config_of(other, tmp_path / "b"))
    np.testing.assert_array_equal(first.member_pdf(0, 0), second.member_pdf(0, 0))


def test_cross_validation_tests_every_galaxy_once_and_goes_on(big_store: CutoutStore, tmp_path: Path) -> None:
    config = config_of(big_store, tmp_path, "cv.folds=5", "ensemble.members=2", *FOREST)
    folder = train(config).path
    table = pd.read_parquet(folder / "predictions.parquet")
    assert sorted(table["object_id"]) == sorted(big_store.catalogue["object_id"])
    assert table["fold"].nunique() == 5
    assert sorted(p.name for p in folder.glob("fold_*.json")) == [f"fold_{k}.json" for k in range(5)]
    assert len(list(folder.glob("metrics.json"))) == 1
    # a killed run: two folds' results and the final ones are missing, the others' must not be made again
    kept = {k: (folder / "checkpoints" / f"fold_{k}_member_0" / "test_pdf.npy").stat().st_mtime_ns for k in range(3)}
    for name in (
        "metrics.json",
        "checkpoints/fold_3_member_0/test_pdf.npy",
        "checkpoints/fold_4_member_1/test_pdf.npy",
    ):
        (folder / name).unlink()
    train(config)
    again = pd.read_parquet(folder / "predictions.parquet")
    pd.testing.assert_frame_equal(again, table)
    for k, when in kept.items():
        assert (folder / "checkpoints" / f"fold_{k}_member_0" / "test_pdf.npy").stat().st_mtime_ns == when


def test_a_finished_run_is_shown_not_repeated(
    big_store: CutoutStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(big_store, tmp_path, *FOREST)
    first = train(config)
    stamp = (first.path / "metrics.json").stat().st_mtime_ns
    assert train(config).path == first.path
    assert (first.path / "metrics.json").stat().st_mtime_ns == stamp
    assert "finished already" in capsys.readouterr().out
    assert train(config_of(big_store, tmp_path, "seed=1", *FOREST)).path != first.path


def test_a_repeated_run_keeps_nothing_that_was_found_with_its_former_networks(
    big_store: CutoutStore, tmp_path: Path
) -> None:
    first = train(config_of(big_store, tmp_path, *FOREST))
    for name in ("emitters.json", "modalities.json"):
        first.write_json(name, {"of": "the former networks"})
    assert train(config_of(big_store, tmp_path, *FOREST)).path == first.path
    assert (first.path / "emitters.json").is_file()
    assert train(config_of(big_store, tmp_path, *FOREST), rerun=True).path == first.path
    assert not (first.path / "emitters.json").exists()
    assert not (first.path / "modalities.json").exists()
    assert (first.path / "metrics.json").is_file()


def test_forest_is_far_better_than_chance_and_its_pdfs_are_distributions(
    big_store: CutoutStore, tmp_path: Path
) -> None:
    folder = train(config_of(big_store, tmp_path, *FOREST))
    metrics = folder.read_json("metrics.json")
    assert metrics["sigma_mad"] < 0.05
    assert metrics["eta"] < 0.05
    pdf = folder.member_pdf(0, 0)
    assert pdf is not None
    np.testing.assert_allclose(pdf.sum(axis=1), 1, rtol=1e-5)


def test_template_fitting_is_a_rival_that_needs_no_training(tmp_path: Path) -> None:
    common = ("field=cosmos_ud", "network=template_fit", "simulation.n_galaxies=200", "simulation.stamp_size=32")
    config = composed(*common, f"data.cache={tmp_path}", f"paths.runs={tmp_path / 'runs'}")
    folder = train(config)
    metrics = folder.read_json("metrics.json")
    assert metrics["sigma_mad"] < 0.04
    assert metrics["eta"] < 0.15
    pdf = folder.member_pdf(0, 0)
    assert pdf is not None
    np.testing.assert_allclose(pdf.sum(axis=1), 1, rtol=1e-5)
    assert read_runs([folder.path])[0].method == "template_fit"
    with pytest.raises(InputError, match="no modalities"):
        estimator_of(config).predict(sample_of(config), np.arange(3), ["r"])


def test_predict_reproduces_the_run_marks_training_galaxies_and_scores_the_rest(
    big_store: CutoutStore, tmp_path: Path
) -> None:
    folder = train(config_of(big_store, tmp_path, *FOREST)).path
    perform(config_of(big_store, tmp_path, "task=predict", f"run={folder}"))
    (applied,) = (tmp_path / "predict").iterdir()
    table = pd.read_parquet(applied / "predictions.parquet").set_index("object_id")
    assert len(table) == 300
    tested = pd.read_parquet(folder / "predictions.parquet").set_index("object_id")
    assert set(table.index[~table["in_training"]]) == set(tested.index)
    np.testing.assert_allclose(table.loc[tested.index, "z_phot"], tested["z_phot"], rtol=1e-6)
    assert RunFolder(applied).read_json("metrics.json")["n_test"] == len(tested)


def test_predict_uses_for_each_galaxy_the_fold_that_never_saw_it(big_store: CutoutStore, tmp_path: Path) -> None:
    folder = train(config_of(big_store, tmp_path, "cv.folds=5", *FOREST)).path
    perform(config_of(big_store, tmp_path, "task=predict", f"run={folder}"))
    (applied,) = (tmp_path / "predict").iterdir()
    table = pd.read_parquet(applied / "predictions.parquet").set_index("object_id")
    honest = pd.read_parquet(folder / "predictions.parquet").set_index("object_id")
    np.testing.assert_allclose(table.loc[honest.index, "z_phot"], honest["z_phot"], rtol=1e-6)
    assert not table["in_training"].any()


def test_the_same_galaxy_under_another_id_is_not_new(big_store: CutoutStore, tmp_path: Path) -> None:
    folder = train(config_of(big_store, tmp_path, *FOREST)).path
    table = big_store.catalogue.assign(
        object_id=[f"other-{i}" for i in range(300)], ra=big_store.catalogue["ra"] + 1e-4
    )
    header = big_store.header.model_copy(update={"checksums": (), "catalogue_checksum": 0})
    renamed = write_store(tmp_path / "renamed", header, big_store.images, table)
    perform(config_of(renamed, tmp_path, "task=predict", f"run={folder}"))
    (applied,) = (tmp_path / "predict").iterdir()
    marked = pd.read_parquet(applied / "predictions.parquet")["in_training"].to_numpy()
    role = pd.read_parquet(folder / "split.parquet")["role"]
    np.testing.assert_array_equal(marked, role.isin(["train", "validation"]))


def test_an_equal_id_elsewhere_on_the_sky_is_another_galaxy(big_store: CutoutStore) -> None:
    split = big_store.catalogue[["object_id", "ra", "dec"]].assign(fold=3, role="train")
    split.loc[:99, "role"] = "test"
    here = big_store.catalogue[["object_id", "ra", "dec"]]
    assert (seen_in_fold(split, here) == 3).tolist() == [False] * 100 + [True] * 200
    assert (seen_in_fold(split, here.assign(ra=here["ra"] + 5)) == -1).all()
    assert (seen_in_fold(split, here.assign(ra=np.nan))[100:] == 3).all()  # the id is all there is
    assert (seen_in_fold(split[:100], here) == -1).all()


def test_galaxies_that_lack_a_band_are_told(
    big_store: CutoutStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = big_store.header.model_copy(update={"checksums": (), "catalogue_checksum": 0})
    table = big_store.catalogue.assign(missing_g=np.arange(300) % 4 == 0)
    holes = write_store(tmp_path / "holes", header, big_store.images, table)
    folder = train(config_of(holes, tmp_path / "runs", *FOREST))
    assert "75 that lack a band left out" in " ".join(capsys.readouterr().out.replace("│", "").split())
    assert folder.read_json("provenance.json")["lacking_a_band"] == 75
    arguments = ("task=predict", f"run={folder.path}")
    applied = predicted(config_of(holes, tmp_path / "runs", *arguments))
    assert "75 galaxies lack a band and are left out" in " ".join(capsys.readouterr().out.split())
    blank = predicted(config_of(holes, tmp_path / "runs", "data.missing_bands=blank", *arguments))
    assert len(pd.read_parquet(applied.path / "predictions.parquet")) == 225
    assert len(pd.read_parquet(blank.path / "predictions.parquet")) == 300


def test_predict_works_without_labels(big_store: CutoutStore, tmp_path: Path) -> None:
    folder = train(config_of(big_store, tmp_path, *FOREST)).path
    other = make_store(tmp_path / "unlabelled", n=20, seed=9)
    table = other.catalogue.assign(z=np.nan)
    header = other.header.model_copy(update={"checksums": (), "catalogue_checksum": 0})
    store = write_store(tmp_path / "none", header, other.images, table)
    perform(config_of(store, tmp_path, "task=predict", f"run={folder}"))
    (applied,) = (tmp_path / "predict").iterdir()
    assert pd.read_parquet(applied / "predictions.parquet")["z_phot"].notna().all()
    assert not (applied / "metrics.json").exists()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["task=predict"], "needs run=<run folder>"),
        (["task=predict", "run=/nowhere"], "is no finished run"),
    ],
)
def test_predict_says_what_it_lacks(
    big_store: CutoutStore, tmp_path: Path, overrides: list[str], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        perform(config_of(big_store, tmp_path, *overrides))


def test_means_of_members() -> None:
    a, b = np.array([[0.2, 0.8]], np.float32), np.array([[0.6, 0.4]], np.float32)
    np.testing.assert_allclose(average([a, b]), [[0.4, 0.6]], rtol=1e-6)
    harmonic = np.array([2 / (1 / 0.2 + 1 / 0.6), 2 / (1 / 0.8 + 1 / 0.4)])
    np.testing.assert_allclose(average([a, b], "harmonic")[0], harmonic / harmonic.sum(), rtol=1e-6)


def test_members_have_seeds_of_their_own() -> None:
    seeds = {member_seed(s, f, m) for s in range(5) for f in range(5) for m in range(5)}
    assert len(seeds) == 125
    assert member_seed(7, 0, 0) == 7


def test_a_run_that_another_process_makes_is_waited_for(
    big_store: CutoutStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(big_store, tmp_path, *FOREST)
    folder = train(config)
    made = folder.path / "provenance.json"
    written = made.stat().st_mtime_ns
    (folder.path / "metrics.json").rename(tmp_path / "metrics.json")  # as while the other one is at it
    waiting = threading.Thread(target=train, args=(config,))
    with folder.only_writer():
        waiting.start()
        waiting.join(3)
        assert waiting.is_alive()
        (tmp_path / "metrics.json").rename(folder.path / "metrics.json")
    waiting.join(30)
    said = " ".join(capsys.readouterr().out.split())
    assert "Another process makes this run; waiting for it" in said
    assert "This run is finished already" in said.rpartition("Another process")[2]
    assert made.stat().st_mtime_ns == written
