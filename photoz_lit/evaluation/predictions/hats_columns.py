"""Predictions as the HATS catalogues of photometric redshifts have them: flat estimates, and PDFs as nested columns.

Names are those of Rubin's DP1 photo-z catalogue, ``<estimator>_z_<estimate>`` and ``<estimator>_ens_<kind of qp>``, and
fields of a nested column those of ``qp``: ``pdfs`` (densities) of ``hist``, ``quants`` and ``locs`` of ``quant``. See
https://docs.lsdb.io/en/latest/tutorials/pre_executed/rubin_dp1_photoz.html.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from photoz_lit.evaluation.predictions.pdf_columns import PdfColumns

ESTIMATOR = "photoz_lit"
#: Column of a shard -> what the catalogue calls it.
RENAMED = {
    "z_mode": f"{ESTIMATOR}_z_mode",
    "z_mean": f"{ESTIMATOR}_z_mean",
    "z_lo68": f"{ESTIMATOR}_z_err68_low",
    "z_hi68": f"{ESTIMATOR}_z_err68_high",
    "z_lo95": f"{ESTIMATOR}_z_err95_low",
    "z_hi95": f"{ESTIMATOR}_z_err95_high",
}
MEDIAN = f"{ESTIMATOR}_z_median"
NESTED = {"bins": f"{ESTIMATOR}_ens_hist", "quantiles": f"{ESTIMATOR}_ens_quant"}
HEALPIX = "_healpix_29"  # what HATS calls a galaxy's pixel of order 29, by which rows are sorted
HEALPIX_ORDER = 29


def hats_table(shard: pa.Table, columns: PdfColumns, healpix: NDArray[np.int64]) -> pa.Table:
    """Rows of a shard with the columns of a HATS catalogue.

    Parameters
    ----------
    shard : table of a Parquet shard, (N rows).
    columns : what its PDFs are.
    healpix : pixel of order 29 of each row, (N,).

    Returns
    -------
    ``_healpix_29``, the shard's columns with estimates renamed, ``<estimator>_z_median`` (which is ``z_phot``), and the
    nested column of PDFs; its metadata hold the grid as the shard's do.
    """
    values = shard[columns.kind].combine_chunks()
    flat = shard.drop_columns([columns.kind]).combine_chunks()
    flat = flat.rename_columns([RENAMED.get(name, name) for name in flat.column_names])
    flat = flat.append_column(MEDIAN, flat["z_phot"]).append_column(NESTED[columns.kind], _nested(values, columns))
    flat = flat.add_column(0, HEALPIX, pa.array(healpix))
    about = {key: json.dumps(numbers) for key, numbers in columns.grid.items()}
    data = (shard.schema.metadata or {}).get(b"data", b"").decode()
    return flat.replace_schema_metadata({"data": data, **about})


def _nested(values: pa.FixedSizeListArray, columns: PdfColumns) -> pa.StructArray:
    """PDFs of N galaxies as a struct of lists, which lsdb reads as a nested column."""
    numbers = values.flatten().to_numpy(zero_copy_only=False).reshape(-1, columns.size)
    if columns.kind == "bins":
        densities = numbers / np.diff(columns.z_edges).astype(np.float32)
        return pa.StructArray.from_arrays([_lists(densities)], ["pdfs"])
    levels = np.broadcast_to(np.array(columns.levels, np.float32), numbers.shape)
    return pa.StructArray.from_arrays([_lists(levels), _lists(numbers)], ["quants", "locs"])


def _lists(numbers: NDArray[np.float32]) -> pa.ListArray:
    rows, width = numbers.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(numbers, np.float32).reshape(-1)))
