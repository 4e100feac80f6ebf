"""Intervals that cover what they promise whatever the PDFs are worth; one temperature for all PDFs."""

import numpy as np
import pytest
from scipy import stats

from photoz_lit.errors import InputError
from photoz_lit.evaluation.calibration.calpit import is_installed, recalibrated
from photoz_lit.evaluation.calibration.conformal import ConformalInterval, coverage, fit_conformal, fit_levels
from photoz_lit.evaluation.calibration.temperature import fit_temperature
from photoz_lit.evaluation.metrics.pdf import pit, pit_ks, quantiles

EDGES = np.linspace(0, 4, 401)


def overconfident(n: int, seed: int, factor: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian PDFs whose width is ``factor`` times the true scatter, and their redshifts."""
    random = np.random.default_rng(seed)
    centre, sigma = random.uniform(1, 3, n), random.uniform(0.05, 0.2, n)
    pdf = np.diff(stats.norm.cdf(EDGES, centre[:, None], factor * sigma[:, None]), axis=1)
    return pdf / pdf.sum(axis=1, keepdims=True), np.clip(random.normal(centre, sigma), 0, 4)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_intervals_cover_as_many_as_they_promise(factor: float) -> None:
    known, other = overconfident(2000, 0, factor), overconfident(4000, 1, factor)
    for level, interval in fit_levels(known[0], EDGES, known[1]).items():
        low, high = interval.apply(other[0], EDGES)
        share, error = coverage(low, high, other[1])
        assert share == pytest.approx(level, abs=4 * error + 0.02)
        assert (low >= 0).all()
        assert (high <= 4).all()
        assert (high >= low).all()


def test_the_factor_is_the_conformal_quantile() -> None:
    pdf, z = overconfident(99, 3)
    interval = fit_conformal(pdf, EDGES, z, 0.9)
    low, high = quantiles(pdf, EDGES, [0.05, 0.95]).T
    score = np.maximum(low - z, z - high) / (0.5 * (high - low))
    assert interval.factor == pytest.approx(np.sort(score)[89])  # the 90th of 99
    assert coverage(*interval.apply(pdf, EDGES), z)[0] == pytest.approx(90 / 99)


def test_few_galaxies_are_refused_and_nothing_narrows_beyond_the_median() -> None:
    pdf, z = overconfident(9, 4)
    with pytest.raises(InputError, match="9 galaxies are too few"):
        fit_conformal(pdf, EDGES, z, 0.95)
    assert list(fit_levels(pdf, EDGES, z)) == [0.68, 0.9]
    middle = quantiles(pdf, EDGES, 0.5)[:, 0]
    assert fit_conformal(pdf, EDGES, middle, 0.68).factor >= -1
    low, high = ConformalInterval(0.68, -1.0, 9).apply(pdf, EDGES)
    np.testing.assert_allclose(low, high, atol=1e-9)


def test_the_temperature_undoes_a_wrong_width() -> None:
    pdf, z = overconfident(1200, 5)
    fitted = fit_temperature(pdf, EDGES, z)
    assert np.exp(fitted.power[0]) == pytest.approx(0.25, rel=0.12)  # a Gaussian of twice the width is p to the 1/4
    other, truth = overconfident(1200, 6)
    assert pit_ks(pit(other, EDGES, truth)) > 0.1
    assert pit_ks(pit(fitted.apply(other, EDGES), EDGES, truth)) < 0.05
    assert fit_temperature(pdf, EDGES, z, np.zeros(1200)).leaves_all


@pytest.mark.long
@pytest.mark.skipif(not is_installed(), reason="needs calpit")
def test_calpit_makes_pits_uniform() -> None:
    pdf, z = overconfident(1500, 7)
    other, truth = overconfident(1500, 8)
    found = recalibrated(pdf, EDGES, z, np.full(1500, 22.0), other, np.full(1500, 22.0))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert pit_ks(pit(found, EDGES, truth)) < 0.5 * pit_ks(pit(other, EDGES, truth))
