"""What a comparison needs of each test galaxy, small enough to be kept beside a study's results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions import read_predictions
from photoz_lit.evaluation.whole_file import whole_file

NUMBERS = ("z", "z_phot", "crps")
MADE_WITH = "made_with"
Setting = dict[str, Any]


def keep_galaxies(run: Path, file: Path, made_with: Setting) -> None:
    """Write those of a run, see :func:`write_galaxies`, for a study to keep.

    About 15 byte per galaxy, and some 90 kB for what made them; nothing is done where the copy is as new as the run's
    ``predictions.parquet``.

    Parameters
    ----------
    run : run folder.
    file : Parquet file that is written; its folder is made if missing.
    made_with : what shaped the run, by dotted key.
    """
    source = run / "predictions.parquet"
    if not source.is_file() or (file.is_file() and file.stat().st_mtime >= source.stat().st_mtime):
        return
    write_galaxies(read_predictions(run), file, made_with)


def copy_galaxies(source: Path, file: Path, made_with: Setting) -> None:
    """Write a copy of kept galaxies that says what made them."""
    galaxies = read_kept_galaxies(source)
    galaxies.attrs[MADE_WITH] = made_with
    _write(galaxies, file)


def write_galaxies(predictions: pd.DataFrame, file: Path, made_with: Setting | None = None) -> None:
    """Write ``object_id``, ``z``, ``z_phot``, ``crps`` (float32) and ``z_source`` of the labelled test galaxies.

    ``made_with``, what shaped the run that predicted them, goes into the file's metadata (pandas' ``attrs``).
    """
    keep = np.isfinite(predictions["z"])
    if "in_training" in predictions:
        keep &= ~predictions["in_training"]
    numbers = [name for name in NUMBERS if name in predictions]
    kept = predictions.loc[keep, ["object_id", *numbers, "z_source"]]
    kept = kept.astype(dict.fromkeys(numbers, np.float32) | {"z_source": "category"})
    kept.attrs = {} if made_with is None else {MADE_WITH: made_with}
    _write(kept, file)


def _write(kept: pd.DataFrame, file: Path) -> None:
    with whole_file(file) as partial:
        kept.to_parquet(partial, index=False, compression="zstd")


def read_kept_galaxies(file: Path) -> pd.DataFrame:
    """Read what :func:`keep_galaxies` wrote.

    Raises
    ------
    InputError : the file cannot be read.
    """
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read ({error}); delete it and run the study again.") from error


def made_with(file: Path) -> Setting | None:
    """What shaped the run whose galaxies a file keeps; None where the file does not say or cannot be read."""
    try:
        metadata = pq.read_schema(file).metadata or {}
        found = json.loads(metadata[b"PANDAS_ATTRS"])[MADE_WITH]
    except (OSError, ValueError, KeyError):
        return None
    return found if isinstance(found, dict) else None
