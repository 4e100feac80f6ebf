"""From arrays to PDFs in Python: what task=predict gives, refused as there, without Hydra and Lightning."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import photoz_lit
from photoz_lit import api
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics import pdf as formulas
from photoz_lit.evaluation.predictions.pdfs import PDFs
from photoz_lit.evaluation.predictions.qp_file import read_pdfs_hdf5
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.train import train
from tests.composed import composed, predicted
from tests.conftest import make_store
from tests.two_fields import changed, source_and_target

NETWORK = ("network=plain", "scale.max_epochs=1", "ensemble.members=2", "module.calibration=pit", "module.tta=8")
FOREST = ("network=catalogue_forest", "network.trees=10", "cv.folds=5")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("stores") / "store", n=560)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    """Galaxies of another sky."""
    plain = make_store(tmp_path_factory.mktemp("stores") / "plain", n=30, seed=5, size=34)
    table = plain.catalogue.assign(ra=plain.catalogue["ra"] + 20)
    return changed(plain, plain.path.with_name("others"), table)


def trained(store: CutoutStore, runs: Path, *overrides: str) -> RunFolder:
    places = ("field=hsc6b", f"data.store={store.path}", f"paths.runs={runs}")
    return train(composed(*places, "data.bands=[g,r,i]", *overrides))


@pytest.fixture(scope="module")
def network(store: CutoutStore, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return trained(store, tmp_path_factory.mktemp("runs"), *NETWORK)


@pytest.fixture(scope="module")
def forest(store: CutoutStore, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return trained(store, tmp_path_factory.mktemp("runs"), *FOREST)


def by_task(run: RunFolder, store: CutoutStore, runs: Path, *overrides: str) -> np.ndarray:
    """PDFs of ``task=predict``."""
    applied = ("task=predict", f"run={run.path}", f"data.store={store.path}", f"paths.runs={runs}", "field=hsc6b")
    return read_pdfs_hdf5(predicted(composed(*applied, *overrides)).path / "pdfs.hdf5")[0]


def given(store: CutoutStore, **changes: Any) -> dict[str, Any]:
    header, table = store.header, store.catalogue
    arguments = {"ebv": table["ebv"], "bands": header.bands, "zero_points": header.zero_points}
    return {"images": np.asarray(store.images), **arguments, **changes}


def test_pdfs_of_members_symmetric_images_and_calibration_are_those_of_the_task(
    network: RunFolder, others: CutoutStore, tmp_path: Path
) -> None:
    calibration = json.loads((network.path / "calibration.json").read_text())
    assert len(calibration["folds"]["0"]["weights"][0]) > 1 or any(calibration["folds"]["0"]["power"])
    expected = by_task(network, others, tmp_path)
    model = photoz_lit.load(network.path, device="cpu")
    assert (model.bands, model.stamp_size, model.data) == (("g", "r", "i"), 32, "simulated")
    pdfs = model.predict(**given(others))
    np.testing.assert_allclose(pdfs.pdf, expected, atol=1e-6)
    # bands in another order, another zero point, other batches, a run named by a file of it
    order = [3, 1, 0, 2]
    bands = [others.header.bands[k] for k in order]
    images = np.asarray(others.images)[:, order] * 10**0.4
    zero_points = [others.header.zero_points[band] + 1 for band in bands]
    again = photoz_lit.load(network.path / "metrics.json", device="cpu", batch_size=7)
    one = again.predict(images, others.catalogue["ebv"].to_numpy(), bands, zero_points)
    np.testing.assert_allclose(one.pdf, expected, atol=2e-6)
    assert np.abs(model.predict(**given(others, zero_points=25.0)).pdf - expected).max() > 1e-3
    assert np.abs(model.predict(**given(others, ebv=1.0)).pdf - expected).max() > 1e-4


def test_a_cross_validated_forest_reads_the_catalogue(
    forest: RunFolder, store: CutoutStore, others: CutoutStore, tmp_path: Path
) -> None:
    model = photoz_lit.load(forest.path)
    new = model.predict(**given(others), catalogue=others.catalogue.drop(columns=["z", "ebv"]))
    np.testing.assert_allclose(new.pdf, by_task(forest, others, tmp_path), atol=1e-6)
    assert new.object_id.tolist() == others.catalogue["object_id"].tolist()
    # galaxies of the run are predicted by the networks that never saw them, where a catalogue says which they are
    own = model.predict(**given(store), catalogue=store.catalogue)
    np.testing.assert_allclose(own.pdf, by_task(forest, store, tmp_path), atol=1e-6)
    without = model.predict(**given(store), catalogue=store.catalogue[["mag_g", "mag_r", "mag_i"]])
    assert np.abs(without.pdf - own.pdf).max() > 0.01


@pytest.mark.long
def test_images_of_the_target_of_an_adaptation_are_calibrated(tmp_path: Path) -> None:
    source, target = source_and_target(tmp_path, n=110)
    pair = (f"data.source={source.path}", f"data.target={target.path}", "adapt=dann_calibrated", "network=plain")
    short = ("scale.max_epochs=1", "adapt.epochs=1", "adapt.discriminator_steps=2", "adapt.hidden=8")
    places = ("field=hsc6b", f"paths.runs={tmp_path}", "adapt.least_accuracy=0")
    run = train(composed(*pair, *short, *places))
    new = make_store(tmp_path / "new", n=12, seed=8)
    with pytest.warns(UserWarning, match="counts as the target"):
        expected = by_task(run, new, tmp_path)
    with pytest.warns(UserWarning, match="counts as the target"):
        pdfs = photoz_lit.load(run.path, device="cpu").predict(**given(new))
    np.testing.assert_allclose(pdfs.pdf, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bands": ["u", "g", "r", "z", "y", "j"]}, r"images has no band 'i'; it has u, g, r, z, y, j\."),
        ({"zero_points": {"g": 27.0, "r": 27.0}}, "images has no AB zero point for band 'i'"),
        ({"zero_points": float("nan")}, "images has no AB zero point for band 'g'"),
        ({"zero_points": [27.0]}, "zero_points has 1 values for the 6 bands"),
        ({"pixel_scale": 0.3}, "images has 0.3″ pixels and field 'hsc6b' 0.168″"),
        ({"images": np.zeros((2, 6, 16, 16))}, "images has stamps of 16×16 pixels and the network needs 32"),
        ({"images": np.zeros((2, 5, 32, 32))}, r"images has shape \(2, 5, 32, 32\)"),
        ({"images": np.zeros((6, 32, 32))}, r"images has shape \(6, 32, 32\)"),
        ({"images": np.full((2, 6, 32, 32), "x")}, "give numbers"),
        ({"ebv": [0.1, 0.2, 0.3]}, r"ebv has shape \(3,\) for 2 images"),
        ({"catalogue": {"mag_i": [20.0]}}, "catalogue has 1 rows for 2 images"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    network: RunFolder, changes: dict[str, Any], sentence: str
) -> None:
    whole = {"images": np.zeros((2, 6, 32, 32)), "bands": ["g", "r", "i", "z", "y", "u"], "ebv": 0.02}
    with pytest.raises(InputError, match=sentence):
        photoz_lit.load(network.path, device="cpu").predict(**{**whole, **changes})


def test_what_is_no_run_is_refused(tmp_path: Path, network: RunFolder) -> None:
    with pytest.raises(InputError, match="is no finished run"):
        photoz_lit.load(tmp_path)
    with pytest.raises(InputError, match="device='toaster' is none"):
        photoz_lit.load(network.path, device="toaster")


def test_no_galaxies_have_no_pdfs(network: RunFolder) -> None:
    pdfs = photoz_lit.load(network.path, device="cpu").predict(np.empty((0, 3, 32, 32)))
    assert len(pdfs) == len(pdfs.table()) == 0
    assert pdfs.z_phot.shape == (0,)
    assert pdfs.cdf([0.1, 0.2]).shape == (0, 2)


SCRIPT = """
import sys
import numpy as np
import photoz_lit
assert "torch" not in sys.modules
pdfs = photoz_lit.load(sys.argv[1], device="cpu").predict(np.ones((2, 3, 32, 32)))
assert pdfs.pdf.shape[0] == 2
heavy = ("hydra", "pytorch_lightning", "lightning_fabric", "torchmetrics", "wandb", "galsim", "matplotlib")
print([name for name in heavy if name in sys.modules])
"""


def test_neither_hydra_nor_lightning_is_imported(network: RunFolder) -> None:
    command = [sys.executable, "-c", SCRIPT, str(network.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def gaussians() -> PDFs:
    edges = np.concatenate([np.linspace(0, 1, 200), np.linspace(1, 3, 100)[1:]])
    centre = np.random.default_rng(0).uniform(0.4, 2.2, 40)
    pdf = np.diff(stats.norm.cdf(edges[None], centre[:, None], 0.05), axis=1)
    return PDFs((pdf / pdf.sum(axis=1, keepdims=True)).astype(np.float32), edges, np.arange(40).astype(str))


def test_quantiles_cdf_and_table_agree_with_qp(gaussians: PDFs) -> None:
    ensemble = gaussians.to_qp()
    np.testing.assert_allclose(gaussians.quantile([0.1, 0.9]), ensemble.ppf([0.1, 0.9]), atol=1e-6)
    np.testing.assert_allclose(gaussians.cdf([0.5, 1.5]), ensemble.cdf([0.5, 1.5]), atol=1e-6)
    np.testing.assert_allclose(gaussians.quantile(0.5), gaussians.z_phot)
    np.testing.assert_allclose(gaussians.width, 0.05, rtol=0.02)
    assert gaussians.cdf(1.0).shape == (40,)
    table = gaussians.table()
    np.testing.assert_allclose(ensemble.ancil["z_lo68"], table["z_lo68"])
    pd.testing.assert_frame_equal(gaussians[:3].table(), table[:3], rtol=1e-12)  # sums of other lengths differ in bits
    with pytest.raises(InputError, match="between 0 and 1"):
        gaussians.quantile(1.2)


def test_evaluate_gives_the_metrics_of_galaxies_with_a_redshift(gaussians: PDFs) -> None:
    z = gaussians.z_phot + 0.1
    z[::4] = np.nan
    found = photoz_lit.evaluate(gaussians, z)
    known = np.isfinite(z)
    delta = (gaussians.z_phot - z)[known] / (1 + z[known])
    assert found["sigma_mad"] == pytest.approx(1.4826 * stats.median_abs_deviation(delta))
    assert found["eta"] == 0
    assert photoz_lit.evaluate(gaussians, z, outlier_threshold=0.01)["eta"] == 1
    assert found["crps"] == pytest.approx(formulas.crps(gaussians.pdf[known], gaussians.z_edges, z[known]).mean())
    with pytest.raises(InputError, match="no known redshift"):
        photoz_lit.evaluate(gaussians, np.full(40, np.nan))
    with pytest.raises(InputError, match="one redshift per PDF"):
        photoz_lit.evaluate(gaussians, [0.1])


def test_simulate_writes_the_store_of_the_task(tmp_path: Path) -> None:
    settings = {"scale.stamp_size": 16, "simulation.processes": 1}
    made = photoz_lit.simulate(tmp_path / "sky", field="sdss", n_galaxies=5, seed=3, settings=settings)
    assert made.images.shape == (5, 5, 16, 16)
    other = photoz_lit.simulate(tmp_path / "other", field="sdss", n_galaxies=5, seed=4, settings=settings)
    assert made.data_hash != other.data_hash
    with pytest.raises(InputError, match=r"unknown key 'simulation.z_maxx'; did you mean"):
        photoz_lit.simulate(tmp_path / "x", field="sdss", n_galaxies=5, settings={"simulation.z_maxx": 1})
    with pytest.raises(InputError, match="sdsss"):
        photoz_lit.simulate(tmp_path / "x", field="sdsss", n_galaxies=5)


def test_ingest_reads_own_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "stamps.npy", np.random.default_rng(0).normal(size=(4, 2, 16, 16)).astype(np.float32))
    pd.DataFrame({"object_id": list("abcd"), "ra": [1.0, 2, 3, 4], "dec": 0.0}).to_csv(tmp_path / "t.csv")
    settings = {
        "ingest.catalogue": str(tmp_path / "t.csv"),
        "ingest.bands": ["g", "r"],
        "ingest.zero_points": {"g": 27.0, "r": 27.0},
        "ingest.pixel_scale": 0.168,
    }
    store = api.ingest(tmp_path / "mine", tmp_path / "stamps.npy", reader="arrays", field="hsc6b", settings=settings)
    assert store.header.bands == ("g", "r")
    assert store.catalogue["object_id"].tolist() == list("abcd")
