from __future__ import annotations

import numpy as np
import pytest
import qp
from qp.metrics.concrete_metric_classes import CDELossMetric
from qp.metrics.pit import PIT
from scipy import integrate, stats

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics import pdf as pdfs
from tests.evaluation.mixtures import EDGES, gaussian_pdfs

TWO = np.array([0.0, 1.0, 3.0])  # unequal bins


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray, qp.Ensemble]:
    pdf, z = gaussian_pdfs(300)
    return pdf, z, qp.hist.create_ensemble(bins=EDGES, pdfs=pdf / np.diff(EDGES))


def test_unequal_bins_by_hand() -> None:
    pdf = np.array([[0.5, 0.5], [0.2, 0.8]])
    np.testing.assert_allclose(pdfs.median(pdf, TWO), [1.0, 1.75])
    np.testing.assert_allclose(pdfs.mean(pdf, TWO), [1.25, 1.7])
    np.testing.assert_allclose(pdfs.mode(pdf, TWO), [0.5, 2.0])  # densities 0.5 > 0.25 and 0.2 < 0.4
    np.testing.assert_allclose(pdfs.pit(pdf, TWO, [2.0, 0.5]), [0.75, 0.1])
    np.testing.assert_allclose(pdfs.pit_half_bin(pdf, TWO, [2.9, 0.9]), [0.75, 0.1])
    np.testing.assert_allclose(pdfs.density(pdf, TWO, [2.0, 0.5]), [0.25, 0.2])
    assert pdfs.cde_loss(pdf[:1], TWO, [2.0]) == pytest.approx(0.25 + 0.25 / 2 - 2 * 0.25)
    assert pdfs.nll(pdf[:1], TWO, [2.0]) == pytest.approx(-np.log(0.25))
    low, high = pdfs.interval68(pdf, TWO)
    np.testing.assert_allclose(low, [0.32, 0.8])
    np.testing.assert_allclose(high, [2.36, 2.6])
    np.testing.assert_allclose(pdfs.pdf_width(pdf, TWO), (high - low) / 2)


def test_crps_of_a_uniform_pdf_is_the_closed_form() -> None:
    # ∫ (x − H(x − t))² dx over [0, 1] = t³/3 + (1 − t)³/3
    t = np.linspace(0, 1, 11)
    value = pdfs.crps(np.full((11, 4), 0.25), np.linspace(0, 1, 5), t)
    np.testing.assert_allclose(value, t**3 / 3 + (1 - t) ** 3 / 3, atol=1e-14)


def test_crps_of_a_narrow_gaussian_is_the_known_value() -> None:
    edges = np.linspace(0, 2, 4001)
    pdf = np.diff(stats.norm.cdf((edges - 1.0) / 0.1))[None]
    # Gneiting & Raftery (2007), eq. 21
    for z in (1.0, 1.15, 0.8):
        u = (z - 1.0) / 0.1
        known = 0.1 * (u * (2 * stats.norm.cdf(u) - 1) + 2 * stats.norm.pdf(u) - 1 / np.sqrt(np.pi))
        assert pdfs.crps(pdf, edges, [z])[0] == pytest.approx(known, rel=1e-4)


def test_crps_agrees_with_quadrature_of_qp(sample: tuple[np.ndarray, np.ndarray, qp.Ensemble]) -> None:
    pdf, z, ensemble = sample
    ours = pdfs.crps(pdf, EDGES, z)
    for k in range(0, 300, 60):
        kinks = np.unique(np.concatenate([EDGES, [z[k]]]))
        pieces = np.linspace(kinks[:-1], kinks[1:], 9)  # Simpson is exact for the parabola of each piece
        inside = 0.5 * (pieces[3] + pieces[4])
        cdf = np.asarray(ensemble[k].cdf(pieces.ravel())).reshape(pieces.shape)
        square = (cdf - (inside >= z[k])) ** 2
        assert ours[k] == pytest.approx(integrate.simpson(square, x=pieces, axis=0).sum(), abs=1e-10)


def test_point_estimates_agree_with_qp(sample: tuple[np.ndarray, np.ndarray, qp.Ensemble]) -> None:
    pdf, _, ensemble = sample
    np.testing.assert_allclose(pdfs.median(pdf, EDGES), ensemble.median().ravel(), atol=1e-12)
    for level in (0.05, 0.16, 0.84):
        np.testing.assert_allclose(pdfs.quantiles(pdf, EDGES, level)[:, 0], ensemble.ppf(level).ravel(), atol=1e-12)


def test_cdf_and_density_agree_with_qp(sample: tuple[np.ndarray, np.ndarray, qp.Ensemble]) -> None:
    pdf, z, ensemble = sample
    np.testing.assert_allclose(pdfs.pit(pdf, EDGES, z), PIT(ensemble, z).pit_samps, atol=1e-12)
    density = [float(np.squeeze(ensemble[k].pdf(z[k]))) for k in range(len(z))]
    np.testing.assert_allclose(pdfs.density(pdf, EDGES, z), density, atol=1e-12)


def test_cde_loss_agrees_with_qp_on_a_fine_grid(sample: tuple[np.ndarray, np.ndarray, qp.Ensemble]) -> None:
    pdf, z, ensemble = sample
    # qp takes the density at the grid point nearest to z, and a trapezoid rule over the steps
    there = CDELossMetric(np.linspace(0, 4, 16_001)).evaluate(ensemble, z)
    assert pdfs.cde_loss(pdf, EDGES, z) == pytest.approx(there, rel=0.015)


def test_pit_statistics_agree_with_qp_and_scipy(sample: tuple[np.ndarray, np.ndarray, qp.Ensemble]) -> None:
    pdf, z, ensemble = sample
    values = pdfs.pit(pdf, EDGES, z)
    ours = pdfs.pit_uniformity(values)
    assert ours["ks"] == pytest.approx(stats.kstest(values, "uniform").statistic)
    assert ours["cvm"] == pytest.approx(stats.cramervonmises(values, "uniform").statistic)
    # qp's own outlier rate reads 100 quantiles of the PIT; counted from its PIT values it is this
    there = PIT(ensemble, z).pit_samps
    assert pdfs.pit_outlier_rate(values) == np.mean((there < 1e-4) | (there > 0.9999))
    inside = values[(values > 1e-4) & (values < 0.9999)]
    known = {"loc": 1e-4, "scale": 0.9998}
    test = stats.goodness_of_fit(stats.uniform, inside, known_params=known, statistic="ad", n_mc_samples=9, rng=0)
    assert ours["ad"] == pytest.approx(test.statistic, rel=1e-9)


def test_pit_statistics_at_their_limits() -> None:
    assert pdfs.pit_cvm([0.2, 0.9]) == pytest.approx(stats.cramervonmises([0.2, 0.9], "uniform").statistic)
    assert np.isnan(pdfs.pit_cvm([0.2]))
    assert pdfs.pit_ad([0.3, 1e-4, 0.6, 0.9999]) == pdfs.pit_ad([0.3, 0.6])
    assert np.isnan(pdfs.pit_ad([0.0, 1.0]))


def test_honest_pdfs_have_uniform_pits() -> None:
    pdf, z = gaussian_pdfs(4000, outliers=0)
    assert pdfs.pit_uniformity(pdfs.pit(pdf, EDGES, z))["ks_p"] > 0.01
    bent = pdfs.pit_uniformity(pdfs.pit(pdf, EDGES, z) ** 2)
    assert bent["ks_p"] < 1e-6
    assert bent["cvm_p"] < 1e-6
    assert bent["ad"] > 100


def test_redshifts_outside_the_grid_are_kept() -> None:
    pdf = np.array([[0.5, 0.5]] * 2)
    z = [-0.5, 4.0]
    np.testing.assert_array_equal(pdfs.pit(pdf, TWO, z), [0, 1])
    np.testing.assert_array_equal(pdfs.pit_half_bin(pdf, TWO, z), [0, 1])
    np.testing.assert_array_equal(pdfs.density(pdf, TWO, z), [0, 0])
    np.testing.assert_array_equal(pdfs.outside_grid(TWO, z), [True, True])
    assert pdfs.nll(pdf, TWO, z) == pytest.approx(-np.log(1e-6))
    # the distance to the grid counts in full
    at_edge = pdfs.crps(pdf, TWO, [0.0, 3.0])
    np.testing.assert_allclose(pdfs.crps(pdf, TWO, z), at_edge + np.array([0.5, 1.0]))


def test_an_empty_bin_at_the_median_is_no_trouble() -> None:
    value = pdfs.median(np.array([[0.5, 0.0, 0.5]]), [0.0, 1.0, 2.0, 3.0])
    assert 1.0 <= value[0] <= 2.0
    assert np.isfinite(pdfs.crps(np.array([[1.0, 0.0, 0.0]]), [0.0, 1.0, 2.0, 3.0], [2.5]))[0]


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    pdf, z = gaussian_pdfs(50)
    whole = pdfs.crps(pdf, EDGES, z)
    monkeypatch.setattr(pdfs, "probability_blocks", lambda p, rows=7: _blocks(p, 7))
    np.testing.assert_array_equal(pdfs.crps(pdf, EDGES, z), whole)


_blocks = pdfs.probability_blocks


def test_every_row_is_in_one_block() -> None:
    blocks = list(pdfs.probability_blocks(np.full((50, 2), 0.5), 8))
    np.testing.assert_array_equal(np.concatenate([np.arange(50)[part] for part, _ in blocks]), np.arange(50))
    assert [len(block) for _, block in blocks] == [8] * 6 + [2]


def test_bad_input_is_named() -> None:
    good = np.array([[0.5, 0.5]])
    with pytest.raises(InputError, match="row 1"):
        pdfs.median(np.array([[0.5, 0.5], [0.0, 0.0]]), TWO)
    with pytest.raises(InputError, match="row 1"):
        pdfs.median(np.array([[0.5, 0.5], [np.nan, 1.0]]), TWO)
    with pytest.raises(InputError, match="row 0"):
        pdfs.median(np.array([[-0.5, 1.5]]), TWO)
    with pytest.raises(InputError, match="z_edges"):
        pdfs.median(good, [0.0, 1.0])
    with pytest.raises(InputError, match="increase"):
        pdfs.median(good, [0.0, 1.0, 1.0])
    with pytest.raises(InputError, match="z_true is nan in row 0"):
        pdfs.crps(good, TWO, [np.nan])
    with pytest.raises(InputError, match="one redshift per PDF"):
        pdfs.crps(good, TWO, [0.5, 0.5])
    with pytest.raises(InputError, match="between 0 and 1"):
        pdfs.quantiles(good, TWO, 1.0)
    with pytest.raises(InputError, match="between 0 and 1"):
        pdfs.quantiles(good, TWO, [0.5, 0.0])
