"""N(z) on disk: statistics, the distributions themselves, and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from photoz_lit.evaluation.nz.distributions import RedshiftDistributions
from photoz_lit.evaluation.nz.statistics import nz_table
from photoz_lit.evaluation.plots.nz_groups import nz_groups
from photoz_lit.evaluation.plots.style import save
from photoz_lit.files import whole_file


def write_nz(
    distributions: RedshiftDistributions, coarse: ArrayLike, folder: Path, data: str, reference: str = "labels"
) -> list[Path]:
    """Write ``nz_statistics.csv``, ``nz.parquet`` and ``nz.png``.

    Parameters
    ----------
    distributions : N(z) with its bootstrap resamples.
    coarse : edges of the bins for the total variation and the figure.
    folder : where to; made if missing.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    reference : what the reference is called in the figure.

    Raises
    ------
    InputError : the files cannot be written.
    """
    with whole_file(folder / "nz_statistics.csv") as partial:
        nz_table(distributions, coarse).to_csv(partial, index=False)
    with whole_file(folder / "nz.parquet") as partial:
        density_table(distributions).to_parquet(partial, index=False)
    figure = save(nz_groups(distributions, coarse, data, reference), folder / "nz.png")
    return [folder / "nz_statistics.csv", folder / "nz.parquet", figure]


def density_table(distributions: RedshiftDistributions) -> pd.DataFrame:
    """Return N(z) of every group in the bins of the PDFs.

    Returns
    -------
    One row per group and bin: ``group``, ``z_lo``, ``z_hi``, and for ``stacked``, ``point`` and ``reference`` the
    density [1 / redshift] (NaN where there is nothing), with ``<name>_err``, the standard deviation of the resamples.
    """
    edges = distributions.z_edges
    parts = []
    for g, group in enumerate(distributions.groups):
        part: dict[str, Any] = {"group": group, "z_lo": edges[:-1], "z_hi": edges[1:]}
        for name in ("stacked", "point", "reference"):
            counts = np.asarray(getattr(distributions, name)[g], np.float64)
            total = counts.sum(axis=0)
            density = counts / np.where(total > 0, total, np.nan) / np.diff(edges)[:, None]
            part[name] = density[:, 0]
            part[f"{name}_err"] = density[:, 1:].std(axis=1) if density.shape[1] > 2 else np.nan
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)
