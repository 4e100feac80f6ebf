"""Galaxies that a comparison reads are those it uses and those it leaves out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.evaluation.comparison.paired import paired_residuals
from photoz_lit.evaluation.comparison.paired_rows import paired_rows
from photoz_lit.evaluation.comparison.runs import find_runs, read_runs
from tests.evaluation.mixtures import make_run


def test_every_galaxy_counts_under_the_first_reason_that_takes_it(tmp_path: Path) -> None:
    for name, seed in (("hsc6b_baseline", 0), ("hsc6b_early_fusion", 10)):
        make_run(tmp_path / name / "seed0", name, seed)
    file = tmp_path / "hsc6b_early_fusion" / "seed0" / "predictions.parquet"
    table = pd.read_parquet(file)
    n = len(table)
    table["in_training"] = np.arange(n) >= n - 5
    table.loc[:2, "z_phot"] = np.nan
    table.iloc[:-7].to_parquet(file)  # the last seven, two of them not trained on, are gone
    table.iloc[:-7].assign(in_training=np.arange(n - 7) >= n - 11).to_parquet(file)
    runs = read_runs(find_runs(tmp_path))
    (rows,) = paired_rows(runs).values()
    assert rows.content() == {
        "read": n,
        "used": n - 7 - 3 - 4,
        "left_out": {"not predicted by every run": 7, "without a redshift or an estimate": 3, "trained on": 4},
    }
    by_method = {run.method: run for run in runs}
    pair = paired_residuals([by_method["baseline"]], [by_method["early_fusion"]])
    assert pair is not None
    assert pair[0].delta.shape == (1, rows.used)
