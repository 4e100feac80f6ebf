"""Write the predictions of a run folder: the table and, row by row beside it, the PDFs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.data.id_type import IdType, with_typed_ids
from photoz_lit.evaluation.predictions.qp_file import write_pdfs_hdf5
from photoz_lit.files import write_table


def write_predictions(
    folder: Path, table: pd.DataFrame, pdf: NDArray[Any], z_edges: ArrayLike, id_type: IdType
) -> None:
    """Write ``predictions.parquet`` and ``pdfs.hdf5``, each whole or not at all.

    Parameters
    ----------
    folder : where to.
    table : of :func:`photoz_lit.evaluation.predictions.table.predictions_table`, (N rows), with ids as texts.
    pdf : probabilities, (N, n_bins).
    z_edges : (n_bins + 1,).
    id_type : in which ``object_id`` is written.

    Raises
    ------
    InputError : an id is not of that type, or the disk is full.
    """
    published = with_typed_ids(table, id_type)
    write_table(folder / "predictions.parquet", published)
    write_pdfs_hdf5(folder / "pdfs.hdf5", pdf, z_edges, published)
