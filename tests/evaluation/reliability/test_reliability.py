"""Peaks of PDFs, distances from the training, and what stamps show beside their galaxy."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from photoz_lit.errors import InputError
from photoz_lit.evaluation.reliability.peaks import number_of_peaks
from photoz_lit.evaluation.reliability.reach import NEIGHBOURS, OUTSIDE, TrainingReach, training_reach
from photoz_lit.evaluation.reliability.stamps import stamp_flags

EDGES = np.linspace(0, 4, 401)


def mixture(*parts: tuple[float, float, float]) -> np.ndarray:
    """PDF of Gaussians (weight, mean, sigma)."""
    cdf = sum(weight * stats.norm.cdf(EDGES, mean, sigma) for weight, mean, sigma in parts)
    pdf = np.diff(cdf)
    return pdf / pdf.sum()


def test_peaks_are_those_apart_high_and_heavy_enough() -> None:
    pdf = np.stack(
        [
            mixture((1, 1.0, 0.1)),
            mixture((0.5, 0.5, 0.1), (0.5, 3.0, 0.1)),
            mixture((0.5, 1.0, 0.2), (0.5, 1.2, 0.2)),  # not apart
            mixture((0.97, 1.0, 0.1), (0.03, 3.0, 0.1)),  # too light
            mixture((0.2, 0.5, 0.05), (0.5, 2.0, 0.1), (0.3, 3.5, 0.1)),
            np.full(400, 1 / 400),
        ]
    )
    assert number_of_peaks(pdf, EDGES).tolist() == [1, 2, 1, 1, 3, 1]
    uneven = np.concatenate([np.linspace(0, 1, 100), np.linspace(1, 4, 10)[1:]])
    wide_bins = np.full((1, 108), 1 / 108)  # high in narrow bins, low in wide ones: one stretch all the same
    assert number_of_peaks(wide_bins, uneven).tolist() == [1]


def test_galaxies_like_the_training_are_spread_evenly_over_the_percentiles(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    mixing = random.normal(size=(6, 30))
    training, validation, others = (random.normal(size=(n, 6)) @ mixing for n in (1500, 1000, 1000))
    reach = training_reach(training, validation)
    percentile = reach.percentile(others)
    assert stats.kstest(percentile / 100, "uniform").statistic < 0.06
    assert (percentile > OUTSIDE).mean() == pytest.approx(0.05, abs=0.02)
    far = others + 6 * mixing[0]
    assert (reach.percentile(far) > OUTSIDE).mean() > 0.9
    reach.write(tmp_path / "reach.npz")
    np.testing.assert_array_equal(TrainingReach.read(tmp_path / "reach.npz").percentile(others), percentile)
    (tmp_path / "reach.npz").write_bytes(b"PK not a zip")
    with pytest.raises(InputError, match=r"reach\.npz"):
        TrainingReach.read(tmp_path / "reach.npz")


def test_distances_are_those_to_the_nearest_training_galaxies() -> None:
    random = np.random.default_rng(1)
    training, validation = random.normal(size=(80, 3)), random.normal(size=(40, 3))
    reach = training_reach(training, validation)
    whitened = (training - training.mean(axis=0)) @ reach.axes
    np.testing.assert_allclose(np.cov(whitened.T, bias=True), np.eye(3), atol=1e-9)
    known = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(whitened)
    expected = known.kneighbors((validation - training.mean(axis=0)) @ reach.axes)[0].mean(axis=1)
    np.testing.assert_allclose(reach.distances, np.sort(expected), atol=1e-6)


def source(x: float, y: float, peak: float, size: int = 32) -> np.ndarray:
    yy, xx = np.indices((size, size)) - (size - 1) / 2
    return peak * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * 1.7**2))


def test_blends_and_edges_are_flagged_and_nothing_else() -> None:
    random = np.random.default_rng(2)
    centre = source(0, 0, 10)
    stamps = [
        centre,
        centre + source(8, 0, 5),  # two FWHM away
        centre + source(15, 0, 5),  # too far
        centre + source(8, 0, 0.3),  # too faint beside it
        centre,
        centre,
    ]
    flux = np.stack([[stamp, stamp] for stamp in stamps]) + random.normal(0, 0.05, (6, 2, 32, 32))
    flux[4, 1, :, :3] = np.nan
    flux[5, 0] = 0.0
    flags = stamp_flags(flux.astype(np.float32), 0, 4.0)
    assert flags.blended.tolist()[:5] == [False, True, False, False, False]
    assert flags.edge.tolist() == [False, False, False, False, True, True]
    absent = np.zeros((6, 2), bool)
    absent[5, 0] = True  # a band that the galaxy lacks is no edge
    assert stamp_flags(flux.astype(np.float32), 0, 4.0, absent).edge.tolist()[4:] == [True, False]
    assert len(stamp_flags(flux[:0].astype(np.float32), 0, 4.0).blended) == 0
