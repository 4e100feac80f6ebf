"""Test galaxies of a study's jobs in one Parquet file: with them a row of ``results.json`` keeps its p-values.

A row of the file is a galaxy of one test set: ``object_id``, ``z``, ``z_source``. Each job has the columns
``<job>/z_phot`` (float32, as the run wrote it) and ``<job>/crps`` (to four digits, for noise does not compress), null
for the galaxies of other test sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.files import inside, whole_file

NAME = "test_galaxies.parquet"
OF_THE_SET = ("object_id", "z", "z_source")
OF_A_JOB = ("z_phot", "crps")
CRPS_BITS = 12  # of the 23 of a float32's mantissa: 1.2e-4 of each score, 1e-5 of a mean over 2 000 at most
UNREADABLE = (OSError, ValueError, KeyError)


@dataclass(frozen=True)
class JobGalaxies:
    """Test galaxies of one job, beside a study's results.

    Attributes
    ----------
    folder : of the study.
    job : name in ``test_galaxies.parquet``, or of a separate file in ``galaxies/``, as older studies have them.
    """

    folder: Path
    job: str

    def __str__(self) -> str:
        return f"{self.folder / NAME}, {self.job}"

    @property
    def there(self) -> bool:
        """Whether they are kept."""
        return self.job in jobs_kept(self.folder) or _older_file(self.folder, self.job).is_file()

    def read(self) -> pd.DataFrame:
        """Read ``object_id``, ``z``, ``z_source`` (category), ``z_phot`` and ``crps`` where the job has it.

        Raises
        ------
        InputError : the file cannot be read.
        """
        if self.job not in jobs_kept(self.folder):
            return read_galaxies(_older_file(self.folder, self.job))
        file = self.folder / NAME
        try:
            wanted = [name for name in _columns(file) if name.rpartition("/")[0] == self.job]
            return _of_job(pq.read_table(file, columns=[*OF_THE_SET, *wanted]), self.job)
        except UNREADABLE as error:
            raise _unreadable(file, error) from error


def jobs_kept(folder: Path) -> set[str]:
    """Names of the jobs in a study's file; empty where there is none.

    Raises
    ------
    InputError : the file cannot be read.
    """
    file = folder / NAME
    try:
        return {name.rpartition("/")[0] for name in _columns(file)} - {""} if file.is_file() else set()
    except UNREADABLE as error:
        raise _unreadable(file, error) from error


def write_jobs(folder: Path, jobs: Mapping[str, pd.DataFrame]) -> None:
    """Write ``test_galaxies.parquet``, whole or not at all; galaxies that jobs share, in the same order, stand once.

    Parameters
    ----------
    folder : of the study.
    jobs : name -> table as :meth:`JobGalaxies.read` returns it, in the order of the columns.
    """
    sets: dict[Any, dict[str, Any]] = {}
    for job, table in jobs.items():
        source = table["z_source"].astype(str).to_numpy(object)
        ids, z = table["object_id"].astype(str).to_numpy(object), table["z"].to_numpy(np.float32)
        columns = sets.setdefault((*ids, *source, z.tobytes()), {"object_id": ids, "z": z, "z_source": source})
        numbers = {name: table[name].to_numpy(np.float32) for name in OF_A_JOB if name in table}
        numbers |= {"crps": rounded(numbers["crps"], CRPS_BITS)} if "crps" in numbers else {}
        columns |= {f"{job}/{name}": values for name, values in numbers.items()}
    whole = pa.concat_tables([pa.table(columns) for columns in sets.values()], promote_options="default")
    order = [f"{job}/{name}" for job in jobs for name in OF_A_JOB if f"{job}/{name}" in whole.column_names]
    with whole_file(folder / NAME) as partial:
        pq.write_table(
            whole.select([*OF_THE_SET, *order]),
            partial,
            compression="zstd",
            compression_level=19,
            use_dictionary=["z_source"],
            use_byte_stream_split=["z", *order],
            column_encoding={"object_id": "DELTA_BYTE_ARRAY"},
            write_statistics=False,
        )


def rounded(values: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """Round numbers to the nearest with so many bits in the mantissa; the same again for those that are."""
    mantissa, exponent = np.frexp(values)
    whole = np.round(np.ldexp(mantissa, bits + 1))
    return np.asarray(np.ldexp(whole, exponent - bits - 1), np.float32)


def labelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return what a comparison needs of the labelled test galaxies: :data:`OF_THE_SET` and :data:`OF_A_JOB`.

    Parameters
    ----------
    predictions : content of a run's ``predictions.parquet``.
    """
    keep = np.isfinite(predictions["z"])
    if "in_training" in predictions:
        keep &= ~predictions["in_training"]
    numbers = [name for name in ("z", *OF_A_JOB) if name in predictions]
    kept: pd.DataFrame = predictions.loc[keep, ["object_id", *numbers, "z_source"]]
    return kept.astype(dict.fromkeys(numbers, np.float32) | {"z_source": "category"})


def write_galaxies(predictions: pd.DataFrame, file: Path) -> None:
    """Write the :func:`labelled` galaxies of one job into a file, as tasks that follow a run do in its folder."""
    with whole_file(file) as partial:
        labelled(predictions).to_parquet(partial, index=False, compression="zstd")


def read_galaxies(file: Path) -> pd.DataFrame:
    """Read what :func:`write_galaxies` wrote.

    Raises
    ------
    InputError : the file cannot be read.
    """
    try:
        return pd.read_parquet(file)
    except UNREADABLE as error:
        raise _unreadable(file, error) from error


def _columns(file: Path) -> list[str]:
    return list(pq.read_schema(file).names)


def _of_job(table: pa.Table, job: str) -> pd.DataFrame:
    """Galaxies of the job's test set, those that have its columns."""
    names = [name for name in table.column_names if name not in OF_THE_SET]
    frame: pd.DataFrame = table.filter(pc.is_valid(table[names[0]])).to_pandas()
    frame = frame.rename(columns={f"{job}/{name}": name for name in OF_A_JOB})
    order = ["object_id", "z", *(name for name in OF_A_JOB if name in frame), "z_source"]
    return frame[order].astype({"z_source": "category"})


def _older_file(folder: Path, job: str) -> Path:
    return inside(folder, f"galaxies/{job}.parquet")


def _unreadable(file: Path, error: Exception) -> InputError:
    return InputError(f"{file} cannot be read ({error}); delete it and run the study again.")
