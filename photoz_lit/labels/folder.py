"""The folder of a label set: tables, the map and a report, written all or nothing."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from photoz_lit.errors import InputError
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
    if target.exists():
        raise InputError(f"{target} exists already; choose another 'store' or remove it.")
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        labels.catalogue.to_parquet(partial / "labels.parquet", index=False)
        Table({str(name): fits_column(labels.catalogue[name]) for name in labels.catalogue}).write(
            partial / "labels.fits"
        )
        labels.merged.cells.to_parquet(partial / "cells.parquet", index=False)
        labels.som.save(partial / "som.npz")
        (partial / "report.json").write_text(json.dumps(plain(labels.report), indent=1) + "\n")
        rows = {name: labels.report[name] for name in ("rows", "rows_of")}
        made = json.dumps(plain({**rows, **(provenance or {})}), indent=1, ensure_ascii=False)
        (partial / "provenance.json").write_text(made + "\n", encoding="utf-8")
        write_plots(labels, partial / "plots")
        partial.rename(target)
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # after an error; else it has its name already
    return target


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: NaN becomes null, NumPy numbers plain ones."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and not np.isfinite(value) else value
