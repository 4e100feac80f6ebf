"""RAIL's own evaluation of our output gives our numbers, where both define the metric."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qp.metrics.pit import PIT

from photoz_lit.api import PDFs, evaluate
from photoz_lit.data.store import CutoutStore
from tests.rail.conftest import COLUMNS, table_of

EPSILON = 1e-7  # in units of the bin: RAIL samples the density on a grid, and a histogram jumps at the edges


@pytest.fixture(scope="module")
def judged(forest: Any, others: CutoutStore) -> tuple[Any, dict[str, Any], dict[str, float]]:
    """Ensemble of a forest, table with the truth, and our metrics."""
    from photoz_lit.rail import PhotozLitCatalogueForestEstimator

    table = table_of(others)
    options = {"model": forest, "magnitudes": COLUMNS, "output_mode": "return"}
    ensemble = PhotozLitCatalogueForestEstimator.make_stage(name="judged", **options).estimate(table)()
    edges = np.ravel(ensemble.metadata["bins"])
    pdf = (ensemble.objdata["pdfs"] * np.diff(edges)).astype(np.float32)
    pdfs = PDFs(pdf, edges, ensemble.ancil["id"])
    return ensemble, {"photometry": table["photometry"]}, evaluate(pdfs, table["photometry"]["redshift"])


def test_point_metrics_are_ours(judged: tuple[Any, dict[str, Any], dict[str, float]]) -> None:
    from rail.evaluation.point_to_point_evaluator import PointToPointEvaluator

    ensemble, truth, ours = judged
    same = {
        "point_stats_sigma_mad": "sigma_mad",
        "point_stats_iqr": "sigma_iqr",
        "point_bias": "median_bias",
        "point_outlier_rate": "outlier_rate_rail",
    }
    options = {"metrics": list(same), "point_estimate_key": "zmedian", "force_exact": True, "output_mode": "return"}
    stage = PointToPointEvaluator.make_stage(name="points", **options)
    summary = stage.evaluate(ensemble, truth)["summary"]()
    assert ours["sigma_mad"] > 0
    for theirs, name in same.items():
        np.testing.assert_allclose(summary[theirs], ours[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_density_loss_and_pit_are_ours(judged: tuple[Any, dict[str, Any], dict[str, float]]) -> None:
    from rail.evaluation.dist_to_point_evaluator import DistToPointEvaluator

    ensemble, truth, ours = judged
    edges = np.ravel(ensemble.metadata["bins"])
    inside = EPSILON * np.diff(edges)
    grid = np.sort(np.concatenate([edges[:-1] + inside, edges[1:] - inside]))
    options = {"metrics": ["cdeloss", "pit"], "metric_config": {"cdeloss": {"eval_grid": grid}}, "force_exact": True}
    stage = DistToPointEvaluator.make_stage(name="densities", **options, output_mode="return")
    found = stage.evaluate(ensemble, truth)
    np.testing.assert_allclose(found["summary"]()["cdeloss"], ours["cde_loss"], rtol=1e-4)
    z = truth["photometry"]["redshift"]
    pit = PIT(ensemble, z)
    np.testing.assert_allclose(pit.evaluate_PIT_KS().statistic, ours["pit_ks"], atol=1e-5)
    np.testing.assert_allclose(pit.evaluate_PIT_CvM().statistic, ours["pit_cvm"], rtol=1e-3)
    theirs = found["single_distribution_summary"]()["pit"]
    levels = np.linspace(0.1, 0.9, 9)
    np.testing.assert_allclose(theirs.ppf(levels).ravel(), np.quantile(pit.pit_samps, levels), atol=0.02)
