from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.pdf import median
from photoz_lit.evaluation.nz.distributions import (
    RedshiftDistributions,
    blocks_of,
    group_galaxies,
    poisson_table,
    redshift_distributions,
    with_reference,
)
from photoz_lit.evaluation.nz.files import write_nz
from photoz_lit.evaluation.nz.statistics import coarse_edges, nz_distances, nz_moments, nz_table, rebinned
from tests.evaluation.mixtures import EDGES, gaussian_pdfs

M_EDGES, Z_EDGES = [20.0, 21.0, 22.0], [0.0, 0.8, 4.0]


def sample(n: int = 700, bootstraps: int = 300) -> tuple[RedshiftDistributions, np.ndarray, np.ndarray, np.ndarray]:
    """Distributions of n galaxies, and their PDFs, labels (some missing) and magnitudes."""
    pdf, z = gaussian_pdfs(n)
    label = np.where(np.arange(n) % 5, z, np.nan)
    magnitude = np.random.default_rng(0).uniform(19.5, 22.5, n)
    z_phot = median(pdf, EDGES)
    grouping = group_galaxies(magnitude, z_phot, M_EDGES, Z_EDGES)
    found = redshift_distributions(blocks_of(pdf, 200), EDGES, z_phot, label, grouping, bootstraps)
    return found, pdf, label, magnitude


def test_groups_are_bins_and_their_sums_are_numpys() -> None:
    found, pdf, label, magnitude = sample()
    z_phot = median(pdf, EDGES)
    assert found.groups == ("all", "20.0 < mag < 21.0", "21.0 < mag < 22.0", "0.0 < z < 0.8", "0.8 < z < 4.0")
    masks = [
        np.ones(700, bool),
        (magnitude >= 20) & (magnitude < 21),
        (magnitude >= 21) & (magnitude < 22),
        z_phot < 0.8,
        z_phot >= 0.8,
    ]
    for g, mask in enumerate(masks):
        assert found.n[g] == mask.sum()
        assert found.n_labelled[g] == (mask & np.isfinite(label)).sum()
        np.testing.assert_allclose(found.stacked[g, :, 0], pdf[mask].sum(axis=0), rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(found.point[g, :, 0], np.histogram(z_phot[mask], EDGES)[0])
        known = mask & np.isfinite(label)
        np.testing.assert_array_equal(found.reference[g, :, 0], np.histogram(label[known], EDGES)[0])


def test_blocks_do_not_change_the_sample() -> None:
    pdf, z = gaussian_pdfs(300)
    grouping = group_galaxies(z, z, [], [])
    one, many = (
        redshift_distributions(blocks_of(pdf, rows), EDGES, z, z, grouping, 5).stacked[:, :, 0] for rows in (300, 70)
    )
    np.testing.assert_allclose(one, many, rtol=1e-5)


def test_bootstrap_is_a_poisson_bootstrap_of_galaxies() -> None:
    found, pdf, label, _ = sample(bootstraps=2000)
    draws = found.stacked[0, :, 1:]
    # Σ w_i p_i with w Poisson of mean 1: mean Σ p_i, variance Σ p_i²
    np.testing.assert_allclose(draws.mean(axis=1), pdf.sum(axis=0), atol=4 * np.sqrt((pdf**2).sum(axis=0).max() / 2000))
    busy = pdf.sum(axis=0) > 3
    np.testing.assert_allclose(draws.std(axis=1)[busy], np.sqrt((pdf**2).sum(axis=0))[busy], rtol=0.1)
    # a galaxy weighs the same in the stack and among the labels: their means move together
    stacked, reference = (nz_moments(c[0, :, 1:], EDGES)["mean"] for c in (found.stacked, found.reference))
    assert np.corrcoef(stacked, reference)[0, 1] > 0.7
    known = np.isfinite(label)
    plain = [np.random.default_rng(k).choice(label[known], known.sum()).mean() for k in range(2000)]
    assert reference.std() == pytest.approx(np.std(plain), rel=0.08)


def test_weights_are_poisson() -> None:
    table = poisson_table()
    assert table.mean() == pytest.approx(1, abs=1e-4)
    assert table.var() == pytest.approx(1, abs=1e-3)
    for k in range(6):
        assert np.mean(table == k) == pytest.approx(stats.poisson.pmf(k, 1), abs=1.6e-5)


def test_moments_and_distances_by_hand() -> None:
    edges = [0.0, 1.0, 3.0]
    moments = nz_moments(np.array([1.0, 1.0]), edges)
    assert moments["mean"] == pytest.approx(0.5 * 0.5 + 0.5 * 2.0)
    second = 0.5 * (1 / 3) + 0.5 * (27 - 1) / 6
    assert moments["width"] == pytest.approx(np.sqrt(second - 1.25**2))
    apart = nz_distances(np.array([1.0, 0.0]), np.array([0.0, 1.0]), edges)
    assert apart["ks"] == 1
    assert apart["tv"] == 1
    assert apart["w1"] == pytest.approx(1.5)  # from the middle 0.5 to the middle 2
    same = nz_distances(np.array([1.0, 3.0]), np.array([2.0, 6.0]), edges)
    assert max(same.values()) == pytest.approx(0, abs=1e-15)


def test_distances_agree_with_scipy() -> None:
    random = np.random.default_rng(0)
    p, q = random.random((2, len(EDGES) - 1))
    ours = nz_distances(p, q, EDGES)
    fine = np.linspace(0, 4, 400_001)
    middle = 0.5 * (fine[1:] + fine[:-1])
    weights = [(c / np.diff(EDGES))[np.searchsorted(EDGES, middle) - 1] for c in (p, q)]
    assert ours["w1"] == pytest.approx(stats.wasserstein_distance(middle, middle, *weights), rel=1e-6)
    shares = p / p.sum(), q / q.sum()
    assert ours["tv"] == pytest.approx(0.5 * np.abs(shares[0] - shares[1]).sum())
    assert ours["ks"] == pytest.approx(np.abs(np.cumsum(shares[0]) - np.cumsum(shares[1])).max())


def test_rebinning_keeps_the_number() -> None:
    counts = np.random.default_rng(0).random((len(EDGES) - 1, 3))
    carried = rebinned(counts, EDGES, coarse_edges(EDGES, 0.37))
    np.testing.assert_allclose(carried.sum(axis=0), counts.sum(axis=0))
    np.testing.assert_allclose(rebinned(np.array([2.0, 6.0]), [0, 1, 2], [0, 0.5, 1.5, 2]), [1, 4, 3])
    assert len(coarse_edges(EDGES)) == 81


def test_table_says_what_noise_alone_would_give() -> None:
    found, *_ = sample(bootstraps=200)
    table = nz_table(found, coarse_edges(EDGES, 0.1)).set_index(["group", "estimate"])
    stack = table.loc[("all", "stacked")]
    assert abs(stack["mean_shift"]) < 4 * stack["mean_shift_err"]
    assert stack["mean_shift_err"] < stack["mean_err"]  # the same galaxies on both sides
    assert 0.3 < stack["tv"] / stack["tv_noise"] < 3
    assert table.loc[("all", "reference"), "n"] == 560
    assert np.isnan(table.loc[("all", "reference"), "tv"])


def test_a_wrong_nz_is_seen() -> None:
    pdf, z = gaussian_pdfs(2000)
    grouping = group_galaxies(z, z, [], [])
    shifted = redshift_distributions(blocks_of(pdf), EDGES, z, z + 0.1, grouping, 100)
    row = nz_table(shifted, coarse_edges(EDGES)).iloc[0]
    assert row["mean_shift"] == pytest.approx(-0.1, abs=0.02)
    assert row["w1"] == pytest.approx(0.1, abs=0.02)
    assert row["tv"] > 1.7 * row["tv_noise"]


def test_another_catalogue_as_reference() -> None:
    found, _, _, _ = sample()
    random = np.random.default_rng(8)
    z, magnitude = random.uniform(0, 3, 5000), random.uniform(20, 22, 5000)
    other = with_reference(found, z, group_galaxies(magnitude, z, M_EDGES, []))
    np.testing.assert_array_equal(other.reference[0, :, 0], np.histogram(z, EDGES)[0])
    assert list(other.n_labelled[:3]) == [5000, (magnitude < 21).sum(), (magnitude >= 21).sum()]
    assert not other.reference[3:].any()  # it has no photometric redshifts
    np.testing.assert_allclose(other.reference[0, :80, 1:].var(axis=1), other.reference[0, :80, 0], rtol=0.35)
    np.testing.assert_array_equal(other.stacked, found.stacked)


def test_files(tmp_path: Path) -> None:
    found, *_ = sample(bootstraps=50)
    written = write_nz(found, coarse_edges(EDGES, 0.1), tmp_path / "nz", "simulated")
    assert [path.name for path in written] == ["nz_statistics.csv", "nz.parquet", "nz.png"]
    densities = pd.read_parquet(written[1])
    everyone = densities[densities["group"] == "all"]
    for name in ("stacked", "point", "reference"):
        assert (everyone[name] * (everyone["z_hi"] - everyone["z_lo"])).sum() == pytest.approx(1, abs=1e-5)
    assert set(pd.read_csv(written[0])["group"]) == set(found.groups)


def test_edges_must_increase() -> None:
    with pytest.raises(InputError, match="mag bins do not increase"):
        group_galaxies([20.0], [0.5], [21.0, 20.0], [])


@pytest.mark.long
def test_speed_of_a_million_pdfs() -> None:
    pdf = np.tile(gaussian_pdfs(20_000, edges=np.linspace(0, 4, 401))[0].astype(np.float32), (50, 1))
    edges = np.linspace(0, 4, 401)
    z = np.tile(median(pdf[:20_000], edges), 50)
    grouping = group_galaxies(20 + z, z, [20, 21, 22, 24], [0, 0.5, 1, 4])
    start = time.process_time()
    found = redshift_distributions(blocks_of(pdf), edges, z, z, grouping, 1000)
    assert time.process_time() - start < 120  # of two cores: one minute
    assert found.stacked.shape == (7, 400, 1001)


def test_groups_show_their_edges_and_never_the_same_twice() -> None:
    def names(edges: list[float]) -> list[str]:
        return list(group_galaxies([], [], [], edges).groups)[1:]

    assert names([2.0, 2.5, 3.25]) == ["2.00 < z < 2.50", "2.50 < z < 3.25"]
    assert names([1.9961, 2.0044, 2.0391]) == ["1.996 < z < 2.004", "2.004 < z < 2.039"]
    assert names([2.00001, 2.00002, 3.0]) == ["2.00001 < z < 2.00002", "2.00002 < z < 3.00000"]
