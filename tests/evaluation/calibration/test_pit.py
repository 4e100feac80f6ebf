"""PDFs of known errors become calibrated; right ones stay as they are."""

import numpy as np
import pytest
from scipy import stats

from photoz_lit.evaluation.calibration.pit import FEWEST, PitCalibration, fit_pit_calibration
from photoz_lit.evaluation.metrics import pdf as pdfs

EDGES = np.concatenate([np.linspace(0, 2, 401), np.linspace(2, 4, 41)[1:]])  # bins of two widths


def drawn(n: int, seed: int, too_wide: float = 1.0, shift: float = 0.0):
    """Gaussians about drawn redshifts, their PDFs too wide by a factor and shifted in units of their true σ."""
    random = np.random.default_rng(seed)
    truth = random.uniform(0.3, 1.7, n)
    sigma = np.exp(random.uniform(np.log(0.01), np.log(0.1), n))
    centre = truth + sigma * random.normal(size=n)
    cdf = stats.norm.cdf(EDGES[None], (centre + shift * sigma)[:, None], (too_wide * sigma)[:, None])
    pdf = np.diff(cdf, axis=1)
    return (pdf / pdf.sum(1, keepdims=True)).astype(np.float32), truth, sigma


def ks(pdf, z):
    return stats.kstest(pdfs.pit(pdf, EDGES, z), "uniform").statistic


@pytest.mark.parametrize(
    ("too_wide", "shift"),
    [(1.4, -0.4), *(pytest.param(*one, marks=pytest.mark.long) for one in [(1.6, 0.0), (0.6, 0.0), (1.0, 0.5)])],
)
def test_wrong_widths_and_shifts_are_undone(too_wide, shift):
    known, z_known, _ = drawn(4000, 1, too_wide, shift)
    other, z_other, _ = drawn(4000, 2, too_wide, shift)
    right, _, _ = drawn(4000, 2)
    calibrated = fit_pit_calibration(known, EDGES, z_known).apply(other, EDGES)
    assert ks(other, z_other) > 0.08
    assert ks(calibrated, z_other) < 0.03
    assert pdfs.nll(calibrated, EDGES, z_other) < pdfs.nll(other, EDGES, z_other) - 0.02
    assert pdfs.nll(calibrated, EDGES, z_other) < pdfs.nll(right, EDGES, z_other) + 0.03  # nearly as good as the truth
    np.testing.assert_allclose(calibrated.sum(1), 1, atol=1e-5)
    assert (calibrated >= 0).all()


@pytest.mark.long
def test_right_pdfs_stay_nearly_as_they_are():
    known, z_known, _ = drawn(4000, 3)
    other, z_other, _ = drawn(2000, 4)
    calibrated = fit_pit_calibration(known, EDGES, z_known).apply(other, EDGES)
    assert np.abs(pdfs.nll(calibrated, EDGES, z_other) - pdfs.nll(other, EDGES, z_other)) < 0.01
    median = pdfs.median(calibrated, EDGES) - pdfs.median(other, EDGES)
    assert np.abs(median).max() < 0.1 * 0.1  # of the widest σ


@pytest.mark.long
def test_narrow_and_wide_pdfs_are_corrected_apart():
    def mixed(seed):
        pdf, z, sigma = drawn(6000, seed)
        wide, _, _ = drawn(6000, seed, too_wide=1.8)
        return np.where((sigma < 0.03)[:, None], wide, pdf), z, sigma

    known, z_known, _ = mixed(6)
    other, z_other, sigma = mixed(7)
    calibrated = fit_pit_calibration(known, EDGES, z_known).apply(other, EDGES)
    assert ks(other[sigma < 0.02], z_other[sigma < 0.02]) > 0.1
    assert ks(calibrated[sigma < 0.02], z_other[sigma < 0.02]) < 0.05
    assert ks(calibrated[sigma > 0.05], z_other[sigma > 0.05]) < 0.05


def test_few_galaxies_leave_pdfs_as_they_are_and_enough_do_no_harm():
    known, z_known, _ = drawn(FEWEST, 8, too_wide=1.5)
    other, z_other, _ = drawn(2000, 9)
    few = fit_pit_calibration(known[1:], EDGES, z_known[1:])
    assert few.leaves_all
    np.testing.assert_array_equal(few.apply(other, EDGES), other)
    without_one = np.r_[0.0, np.ones(FEWEST - 1)]  # what does not count is none
    assert fit_pit_calibration(known, EDGES, z_known, without_one).leaves_all
    assert not fit_pit_calibration(known, EDGES, z_known).leaves_all
    right, z_right, _ = drawn(FEWEST, 8)
    calibrated = fit_pit_calibration(right, EDGES, z_right).apply(other, EDGES)
    assert pdfs.nll(calibrated, EDGES, z_other) < pdfs.nll(other, EDGES, z_other) + 0.03


def test_equal_weights_are_the_identity():
    pdf, _, _ = drawn(50, 10)
    same = PitCalibration(np.zeros(2), np.array([-3.0, -2.0]), np.full((2, 7), 1 / 7)).apply(pdf, EDGES)
    np.testing.assert_allclose(same, pdf, atol=1e-6)


def test_a_weight_of_two_counts_as_two_galaxies():
    pdf, z, _ = drawn(300, 11, too_wide=1.5)
    twice = fit_pit_calibration(pdf, EDGES, z, np.r_[np.full(100, 2.0), np.zeros(100), np.ones(100)])
    assert twice.power[0] > 0.3
    ignored = fit_pit_calibration(
        pdf, EDGES, np.r_[z[:100], np.full(100, 1.99), z[200:]], np.r_[np.full(100, 2.0), np.zeros(100), np.ones(100)]
    )
    np.testing.assert_allclose(twice.power, ignored.power)
    np.testing.assert_allclose(twice.weights, ignored.weights)
