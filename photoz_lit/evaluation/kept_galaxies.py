"""What a comparison needs of each test galaxy, small enough to be kept beside a study's results."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.errors import InputError
from photoz_lit.evaluation.predictions import read_predictions
from photoz_lit.files import whole_file

NUMBERS = ("z", "z_phot", "crps")


def keep_galaxies(run: Path, file: Path) -> None:
    """Write those of a run, see :func:`write_galaxies`, for a study to keep.

    About 15 byte per galaxy; nothing is done where the copy is as new as the run's ``predictions.parquet``.

    Parameters
    ----------
    run : run folder.
    file : Parquet file that is written; its folder is made if missing.
    """
    source = run / "predictions.parquet"
    if not source.is_file() or (file.is_file() and file.stat().st_mtime >= source.stat().st_mtime):
        return
    write_galaxies(read_predictions(run), file)


def copy_galaxies(source: Path, file: Path) -> None:
    """Copy a file of kept galaxies, whole or not at all."""
    with whole_file(file) as partial:
        shutil.copyfile(source, partial)


def write_galaxies(predictions: pd.DataFrame, file: Path) -> None:
    """Write ``object_id``, ``z``, ``z_phot``, ``crps`` (float32) and ``z_source`` of the labelled test galaxies."""
    keep = np.isfinite(predictions["z"])
    if "in_training" in predictions:
        keep &= ~predictions["in_training"]
    numbers = [name for name in NUMBERS if name in predictions]
    kept = predictions.loc[keep, ["object_id", *numbers, "z_source"]]
    kept = kept.astype(dict.fromkeys(numbers, np.float32) | {"z_source": "category"})
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
