from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import qp
from astropy.table import Table

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions.qp_file import pdf_count, read_pdfs_hdf5, write_pdfs_hdf5
from photoz_lit.evaluation.predictions.table import read_predictions
from photoz_lit.tasks import export
from photoz_lit.tasks.task import perform
from tests.composed import composed
from tests.evaluation.mixtures import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "0", "hsc6b_baseline", 0, n=40)


def test_three_files_with_the_same_galaxies(run: Path, tmp_path: Path) -> None:
    perform(composed("task=export", f"run={run}", f"store={tmp_path}"))
    predictions = read_predictions(run)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "photoz.parquet"), predictions)
    table = Table.read(tmp_path / "photoz.fits")
    assert [str(name).strip() for name in table["object_id"]] == list(predictions["object_id"])
    np.testing.assert_array_equal(table["z_phot"], predictions["z_phot"])
    ensemble = qp.read(str(tmp_path / "photoz_pdfs.hdf5"))
    np.testing.assert_allclose(ensemble.median().ravel(), predictions["z_phot"], atol=1e-6)
    assert list(ensemble.ancil["object_id"]) == list(predictions["object_id"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["photoz.fits", "photoz.parquet", "photoz_pdfs.hdf5"]


def test_all_files_or_none(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    perform(composed("task=export", f"run={run}", f"store={tmp_path}"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fails(*_: object) -> None:
        raise InputError("the disk is full")

    monkeypatch.setattr(export, "write_fits", fails)
    with pytest.raises(InputError, match="the disk is full"):
        perform(composed("task=export", f"run={run}", f"store={tmp_path}"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_names_beyond_ascii(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "run"
    shutil.copytree(run, other)
    table = pd.read_parquet(other / "predictions.parquet").assign(z_source="VIMOS–Ñ")
    table.loc[0, "object_id"] = "Abell 370 – α0"
    table.to_parquet(other / "predictions.parquet", index=False)
    perform(composed("task=export", f"run={other}"))
    read = Table.read(other / "export" / "photoz.fits")
    assert str(read["object_id"][0]).strip() == "Abell 370 - alpha0"
    assert {str(source).strip() for source in read["z_source"]} == {"VIMOS-N"}
    assert pd.read_parquet(other / "export" / "photoz.parquet")["object_id"][0] == "Abell 370 – α0"


def test_the_run_itself_is_the_default_place(run: Path) -> None:
    perform(composed("task=export", f"run={run}"))
    assert (run / "export" / "photoz.fits").is_file()


def test_a_run_without_labels_or_galaxies_is_exported_in_every_format(run: Path, tmp_path: Path) -> None:
    pdf, edges, _ = read_pdfs_hdf5(run / "pdfs.hdf5")
    for n in (40, 0):
        other = tmp_path / f"run{n}"
        shutil.copytree(run, other)
        table = pd.read_parquet(run / "predictions.parquet")[:n].assign(z=np.nan, z_source="", crps=np.nan, pit=np.nan)
        table.to_parquet(other / "predictions.parquet", index=False)
        write_pdfs_hdf5(other / "pdfs.hdf5", pdf[:n], edges, table)
        perform(composed("task=export", f"run={other}", "task.format=[parquet,fits,votable,qp]"))
        assert len(Table.read(other / "export" / "photoz.vot")) == n
        assert len(Table.read(other / "export" / "photoz.fits")) == n
        assert len(pd.read_parquet(other / "export" / "photoz.parquet")) == n
        assert pdf_count(other / "export" / "photoz_pdfs.hdf5") == n


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs run="):
        perform(composed("task=export"))
    with pytest.raises(InputError, match="is no finished run"):
        perform(composed("task=export", f"run={tmp_path}"))
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match="is not there"):
        perform(composed("task=export", f"run={tmp_path}"))
