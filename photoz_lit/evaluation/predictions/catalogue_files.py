"""Point catalogues of a run as Parquet and FITS, and its PDFs as a qp file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from astropy.table import Table

from photoz_lit.files import whole_file
from photoz_lit.fits_text import fits_column

UNITS = {"ra": "deg", "dec": "deg", "mag": "mag"}
DESCRIPTIONS = {
    "object_id": "identifier of the galaxy",
    "z": "redshift label, NaN where unlabelled",
    "z_phot": "photometric redshift: median of the PDF",
    "z_mode": "middle of the PDF's densest bin",
    "z_mean": "mean of the PDF",
    "z_lo68": "16 % quantile of the PDF",
    "z_hi68": "84 % quantile of the PDF",
    "pdf_width": "half of the central 68 % interval",
    "fold": "test fold; negative where folds do not apply",
    "z_source": "source of the label",
    "mag": "magnitude in the reference band (AB)",
    "crps": "continuous ranked probability score against the label",
    "pit": "probability integral transform of the label",
    "z_true": "true redshift of the simulation",
    "flags": "flags of the store's catalogue, 0 is clean",
    "in_training": "every network of the run was trained on the galaxy",
    "bins": "probability in each redshift bin, see the extension GRID",
    "quantiles": "redshifts at the levels in the extension GRID",
}


def write_parquet(predictions: pd.DataFrame, path: Path) -> Path:
    """Write the point catalogue as Parquet, whole or not at all."""
    with whole_file(path) as partial:
        predictions.to_parquet(partial, index=False)
    return path


def write_fits(predictions: pd.DataFrame, path: Path, data: str) -> Path:
    """Write the point catalogue as a FITS binary table, with units and descriptions, whole or not at all.

    Parameters
    ----------
    predictions : the table of predictions.
    path : the file, replaced if it exists.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``; it becomes the header's ``DATA``.
    """
    table = catalogue_table(predictions, data)
    with whole_file(path) as partial:
        table.write(partial, format="fits", overwrite=True)
    return path


def catalogue_table(predictions: pd.DataFrame, data: str) -> Table:
    """Return the point catalogue as FITS holds it, with units and descriptions.

    Texts are transliterated to ASCII, see :mod:`photoz_lit.fits_text`; Parquet and qp files keep them as they are.
    """
    table = Table({str(name): fits_column(predictions[name]) for name in predictions.columns})
    for name in table.colnames:
        table[name].unit = UNITS.get(name)
        table[name].description = DESCRIPTIONS.get(name, "")
    table.meta.update({"EXTNAME": "PHOTOZ", "DATA": data})
    if any(
        not predictions[name].astype(str).str.isascii().all() for name in predictions.select_dtypes(exclude="number")
    ):
        table.meta["COMMENT"] = "Texts are transliterated to ASCII; photoz.parquet has them as they are."
    return table
