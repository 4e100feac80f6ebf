from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import qp

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics import pdf as pdfs
from photoz_lit.evaluation.predictions import qp_file
from tests.evaluation.mixtures import EDGES, gaussian_pdfs


@pytest.fixture
def ancil() -> pd.DataFrame:
    names = [f"galaxy-{k}" * (1 + k % 3) for k in range(100)]
    return pd.DataFrame({"object_id": names, "z_source": "spec", "z": np.linspace(0, 1, 100), "fold": 3})


def test_qp_reads_what_was_written(tmp_path: Path, ancil: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    pdf, z = gaussian_pdfs(100)
    ancil.loc[3, "z"] = np.nan
    monkeypatch.setattr(qp_file, "BLOCK_ROWS", 33)  # the last block is shorter
    path = qp_file.write_pdfs_hdf5(tmp_path / "sub" / "pdfs.hdf5", pdf, EDGES, ancil)
    assert [p.name for p in path.parent.iterdir()] == ["pdfs.hdf5"]
    ensemble = qp.read(str(path))
    assert ensemble.npdf == 100
    np.testing.assert_allclose(ensemble.median().ravel(), pdfs.median(pdf, EDGES), atol=1e-6)
    np.testing.assert_allclose(ensemble[7].cdf(z[7]), pdfs.pit(pdf, EDGES, z)[7], atol=1e-6)
    assert list(ensemble.ancil["object_id"]) == list(ancil["object_id"])
    np.testing.assert_array_equal(ensemble.ancil["z"], ancil["z"])
    np.testing.assert_array_equal(ensemble.ancil["fold"], 3)


def test_own_reader_gives_probabilities_back(tmp_path: Path, ancil: pd.DataFrame) -> None:
    pdf, _ = gaussian_pdfs(100)
    path = qp_file.write_pdfs_hdf5(tmp_path / "pdfs.hdf5", pdf, EDGES, ancil)
    there, edges, table = qp_file.read_pdfs_hdf5(path, slice(10, 20))
    np.testing.assert_allclose(there, pdf[10:20], atol=1e-7)
    np.testing.assert_array_equal(edges, EDGES)
    assert list(table["object_id"]) == list(ancil["object_id"][10:20])
    assert qp_file.pdf_count(path) == 100
    parts = list(qp_file.iterate_pdfs(path, 40))
    assert [(rows.start, rows.stop) for rows, _, _ in parts] == [(0, 40), (40, 80), (80, 100)]
    np.testing.assert_allclose(np.concatenate([block for _, block, _ in parts]), pdf, atol=1e-7)


def test_a_memory_map_is_written_too(tmp_path: Path, ancil: pd.DataFrame) -> None:
    pdf, _ = gaussian_pdfs(100)
    np.save(tmp_path / "pdf.npy", pdf.astype(np.float32))
    mapped = np.load(tmp_path / "pdf.npy", mmap_mode="r")
    path = qp_file.write_pdfs_hdf5(tmp_path / "pdfs.hdf5", mapped, EDGES, ancil)
    np.testing.assert_allclose(qp_file.read_pdfs_hdf5(path)[0], pdf, atol=1e-7)


def test_bad_input_leaves_the_old_file_alone(tmp_path: Path, ancil: pd.DataFrame) -> None:
    pdf, _ = gaussian_pdfs(100)
    path = qp_file.write_pdfs_hdf5(tmp_path / "pdfs.hdf5", pdf, EDGES, ancil)
    before = path.read_bytes()
    broken = pdf.copy()
    broken[60] = np.nan
    with pytest.raises(InputError, match="row 60"):
        qp_file.write_pdfs_hdf5(path, broken, EDGES, ancil)
    with pytest.raises(InputError, match="99 rows beside them"):
        qp_file.write_pdfs_hdf5(path, pdf, EDGES, ancil[:-1])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there"):
        qp_file.read_pdfs_hdf5(tmp_path / "pdfs.hdf5")
    with pytest.raises(InputError, match="not there"):
        qp_file.pdf_count(tmp_path / "pdfs.hdf5")
    (tmp_path / "pdfs.hdf5").write_text("no HDF5")
    with pytest.raises(InputError, match="no qp file"):
        qp_file.read_pdfs_hdf5(tmp_path / "pdfs.hdf5")
