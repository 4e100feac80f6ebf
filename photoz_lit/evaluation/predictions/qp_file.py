"""PDFs on disk as a ``qp`` ensemble (HDF5, ``qp.hist``), the exchange format of RAIL; written and read in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import qp
from numpy.typing import ArrayLike, NDArray

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.pdf import check_pdfs, probability_blocks
from photoz_lit.files import whole_file
from photoz_lit.tables.hdf5_file import open_hdf5

BLOCK_ROWS = 16384


def write_pdfs_hdf5(path: str | Path, pdf: NDArray[Any], z_edges: ArrayLike, ancil: pd.DataFrame) -> Path:
    """Write binned PDFs as a ``qp.hist`` ensemble that ``qp.read`` reads back.

    The file holds densities (float32) and the ancillary table; it appears whole or not at all. ``pdf`` is read in
    blocks, so a memory map of any length passes through.

    Parameters
    ----------
    path : the file; qp knows the format by its suffix ``.hdf5``.
    pdf : probabilities, (N, n_bins).
    z_edges : (n_bins + 1,).
    ancil : one row per PDF: object id, point estimates, truth; text and number columns.

    Raises
    ------
    InputError : the table has not one row per PDF, a PDF is no distribution, or the disk is full.
    """
    target, edges = Path(path), check_pdfs(pdf, z_edges)
    if len(ancil) != pdf.shape[0]:
        raise InputError(f"{target}: {pdf.shape[0]} PDFs but {len(ancil)} rows beside them; give one row per PDF.")
    columns = {str(name): storable(ancil[name]) for name in ancil.columns}
    with whole_file(target) as partial:
        _write(partial, pdf, edges, columns)
    return target


def read_pdfs_hdf5(path: str | Path, rows: slice | None = None) -> tuple[NDArray[Any], NDArray[Any], pd.DataFrame]:
    """Read a ``qp.hist`` file.

    Returns
    -------
    probabilities (N, n_bins), edges (n_bins + 1,) and the ancillary table (N rows); of all PDFs or a slice of them.

    Raises
    ------
    InputError : no such file, no ``hist`` ensemble in it, or one that takes its data from other files.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file} is not there; give the pdfs.hdf5 of a finished run.")
    try:
        ensemble = qp.read(str(file), read_slice=rows)
        edges, density = np.ravel(ensemble.metadata["bins"]), ensemble.objdata["pdfs"]
        open_hdf5(file).close()  # refuses a file that shows another one's bytes as its own
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # tables_io raises them all
        raise InputError(_no_qp_file(file, error)) from error
    probability = np.atleast_2d(density) * np.diff(edges)
    return probability, np.asarray(edges, np.float64), pd.DataFrame(dict(ensemble.ancil or {}))


def pdf_count(path: str | Path) -> int:
    """Return how many PDFs a qp file holds."""
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file} is not there; give the pdfs.hdf5 of a finished run.")
    try:
        count = int(qp.data_length(str(file)))
        open_hdf5(file).close()
        return count
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise InputError(_no_qp_file(file, error)) from error


def iterate_pdfs(path: str | Path, rows: int = BLOCK_ROWS) -> Iterator[tuple[slice, NDArray[Any], NDArray[Any]]]:
    """Go through a qp file in blocks: rows, probabilities (rows, n_bins) and edges (n_bins + 1,)."""
    n = pdf_count(path)
    for start in range(0, n, rows):
        part = slice(start, min(start + rows, n))
        pdf, edges, _ = read_pdfs_hdf5(path, part)
        yield part, pdf, edges


def _write(path: Path, pdf: NDArray[Any], edges: NDArray[np.float64], columns: dict[str, NDArray[Any]]) -> None:
    """Lay out the groups ``meta``, ``data`` and ``ancil`` as ``qp.Ensemble.write_to`` does, but block by block."""
    with h5py.File(path, "w") as file:
        meta = file.create_group("meta")
        meta["pdf_name"] = np.array([b"hist"])
        meta["pdf_version"] = np.array([qp.hist.version])
        meta["bins"] = edges[None, :]
        density = file.create_dataset("data/pdfs", shape=pdf.shape, dtype="f4")
        for part, block in probability_blocks(pdf, BLOCK_ROWS):
            density[part] = block / np.diff(edges)
        ancil = file.create_group("ancil")
        for name, values in columns.items():
            ancil[name] = values


def _no_qp_file(file: Path, error: Exception) -> str:
    reason = str(error).strip().splitlines()[-1].strip()  # tables_io puts the cause last
    return f"{file} is no qp file of histograms ({reason}); write it with task=predict."


def storable(column: pd.Series[Any]) -> NDArray[Any]:
    """Return the column as numbers, or as bytes of fixed width (what qp decodes to text)."""
    values = column.to_numpy()
    if values.dtype.kind in "biuf":
        return values
    return np.char.encode(column.astype(str).to_numpy(object).astype(str), "utf-8")
