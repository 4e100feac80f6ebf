"""Point catalogues of a run as Parquet, FITS and VOTable, each column with its unit, UCD and meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits, votable
from astropy.table import Table
from numpy.typing import NDArray

from photoz_lit.files import whole_file
from photoz_lit.fits_text import fits_column

UNITS = {"ra": "deg", "dec": "deg", "mag": "mag"}
#: Unified content descriptors of the IVOA, version 1+.
UCDS = {
    "object_id": "meta.id;meta.main",
    "ra": "pos.eq.ra;meta.main",
    "dec": "pos.eq.dec;meta.main",
    "z": "src.redshift",
    "z_phot": "src.redshift.phot;meta.main",
    "z_mode": "src.redshift.phot",
    "z_mean": "src.redshift.phot;stat.mean",
    "z_lo68": "src.redshift.phot;stat.min",
    "z_hi68": "src.redshift.phot;stat.max",
    "z_lo95": "src.redshift.phot;stat.min",
    "z_hi95": "src.redshift.phot;stat.max",
    "pdf_width": "stat.error;src.redshift.phot",
    "z_source": "meta.ref",
    "mag": "phot.mag",
    "crps": "stat.fit.goodness",
    "pit": "stat.probability",
    "z_true": "src.redshift",
    "flags": "meta.code",
    "in_training": "meta.code",
    "n_peaks": "meta.number",
    "odds": "stat.probability",
    "blended": "meta.code.qual",
    "edge": "meta.code.qual",
    "training_percentile": "stat.rank",
    "outside_training": "meta.code.qual",
    "unreliable": "meta.code.qual",
}
DESCRIPTIONS = {
    "object_id": "identifier of the galaxy",
    "z": "redshift label, NaN where unlabelled",
    "z_phot": "photometric redshift: median of the PDF",
    "z_mode": "middle of the PDF's densest bin",
    "z_mean": "mean of the PDF",
    "z_lo68": "16 % quantile of the PDF",
    "z_hi68": "84 % quantile of the PDF",
    "z_lo95": "2.5 % quantile of the PDF",
    "z_hi95": "97.5 % quantile of the PDF",
    "pdf_width": "half of the central 68 % interval",
    "fold": "test fold; negative where folds do not apply",
    "z_source": "source of the label",
    "mag": "magnitude in the reference band (AB)",
    "crps": "continuous ranked probability score against the label",
    "pit": "probability integral transform of the label",
    "z_true": "true redshift of the simulation",
    "flags": "flags of the store's catalogue, 0 is clean",
    "in_training": "every network of the run was trained on the galaxy",
    "n_peaks": "peaks of the PDF: stretches above a tenth of its maximum with 5 % of the probability",
    "odds": "probability that z_phot is no outlier, by the PDF",
    "blended": "another source within 3 FWHM, at a tenth of the galaxy's peak or more",
    "edge": "0.5 % or more of a band's pixels have no value",
    "training_percentile": "distance from the training set, as a percentile of validation galaxies",
    "outside_training": "training_percentile is above 95",
    "unreliable": "odds below those of 98 % of the validation galaxies, or training_percentile above 98",
    "bins": "probability in each redshift bin, see the extension GRID",
    "quantiles": "redshifts at the levels in the extension GRID",
}


def write_parquet(predictions: pd.DataFrame, path: Path, data: str = "") -> Path:
    """Write the point catalogue as Parquet, whole or not at all; each column's metadata say unit, UCD and meaning."""
    table = pa.Table.from_pandas(predictions, preserve_index=False)
    fields = [field.with_metadata(_about(field.name)) for field in table.schema]
    with whole_file(path) as partial:
        pq.write_table(table.cast(pa.schema(fields, {**(table.schema.metadata or {}), "data": data})), partial)
    return path


def write_fits(predictions: pd.DataFrame, path: Path, data: str) -> Path:
    """Write the point catalogue as a FITS binary table, with units, UCDs and descriptions, whole or not at all.

    Parameters
    ----------
    predictions : the table of predictions.
    path : the file, replaced if it exists.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``; it becomes the header's ``DATA``.
    """
    hdu = fits.table_to_hdu(catalogue_table(predictions, data))
    for number, name in enumerate(predictions.columns, 1):
        for key, value in (("TUCD", UCDS.get(name)), ("TCOMM", DESCRIPTIONS.get(name))):
            if value:
                hdu.header[f"{key}{number}"] = value
    with whole_file(path) as partial:
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(partial, overwrite=True)
    return path


def write_votable(predictions: pd.DataFrame, path: Path, data: str) -> Path:
    """Write the point catalogue as a VOTable, with units, UCDs and descriptions, whole or not at all.

    Texts keep their letters. Parameters are those of :func:`write_fits`.
    """
    columns = {str(name): _votable_column(predictions[name]) for name in predictions.columns}
    table = Table(columns)
    _describe(table)
    for name in table.colnames:
        table[name].meta["ucd"] = UCDS.get(name)
    content = votable.from_table(table, "photoz")
    content.description = f"photometric redshifts of photoz_lit; data: {data}"
    with whole_file(path) as partial:
        content.to_xml(str(partial))
    return path


def catalogue_table(predictions: pd.DataFrame, data: str) -> Table:
    """Return the point catalogue as FITS holds it, with units and descriptions.

    Texts are transliterated to ASCII, see :mod:`photoz_lit.fits_text`; Parquet and qp files keep them as they are.
    """
    table = Table({str(name): fits_column(predictions[name]) for name in predictions.columns})
    _describe(table)
    table.meta.update({"EXTNAME": "PHOTOZ", "DATA": data})
    if any(
        not predictions[name].astype(str).str.isascii().all() for name in predictions.select_dtypes(exclude="number")
    ):
        table.meta["COMMENT"] = "Texts are transliterated to ASCII; photoz.parquet has them as they are."
    return table


def _describe(table: Table) -> None:
    for name in table.colnames:
        table[name].unit = UNITS.get(name)
        table[name].description = DESCRIPTIONS.get(name, "")


def _about(name: str) -> dict[str, str]:
    """Unit, UCD and description of a column, those that it has."""
    found = {"unit": UNITS.get(name), "ucd": UCDS.get(name), "description": DESCRIPTIONS.get(name)}
    return {key: value for key, value in found.items() if value}


def _votable_column(column: pd.Series[Any]) -> NDArray[Any]:
    if pd.api.types.is_numeric_dtype(column.dtype):  # booleans too
        return column.to_numpy(np.float64, na_value=np.nan) if column.isna().any() else _votable_numbers(column)
    texts = column.fillna("").astype(str).to_numpy(object)
    return np.array(texts, dtype=str) if len(texts) else np.empty(0, "U1")


def _votable_numbers(column: pd.Series[Any]) -> NDArray[Any]:
    """Numbers as a VOTable holds them: it has no uint64, so such ids are int64 where all fit, else texts."""
    values = column.to_numpy()
    if values.dtype != np.uint64:
        return values
    return values.astype(np.int64 if not len(values) or values.max() <= np.iinfo(np.int64).max else str)
