"""The folder of a label set: tables, the map and a report, written all or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astropy.table import Table

from photoz_lit.files import whole_folder, write_json, write_table
from photoz_lit.fits_text import fits_column
from photoz_lit.labels.build import LabelSet
from photoz_lit.labels.plots import write_plots


def write_label_set(labels: LabelSet, folder: str | Path, provenance: dict[str, Any] | None = None) -> Path:
    """Write ``labels.parquet``, ``labels.fits``, ``cells.parquet``, ``som.npz``, ``report.json``, ``provenance.json``
    (what made them, and the rows used and left out) and plots.

    The folder appears as a whole or not at all.

    Returns
    -------
    The folder.

    Raises
    ------
    InputError : the folder exists or cannot be written.
    """
    target = Path(folder)
    with whole_folder(target) as partial:
        catalogue = labels.catalogue
        write_table(partial / "labels.parquet", catalogue)
        Table({str(name): fits_column(catalogue[name]) for name in catalogue}).write(partial / "labels.fits")
        write_table(partial / "cells.parquet", labels.merged.cells)
        labels.som.save(partial / "som.npz")
        write_json(partial / "report.json", labels.report)
        rows = {name: labels.report[name] for name in ("rows", "rows_of")}
        write_json(partial / "provenance.json", {**rows, **(provenance or {})})
        write_plots(labels, partial / "plots")
    return target
