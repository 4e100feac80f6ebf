from __future__ import annotations

import numpy as np
import pytest
from qp.metrics import point_estimate_metric_classes as rail
from scipy import stats

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics import point


@pytest.fixture(scope="module")
def redshifts() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    z = random.uniform(0.1, 3, 2001)
    return z + 0.03 * (1 + z) * random.standard_t(2, 2001), z


def test_delta_z_by_hand() -> None:
    np.testing.assert_allclose(point.delta_z([1.1, 0.4], [1.0, 0.5]), [0.05, -0.1 / 1.5])


def test_metrics_by_hand() -> None:
    delta = np.array([-0.2, -0.01, 0.0, 0.01, 0.15])
    assert point.bias(delta) == pytest.approx(-0.01)
    assert point.median_bias(delta) == 0
    assert point.outlier_fraction(delta, 0.15) == pytest.approx(0.4)  # the threshold itself counts
    assert point.sigma_mad(delta) == pytest.approx(1.4826 * 0.01)
    assert point.sigma_iqr(delta) == pytest.approx(0.02 / 1.349)


def test_sigma_mad_agrees_with_scipy(redshifts: tuple[np.ndarray, np.ndarray]) -> None:
    delta = point.delta_z(*redshifts)
    assert point.sigma_mad(delta) == pytest.approx(1.4826 * stats.median_abs_deviation(delta), rel=1e-12)


def test_rail_convention_agrees_with_qp(redshifts: tuple[np.ndarray, np.ndarray]) -> None:
    metrics = point.point_metrics(point.delta_z(*redshifts), 0.15)
    assert metrics["median_bias"] == pytest.approx(rail.PointBias().evaluate(*redshifts), rel=1e-12)
    assert metrics["sigma_iqr"] == pytest.approx(rail.PointSigmaIQR().evaluate(*redshifts), rel=1e-12)
    assert metrics["outlier_rate_rail"] == pytest.approx(rail.PointOutlierRate().evaluate(*redshifts), rel=1e-12)
    assert metrics["sigma_mad"] == pytest.approx(rail.PointSigmaMAD().evaluate(*redshifts), rel=1e-12)


def test_gaussian_residuals_give_their_sigma() -> None:
    delta = np.random.default_rng(0).normal(0, 0.02, 200_000)
    assert point.sigma_mad(delta) == pytest.approx(0.02, rel=0.01)
    assert point.sigma_iqr(delta) == pytest.approx(0.02, rel=0.01)


def test_nan_is_named_by_its_row() -> None:
    with pytest.raises(InputError, match="z_true is nan in row 1"):
        point.delta_z([0.1, 0.2], [0.1, np.nan])
    with pytest.raises(InputError, match="empty"):
        point.sigma_mad([])
    with pytest.raises(InputError, match="shape"):
        point.delta_z([0.1, 0.2], [0.1])
