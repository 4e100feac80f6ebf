"""The catalogue of a store: which columns it has, of which type, and what a missing one becomes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from photoz_lit.errors import InputError
from photoz_lit.fields import BAND_ORDER

TEXT_COLUMNS = ("object_id", "z_source", "z_quality")
NUMBER_COLUMNS = ("ra", "dec", "z", "z_err", "ebv")


def magnitude_columns(bands: Sequence[str]) -> list[str]:
    """Return ``mag_<band>`` and ``mag_err_<band>`` for every band, in order."""
    return [f"{kind}_{band}" for band in bands for kind in ("mag", "mag_err")]


def complete_catalogue(catalogue: pd.DataFrame, bands: Sequence[str]) -> pd.DataFrame:
    """Return the catalogue with every column of a store, typed; what was missing is NaN, "" or 0.

    Columns: ``object_id`` (string), ``ra``, ``dec`` [deg], ``z`` (NaN where unlabelled), ``z_err``, ``z_source``,
    ``z_quality``, ``ebv`` [mag], ``mag_<band>``, ``mag_err_<band>`` (AB), ``flags`` (int, 0 is clean). Further
    columns are kept behind them.

    Raises
    ------
    InputError : ``object_id`` is missing.
    """
    if "object_id" not in catalogue:
        raise InputError("the catalogue has no column 'object_id'; map one of its columns to it.")
    n = len(catalogue)
    out: dict[str, object] = {}
    for name in TEXT_COLUMNS:
        out[name] = catalogue[name].astype(str).to_numpy(object) if name in catalogue else np.full(n, "", object)
    known = [b for b in BAND_ORDER if b in bands or f"mag_{b}" in catalogue]
    bands_in_order = known + [b for b in bands if b not in known]
    for name in [*NUMBER_COLUMNS, *magnitude_columns(bands_in_order)]:
        out[name] = np.asarray(catalogue[name], np.float64) if name in catalogue else np.full(n, np.nan)
    out["flags"] = np.asarray(catalogue["flags"], np.int64) if "flags" in catalogue else np.zeros(n, np.int64)
    for name in catalogue.columns:
        out.setdefault(str(name), catalogue[name].to_numpy())
    return pd.DataFrame(out)
