"""What must hold for every input: PDFs, folds, modalities, pixels, N(z), label merges, counts of rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photoz_lit.data.folds import assign_folds
from photoz_lit.data.pixels import drawn_transforms, stretch, turn, unstretch
from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics import pdf as metrics
from photoz_lit.evaluation.metrics.point import delta_z, point_metrics, sigma_mad
from photoz_lit.evaluation.nz.distributions import blocks_of, group_galaxies, redshift_distributions
from photoz_lit.labels.candidates import gather
from photoz_lit.labels.merge import cell_quota, merge
from photoz_lit.labels.settings import MergeSettings
from photoz_lit.labels.sources import LabelCatalogue
from photoz_lit.networks.modalities import modalities_of
from photoz_lit.networks.settings import ModalitySettings
from photoz_lit.rows import RowCount

EXAMPLES = settings(max_examples=40, deadline=None, derandomize=True, database=None)
FEW = settings(EXAMPLES, max_examples=10)
Floats = NDArray[np.float64]


@st.composite
def grids(draw: st.DrawFn) -> Floats:
    """Edges of 1 to 30 bins of unequal widths."""
    widths = draw(st.lists(st.floats(1e-3, 1.0), min_size=1, max_size=30))
    return draw(st.floats(0, 2)) + np.concatenate([[0.0], np.cumsum(widths)])


@st.composite
def pdfs(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    """Probabilities (N, bins), edges (bins + 1,), and redshifts (N,), some at the ends of the grid or outside."""
    edges = draw(grids())
    n, bins = draw(st.integers(1, 6)), len(edges) - 1
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    heights = random.exponential(size=(n, bins)) ** draw(st.sampled_from([0.1, 1, 8]))
    heights[:, random.random(bins) < draw(st.sampled_from([0.0, 0.7]))] = 0.0
    heights[heights.sum(axis=1) == 0, random.integers(bins)] = 1.0
    z = random.uniform(edges[0] - 0.2, edges[-1] + 0.2, n)
    z[random.random(n) < 0.3] = draw(st.sampled_from([edges[0], edges[-1], edges[bins // 2]]))
    return heights / heights.sum(axis=1, keepdims=True), edges, z


@given(pdfs())
@EXAMPLES
def test_cdfs_rise_and_point_estimates_lie_on_the_grid(case: tuple[Floats, Floats, Floats]) -> None:
    pdf, edges, _ = case
    levels = np.linspace(0.01, 0.99, 25)
    quantiles = metrics.quantiles(pdf, edges, levels)
    assert (np.diff(quantiles, axis=1) >= -1e-12).all()
    assert (quantiles >= edges[0]).all()
    assert (quantiles <= edges[-1]).all()
    for estimate in (metrics.median(pdf, edges), metrics.mean(pdf, edges), metrics.mode(pdf, edges)):
        assert ((edges[0] <= estimate) & (estimate <= edges[-1])).all()
    low, high = metrics.interval68(pdf, edges)
    assert (low <= metrics.median(pdf, edges)).all()
    assert (metrics.median(pdf, edges) <= high).all()
    at = np.stack([metrics.pit(pdf, edges, np.full(len(pdf), z)) for z in np.linspace(edges[0], edges[-1], 9)])
    assert (np.diff(at, axis=0) >= -1e-12).all()
    assert at[0] == pytest.approx(0, abs=1e-12)
    assert at[-1] == pytest.approx(1)


@given(pdfs())
@EXAMPLES
def test_quantile_and_cdf_are_inverse(case: tuple[Floats, Floats, Floats]) -> None:
    pdf, edges, _ = case
    for level in (0.1, 0.5, 0.9):
        assert metrics.pit(pdf, edges, metrics.quantiles(pdf, edges, [level])[:, 0]) == pytest.approx(level, abs=1e-9)


@given(pdfs())
@EXAMPLES
def test_scores_have_their_sign_and_reference(case: tuple[Floats, Floats, Floats]) -> None:
    pdf, edges, z = case
    crps = metrics.crps(pdf, edges, z)
    assert (crps >= 0).all()
    fine = np.linspace(min(edges[0], z.min()), max(edges[-1], z.max()), 4001)  # the integral by its definition
    for row in range(len(pdf)):
        cdf = np.interp(fine, edges, np.concatenate([[0.0], np.cumsum(pdf[row])]))
        assert crps[row] == pytest.approx(np.trapezoid((cdf - (fine >= z[row])) ** 2, fine), abs=2e-3)
    assert ((metrics.pit(pdf, edges, z) >= 0) & (metrics.pit(pdf, edges, z) <= 1)).all()
    assert (metrics.density(pdf, edges, z) >= 0).all()
    assert np.isfinite(metrics.cde_loss(pdf, edges, z))


@given(pdfs(), st.floats(0.1, 50))
@EXAMPLES
def test_pdfs_of_any_scale_are_normalised(case: tuple[Floats, Floats, Floats], factor: float) -> None:
    pdf, edges, z = case
    assert metrics.crps(pdf * factor, edges, z) == pytest.approx(metrics.crps(pdf, edges, z), abs=1e-9)
    for _, block in metrics.probability_blocks(pdf * factor):
        assert block.sum(axis=1) == pytest.approx(1)


@given(st.lists(st.tuples(st.floats(0, 6), st.floats(0, 6)), min_size=2, max_size=40))
@EXAMPLES
def test_point_metrics_do_not_depend_on_the_order_and_scale_as_they_should(pairs: list[tuple[float, float]]) -> None:
    z_phot, z_true = np.array(pairs).T
    delta = delta_z(z_phot, z_true)
    assert delta == pytest.approx((z_phot - z_true) / (1 + z_true))
    ways = point_metrics(delta, 0.15), point_metrics(delta[::-1], 0.15)
    for name, value in ways[0].items():
        assert value == pytest.approx(ways[1][name], abs=1e-12, nan_ok=True)
    assert sigma_mad(3 * delta + 7) == pytest.approx(3 * sigma_mad(delta), abs=1e-9)
    assert 0 <= ways[0]["eta"] <= 1


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40))
@example([0.0, -0.0, 1e-12, -1e-12, 1e12, -1e12])
@EXAMPLES
def test_the_stretch_is_invertible_odd_and_rising(values: list[float]) -> None:
    flux = torch.tensor(values, dtype=torch.float64)
    stretched = stretch(flux)
    assert torch.allclose(unstretch(stretched), flux, rtol=1e-9, atol=1e-9)
    assert torch.equal(stretch(-flux), -stretched)
    order = torch.argsort(flux)
    assert bool((torch.diff(stretched[order]) >= 0).all())


@given(st.integers(0, 2**31 - 1), st.integers(2, 9), st.integers(1, 9))
@EXAMPLES
def test_symmetries_keep_the_flux_and_are_eight(seed: int, size: int, bands: int) -> None:
    one = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, bands, size, size)))
    turned = turn(one.expand(8, -1, -1, -1), torch.arange(8))
    assert torch.allclose(turned.sum(dim=(2, 3)), one.sum(dim=(2, 3)).expand(8, -1))
    assert all(torch.equal(image.flatten(1).sort().values, one[0].flatten(1).sort().values) for image in turned)
    assert len({image.numpy().tobytes() for image in turned}) == 8
    drawn = drawn_transforms(50, seed, 3)
    assert torch.equal(drawn, drawn_transforms(50, seed, 3))
    assert bool(((drawn >= 0) & (drawn < 8)).all())


@st.composite
def skies(draw: st.DrawFn) -> pd.DataFrame:
    """Objects with repeated ids and neighbours within an arcsecond, some without a place."""
    n = draw(st.integers(1, 30))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ra, dec = 150 + random.integers(0, 6, n) * 0.6 / 3600, random.choice([-89.9999, 2.0, 89.9999], n)
    ra[random.random(n) < 0.1] = np.nan
    return pd.DataFrame({"object_id": [f"g{k}" for k in random.integers(0, 2 * n, n)], "ra": ra, "dec": dec})


def folds(sky: pd.DataFrame) -> NDArray[np.int64]:
    return assign_folds(sky["object_id"], sky["ra"].to_numpy(), sky["dec"].to_numpy())


@given(skies(), st.randoms(use_true_random=False))
@EXAMPLES
def test_folds_are_stable_under_reordering_and_repetition(sky: pd.DataFrame, random: Any) -> None:
    order = list(range(len(sky)))
    random.shuffle(order)
    found = folds(sky)
    assert (folds(sky.iloc[order].reset_index(drop=True)) == found[order]).all()
    doubled = pd.concat([sky, sky], ignore_index=True)
    assert (folds(doubled) == np.concatenate([found, found])).all()
    assert sky.assign(fold=found).groupby("object_id")["fold"].nunique().eq(1).all()


@given(st.sets(st.integers(0, 10**6), min_size=2, max_size=30), st.integers(1, 29))
@EXAMPLES
def test_folds_are_stable_under_growth(numbers: set[int], part: int) -> None:
    names = sorted(numbers)
    sky = pd.DataFrame({"object_id": [f"g{k}" for k in names], "ra": [k * 1e-3 % 360 for k in names], "dec": 2.0})
    early = sky.iloc[:part]
    assert (folds(sky)[: len(early)] == folds(early)).all()


BANDS = st.lists(st.sampled_from("ugrizyjhk"), min_size=1, max_size=9, unique=True)


@given(BANDS, st.integers(1, 9), st.lists(st.integers(1, 4), min_size=1, max_size=3))
@EXAMPLES
def test_modality_sets_for_any_bands(bands: list[str], size: int, orders: list[int]) -> None:
    asked = ModalitySettings(size=size, order=orders)
    reach = max((size - 1) * order + 1 for order in orders)
    if reach > len(bands):
        with pytest.raises(InputError):
            modalities_of(asked, bands)
        return
    found = modalities_of(asked, bands)
    assert len(set(found)) == len(found)
    place = {band: k for k, band in enumerate(bands)}
    for modality in found:
        assert len(modality) == size
        steps = set(np.diff([place[band] for band in modality]).tolist())
        assert len(steps) <= 1
        assert steps <= set(orders)
    expected = {len(bands) - (size - 1) * order for order in orders} if size > 1 else {len(bands)}
    assert len(found) == sum(expected)
    assert modalities_of(ModalitySettings(), bands) == [tuple(bands)]


@given(pdfs(), st.integers(0, 2**32 - 1))
@FEW
def test_nz_integrates_to_n_and_its_groups_to_the_whole(case: tuple[Floats, Floats, Floats], seed: int) -> None:
    pdf, edges, z = case
    n = len(pdf)
    z_phot = metrics.median(pdf, edges)
    mags = np.random.default_rng(seed).uniform(20, 26, n)
    grouping = group_galaxies(mags, z_phot, [21.0, 23.0, 25.0], [])
    found = redshift_distributions(blocks_of(pdf, 2), edges, z_phot, z, grouping, bootstraps=3, seed=seed)
    assert found.stacked[0, :, 0].sum() == pytest.approx(n, rel=1e-5)
    assert found.point[0, :, 0].sum() == n
    inside = (z >= edges[0]) & (z <= edges[-1])
    assert found.reference[0, :, 0].sum() == found.n_labelled[0] == inside.sum()
    assert found.n.tolist()[0] == n
    for row in range(1, len(found.groups)):
        assert found.stacked[row, :, 0].sum() == pytest.approx(found.n[row], rel=1e-5)


@st.composite
def labels(draw: st.DrawFn) -> tuple[list[LabelCatalogue], pd.DataFrame, int]:
    n, cells = draw(st.integers(12, 40)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sources = []
    for tier in ("spec", "grism", "photo"):
        chosen = random.integers(0, n, draw(st.integers(1, n)))
        table = pd.DataFrame({"object_id": [f"p{k}" for k in chosen], "z": random.uniform(0, 2, len(chosen))})
        sources.append(LabelCatalogue(tier, tier, table, "id", {"kept": len(table)}))
    target = pd.DataFrame(
        {"object_id": [f"p{k}" for k in range(n)], "ra": 150 + 0.01 * np.arange(n), "dec": 2.0}
    ).assign(mag_i=22.0, z_true=0.5)
    return sources, target, cells


@given(labels())
@EXAMPLES
def test_a_merge_repeats_no_object_and_tells_every_row(case: tuple[list[LabelCatalogue], pd.DataFrame, int]) -> None:
    sources, target, n_cells = case
    candidates = gather(sources, target, 0.6)
    table = candidates.table
    assume(int(table["best"].sum()) >= n_cells)
    cell_of = {name: k % n_cells for k, name in enumerate(target["object_id"])}
    cells = table["object_id"].map(cell_of).to_numpy(np.int64)
    found = merge(np.arange(len(target)) % n_cells, candidates, cells, n_cells, MergeSettings(gold_test=False), seed=1)
    catalogue = found.catalogue
    assert catalogue["object_id"].is_unique
    assert set(catalogue["object_id"]) <= set(target["object_id"])
    assert sum(found.counts.values()) == int(table["best"].sum())
    best = {name: rows["tier"].min() for name, rows in table.groupby("object_id")}
    assert all(best[name] == tier for name, tier in zip(catalogue["object_id"], catalogue["tier"], strict=True))
    assert catalogue["weight"].mean() == pytest.approx(1)
    assert (catalogue["weight"] >= 0).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(1, 500))
@EXAMPLES
def test_quotas_are_whole_fair_and_complete(weights: list[float], size: int) -> None:
    share = np.array(weights)
    assume(share.sum() > 1e-3)
    share /= share.sum()
    quota = cell_quota(share, size)
    assert (quota[share == 0] == 0).all()
    assert (quota[share > 0] >= 1).all()
    assert (quota >= np.floor(share * size)).all()
    assert (quota <= np.maximum(np.ceil(share * size), 1)).all()
    assert quota.sum() >= size


@given(st.integers(0, 10**6), st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1000)), max_size=8))
@EXAMPLES
def test_rows_in_are_rows_used_and_rows_left_out(read: int, steps: list[tuple[str, int]]) -> None:
    count = RowCount.of(read)
    for reason, gone in steps:
        if gone <= count.used:
            count = count.without(reason, gone)
    assert count.used + sum(count.left_out.values()) == count.read == read
    double = count + count
    assert double.used + sum(double.left_out.values()) == 2 * read
