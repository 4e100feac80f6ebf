"""Runs that several tests compare."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from photoz_lit.evaluation.comparison.runs import find_runs, read_runs
from photoz_lit.evaluation.comparison.table import compare
from tests.evaluation.mixtures import make_run

FOREST = {"network": {"name": "catalogue_forest"}}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seeds of a baseline, five of a better network, one forest."""
    runs = tmp_path_factory.mktemp("runs")
    for seed in range(5):
        make_run(runs / "hsc6b_baseline" / f"seed{seed}", "hsc6b_baseline", seed)
        make_run(runs / "hsc6b_early_fusion" / f"seed{seed}", "hsc6b_early_fusion", 10 + seed, scatter=0.024)
    make_run(runs / "hsc6b_baseline" / "forest", "hsc6b_baseline", 0, scatter=0.05, config=FOREST)
    return runs


@pytest.fixture(scope="session")
def table(folder: Path) -> pd.DataFrame:
    return compare(read_runs(find_runs(folder)), draws=300)


def row_of(table: pd.DataFrame, method: str, source: str = "all") -> pd.Series:  # type: ignore[type-arg]
    return table[(table["method"] == method) & (table["source"] == source)].iloc[0]
