"""The page that adds an estimator works as it is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.docs.recipe import ROOT, follow


@pytest.mark.long
def test_add_an_estimator(tmp_path: Path) -> None:
    (output,) = follow(ROOT / "docs" / "add_an_estimator.md", tmp_path, ("paths.runs=runs",))
    assert "20 nearest galaxies in 6 magnitudes" in output
    (run,) = (path.parent for path in tmp_path.glob("runs/*/*/metrics.json"))
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["method"] == "nearest_galaxies"
    assert np.isfinite(metrics["sigma_mad"])
    assert len(pd.read_parquet(run / "predictions.parquet")) == metrics["n_test"]
