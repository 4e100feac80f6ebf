"""PDFs whose errors depend on the magnitude are corrected where a galaxy lies; without a magnitude by width alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from photoz_lit.evaluation.calibration.by_fold import FoldCalibrations
from photoz_lit.evaluation.calibration.local import LocalCalibration, fit_local_calibration, places_of
from photoz_lit.evaluation.calibration.pit import PitCalibration, fit_pit_calibration
from photoz_lit.evaluation.metrics import pdf as pdfs
from tests.evaluation.calibration.test_pit import EDGES


def drawn(n: int, seed: int):
    """Gaussians of drawn widths; too wide by 1.8 among bright galaxies and too narrow by as much among faint ones."""
    random = np.random.default_rng(seed)
    truth, magnitude = random.uniform(0.3, 1.7, n), random.uniform(20, 25, n)
    sigma, factor = np.exp(random.uniform(np.log(0.02), np.log(0.08), n)), 1.8 ** ((22.5 - magnitude) / 2.5)
    centre = truth + sigma * random.normal(size=n)
    pdf = np.diff(stats.norm.cdf(EDGES[None], centre[:, None], (sigma * factor)[:, None]), axis=1)
    places = np.stack([magnitude, random.normal(size=n)], axis=1)
    return (pdf / pdf.sum(1, keepdims=True)).astype(np.float32), truth, places


def ks_of_ends(pdf, z, places):
    pit = pdfs.pit(pdf, EDGES, z)
    return [stats.kstest(pit[part], "uniform").statistic for part in (places[:, 0] < 21, places[:, 0] > 24)]


def test_bright_and_faint_galaxies_are_corrected_apart():
    known, z_known, places_known = drawn(3000, 1)
    other, z, places = drawn(3000, 2)
    fitted = fit_local_calibration(known, EDGES, z_known, places_known)
    assert isinstance(fitted, LocalCalibration)
    calibrated = fitted.apply(other, EDGES, places)
    assert min(ks_of_ends(other, z, places)) > 0.1
    assert min(ks_of_ends(fit_pit_calibration(known, EDGES, z_known).apply(other, EDGES), z, places)) > 0.07
    assert max(ks_of_ends(calibrated, z, places)) < 0.06
    assert pdfs.nll(calibrated, EDGES, z) < pdfs.nll(other, EDGES, z) - 0.02
    np.testing.assert_allclose(calibrated.sum(1), 1, atol=1e-5)
    assert (calibrated >= 0).all()
    # a galaxy's own place counts, not the order or the company
    np.testing.assert_allclose(fitted.apply(other[5:7], EDGES, places[5:7]), calibrated[5:7], atol=1e-7)


def test_without_magnitude_or_colour_the_width_alone_counts():
    known, z_known, places = drawn(1000, 3)
    fitted = fit_local_calibration(known, EDGES, z_known, places)
    by_width = fit_pit_calibration(known, EDGES, z_known)
    unknown = places.copy()
    unknown[:4] = [[np.nan, 1], [22, np.nan], [np.inf, 1], [np.nan, np.nan]]
    calibrated = fitted.apply(known, EDGES, unknown)
    np.testing.assert_array_equal(calibrated[:4], by_width.apply(known, EDGES)[:4])
    assert not np.allclose(calibrated[4:], by_width.apply(known, EDGES)[4:], atol=1e-4)
    np.testing.assert_array_equal(fitted.apply(known, EDGES), by_width.apply(known, EDGES))
    assert isinstance(fit_local_calibration(known[:200], EDGES, z_known[:200], places[:200]), PitCalibration)


def test_it_is_kept_bit_by_bit(tmp_path: Path):
    known, z_known, places = drawn(1000, 4)
    made = FoldCalibrations({0: fit_local_calibration(known, EDGES, z_known, places)}, {0: 1000})
    assert made.is_local
    made.write(tmp_path / "calibration.json")
    read = FoldCalibrations.read(tmp_path / "calibration.json")
    np.testing.assert_array_equal(read.apply(known, EDGES, 0, places), made.apply(known, EDGES, 0, places))
    content = made.of_fold[0].content
    with pytest.raises(ValueError, match="do not fit"):
        LocalCalibration.of({**content, "knots_of": [[0.0], [1.0], [2.0]]})


def test_places_are_the_magnitude_and_the_colour_before_it():
    table = pd.DataFrame({"mag_g": [24.0, 23.0], "mag_r": [23.0, np.nan], "mag_i": [22.5, 22.0]})
    np.testing.assert_array_equal(places_of(table, ("g", "r", "i"), "i"), [[22.5, 0.5], [22.0, np.nan]])
    np.testing.assert_array_equal(places_of(table, ("g", "r", "i"), "g"), [[24.0, 1.0], [23.0, np.nan]])
    assert np.isnan(places_of(table[["mag_g"]], ("g", "r", "i"), "i")).all()
