"""RAIL's stages give the PDFs of the command line, in the order of their input, whole and with every id."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from photoz_lit.api import load
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.qp_file import read_pdfs_hdf5
from tests.composed import composed, predicted
from tests.rail.conftest import COLUMNS, table_of
from tests.two_fields import changed


def probabilities(ensemble: Any) -> np.ndarray:
    return ensemble.objdata["pdfs"] * np.diff(np.ravel(ensemble.metadata["bins"]))


def estimated(store: Any, **options: Any) -> Any:
    from photoz_lit.rail import PhotozLitImageEstimator

    return PhotozLitImageEstimator.make_stage(**options).estimate(store)()


def test_images_give_the_pdfs_of_the_predict_task(network: Any, others: CutoutStore, place: Path) -> None:
    run = network.data.path
    arguments = ("task=predict", f"run={run}", f"data.store={others.path}", f"paths.runs={place}", "field=hsc6b")
    expected, edges, _ = read_pdfs_hdf5(predicted(composed(*arguments)).path / "pdfs.hdf5")
    found = estimated(others, name="blocks", model=network, chunk_size=64)
    np.testing.assert_allclose(probabilities(found), expected, atol=1e-6)
    np.testing.assert_allclose(np.ravel(found.metadata["bins"]), edges)
    pdfs = load(run).predict(others.images, bands=others.header.bands, catalogue=others.catalogue)
    assert found.ancil["id"].tolist() == others.catalogue["object_id"].tolist()
    np.testing.assert_allclose(found.ancil["redshift"], others.catalogue["z"])
    for name, values in (("zmode", pdfs.z_mode), ("zmean", pdfs.z_mean), ("zmedian", pdfs.z_phot)):
        np.testing.assert_allclose(found.ancil[name], values, atol=1e-6)
    assert set(found.ancil["distribution_type"]) == {1}


def test_the_model_is_one_file_that_works_without_the_run(network: Any, others: CutoutStore, place: Path) -> None:
    names = set(zipfile.ZipFile(place / "model_network.zip").namelist())
    assert {"provenance.json", "metrics.json", "split.parquet", "checkpoints/fold_0_member_0/best.ckpt"} <= names
    assert not {"pdfs.hdf5", "report.html", "checkpoints/fold_0_member_0/test_pdf.npy"} & names
    by_file = estimated(others, name="file", model="model_network.zip", output_mode="return")
    by_folder = estimated(others, name="folder", model=str(network.data.path), output_mode="return")
    np.testing.assert_array_equal(by_file.objdata["pdfs"], by_folder.objdata["pdfs"])
    assert not list(place.glob("output_file*"))


def test_processes_share_the_blocks_of_a_store(store: CutoutStore, place: Path) -> None:
    from photoz_lit.rail import StoreHandle

    handle = StoreHandle("input", path=str(store.path))
    shares = [list(handle.iterator(chunk_size=50, rank=rank, parallel_size=2)) for rank in (0, 1)]
    blocks = sorted((start, end) for share in shares for start, end, _ in share)
    assert blocks == [(0, 50), (50, 100), (100, 150), (150, 200), (200, 240)]
    assert [len(share) for share in shares] == [3, 2]
    assert handle.size(groupname="photometry") == 240


def test_a_stage_reads_each_store_that_it_is_given(
    network: Any, store: CutoutStore, others: CutoutStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rail.core.data import DataStore

    from photoz_lit.rail import PhotozLitImageEstimator

    monkeypatch.setattr(DataStore, "allow_overwrite", True)  # else a stage of RAIL runs once
    stage = PhotozLitImageEstimator.make_stage(name="twice", model=network, output_mode="return")
    assert stage.estimate(store)().npdf == 240
    assert stage.estimate(others.path)().ancil["id"].tolist() == others.catalogue["object_id"].tolist()


def test_ids_are_whole_in_every_block_and_unlabelled_stores_have_no_redshift(
    network: Any, others: CutoutStore, place: Path
) -> None:
    names = [*(f"a{n}" for n in range(50)), *(f"galaxie-é-{n:040d}" for n in range(100))]
    table = others.catalogue.assign(object_id=names, z=np.nan)
    found = estimated(changed(others, place / "named", table), name="named", model=network, chunk_size=50)
    assert found.ancil["id"].tolist() == names
    assert "redshift" not in found.ancil
    too_long = changed(others, place / "long", table.assign(object_id=[*names[1:], "x" * 65]))
    with pytest.raises(InputError, match="longer than 64 bytes"):
        estimated(too_long, name="long", model=network, output_mode="return")


def test_forests_give_the_pdfs_of_galaxies_by_networks_that_never_saw_them(forest: Any, store: CutoutStore) -> None:
    from photoz_lit.rail import PhotozLitCatalogueForestEstimator

    run = forest.data.path
    assert json.loads((run / "metrics.json").read_text())["data"] == "simulated"
    assert not (run / "plots" / "montage.png").is_file()  # there are no stamps
    stage = PhotozLitCatalogueForestEstimator.make_stage(name="forest", model=forest, magnitudes=COLUMNS)
    found = stage.estimate(table_of(store))()
    expected, _, beside = read_pdfs_hdf5(run / "pdfs.hdf5")
    order = beside.reset_index().set_index("object_id").loc[found.ancil["id"], "index"]
    np.testing.assert_allclose(probabilities(found), expected[order], atol=1e-6)
    np.testing.assert_allclose(found.ancil["redshift"], store.catalogue["z"])


def test_what_does_not_fit_is_refused_with_a_sentence(
    network: Any, forest: Any, store: CutoutStore, place: Path
) -> None:
    from photoz_lit.rail import PhotozLitCatalogueForestEstimator, PhotozLitCatalogueForestInformer

    table = table_of(store)
    options = {"name": "wrong", "field": "hsc6b", "data_kind": "simulated", "magnitudes": COLUMNS}
    with pytest.raises(InputError, match=r"no column 'redshfit'; did you mean 'redshift'"):
        PhotozLitCatalogueForestInformer.make_stage(**options, redshift_col="redshfit").inform(table)
    with pytest.raises(InputError, match="data_kind=mock is none; give simulated"):
        PhotozLitCatalogueForestInformer.make_stage(**{**options, "data_kind": "mock"}).inform(table)
    with pytest.raises(InputError, match="no column 'mag_u'; did you mean 'mag_u_lsst'"):
        PhotozLitCatalogueForestEstimator.make_stage(name="bare", model=forest).estimate(table)
    with pytest.raises(InputError, match=r"network=plain, which reads images; .*PhotozLitImageEstimator"):
        PhotozLitCatalogueForestEstimator.make_stage(name="pixels", model=network).estimate(table)
    (place / "no.zip").write_text("no")
    with pytest.raises(InputError, match=r"no\.zip is no model"):
        estimated(store, name="no", model="no.zip")
    with pytest.raises(InputError, match="is no finished run"):
        estimated(store, name="no2", model=str(store.path))
