"""The merge: best labels first, shares of the target, no object twice, coverage, gold test, bad input."""

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.sampling_weights import cell_weights
from photoz_lit.errors import InputError
from photoz_lit.labels.candidates import gather
from photoz_lit.labels.comparison import total_variation, weighted_ks
from photoz_lit.labels.merge import cell_quota, largest_size, merge, require_enough_labels
from photoz_lit.labels.settings import MergeSettings
from photoz_lit.labels.sources import LabelCatalogue

ARCSEC = 1 / 3600


def photometry(n):
    return pd.DataFrame(
        {
            "object_id": [f"p{k}" for k in range(n)],
            "ra": 150 + 0.01 * np.arange(n),
            "dec": np.full(n, 2.0),
            "mag_i": 22.0,
            "z_true": 0.5,
        }
    )


def source(tier, objects, z, match="id", **columns):
    table = pd.DataFrame({"object_id": [f"p{k}" for k in objects], "z": z, **columns})
    return LabelCatalogue(tier, tier, table, match, {"not secure": 2, "kept": len(table)})


def test_one_object_is_one_candidate_with_its_best_label():
    sky = source("photo", [0, 1, 2], 0.9, "sky", ra=150 + 0.01 * np.array([0, 1, 2]) + 0.3 * ARCSEC, dec=2.0)
    sky.table["object_id"] = ["other0", "other1", "other2"]
    both = gather([sky, source("spec", [1], 0.7), source("grism", [1, 3], 0.8)], photometry(5), 0.6)
    best = both.best.set_index("object_id")
    assert best["z_source"].to_dict() == {"p0": "photo", "p2": "photo", "p1": "spec", "p3": "grism"}
    assert best.loc["p1", "z"] == 0.7
    assert both.counts["photo"] == {
        "not secure": 2,
        "without a counterpart in the target catalogue": 0,
        "of an object that has a better label": 1,
        "kept": 2,
    }
    assert both.counts["grism"]["of an object that has a better label"] == 1


def test_repeated_measurement_counts_once():
    repeated = source("spec", [4, 4], [0.5, 0.6], "none", ra=[10.0, 10.0], dec=[1.0, 1.0], z_err=[0.1, 0.01])
    best = gather([repeated], photometry(5), 0.6).best
    assert best["z"].tolist() == [0.6]


def test_labels_without_an_id_are_one_object_by_their_place_alone():
    places = [10.0, 20.0, 10.0 + 0.1 * ARCSEC, 30.0]
    without = source(
        "spec", [0, 1, 2, 3], [0.5, 0.6, 0.7, 0.8], "none", ra=places, dec=0.0, z_err=[0.1, 0.1, 0.01, 0.1]
    )
    without.table["object_id"] = ["", "", "", "p3"]
    named = source("grism", [3], 0.9)
    best = gather([without, named], photometry(5), 0.6).best
    assert best["z"].tolist() == [0.6, 0.7, 0.8]


def test_sources_without_overlap_are_refused():
    away = source("spec", [0], 0.5, "sky", ra=[10.0], dec=[50.0])
    with pytest.raises(
        InputError, match=r"'spec' and the target catalogue do not overlap: no object agrees within 0\.6″"
    ):
        gather([away], photometry(5), 0.6)
    with pytest.raises(InputError, match="do not overlap: no object agrees by object_id"):
        gather([source("spec", [9], 0.5)], photometry(5), 0.6)
    with pytest.raises(InputError, match="do not overlap"):
        gather([source("spec", [77], 0.5)], photometry(5), 0.6)
    with pytest.raises(InputError, match="has no column 'ra'"):
        gather([source("spec", [0], 0.5, "sky")], photometry(5), 0.6)


def cells_of(candidates, cell_of_object):
    return candidates.table["object_id"].map(cell_of_object).to_numpy(np.int64)


def test_cells_fill_with_the_best_labels_to_the_targets_share():
    # Cell 0: half of the target, 2 spec + 30 photo; cell 1: the other half, 12 photo; cell 2: no target.
    n = 60
    place = {f"p{k}": 0 if k < 32 else 1 if k < 44 else 2 for k in range(n)}
    sources = [source("spec", [0, 1], 0.5), source("photo", range(n), 0.52)]
    candidates = gather(sources, photometry(n), 0.6)
    target = np.array([0] * 50 + [1] * 50 + [-1] * 25)
    result = merge(target, candidates, cells_of(candidates, place), 3, MergeSettings(size=20))
    catalogue = result.catalogue
    assert catalogue["cell"].value_counts().to_dict() == {0: 10, 1: 10}
    assert set(catalogue.loc[catalogue["z_source"] == "spec", "object_id"]) == {"p0", "p1"}
    assert catalogue["object_id"].is_unique
    np.testing.assert_allclose(catalogue["weight"], 1.0)
    assert result.counts == {
        "with too few magnitudes to be placed": 0,
        "in cells without a target galaxy": 16,
        "in cells that fail the gold test": 0,
        "beyond their cell's share": 24,
        "kept": 20,
    }
    assert result.coverage == pytest.approx(
        {"spec": 0.4, "any": 0.8, "none": 0.0, "unplaced": 0.2, "gold_tested": 0.4, "gold_failed": 0.0, "merged": 0.8}
    )
    assert result.cells["n_photo"].tolist() == [30, 12, 16]


def test_weights_make_up_for_cells_that_lack_labels():
    cell = np.array([0] * 10 + [1] * 2)
    weight = cell_weights(cell, np.array([0.5, 0.5]), max_weight=10)
    np.testing.assert_allclose(weight[:10].sum(), weight[10:].sum())
    np.testing.assert_allclose(weight.mean(), 1.0)
    bounded = cell_weights(np.array([0] * 1000 + [1]), np.array([0.5, 0.5]), max_weight=3)
    assert bounded.max() / bounded.min() <= 9


def test_contradicting_cell_fails_the_gold_test():
    n = 40
    place = {f"p{k}": k // 10 for k in range(n)}
    photo = np.full(n, 0.5)
    photo[10:20] = 1.2  # cell 1: photo-z 1.2, spec-z 0.5
    sources = [source("spec", [0, 10, 20], 0.5), source("photo", range(n), photo)]
    candidates = gather(sources, photometry(n), 0.6)
    target = np.repeat([0, 1, 2, 3], 5)
    result = merge(target, candidates, cells_of(candidates, place), 4)
    np.testing.assert_array_equal(result.agreement.failed, [False, True, False, False])
    np.testing.assert_array_equal(result.agreement.tested, [True, True, True, False])
    assert result.agreement.limit == pytest.approx(0.4)
    assert 1 not in result.catalogue["cell"].to_numpy()
    assert result.counts["in cells that fail the gold test"] == 10
    assert result.coverage["gold_failed"] == pytest.approx(0.25)
    kept = merge(target, candidates, cells_of(candidates, place), 4, MergeSettings(gold_test=False))
    assert 1 in kept.catalogue["cell"].to_numpy()
    # The target's own photo-z serve the test where they are given.
    own = merge(target, candidates, cells_of(candidates, place), 4, None, np.repeat([0.5, 0.5, 1.2, 0.5], 5))
    np.testing.assert_array_equal(own.agreement.failed, [False, False, True, False])


def test_spread_of_a_cell_is_that_of_a_gaussian():
    candidates = gather([source("spec", [0, 1, 2], [0.1, 0.2, 0.4])], photometry(5), 0.6)
    cells = merge(np.zeros(5, int), candidates, np.zeros(3, int), 1).cells
    assert cells["z_median"].tolist() == [0.2]
    assert cells["z_spread"].tolist() == pytest.approx([1.4826 * 0.1])


def test_fewer_labels_than_cells_is_refused():
    candidates = gather([source("spec", [0, 1], 0.5)], photometry(5), 0.6)
    with pytest.raises(InputError, match=r"2 labelled objects cannot fill 9 cells.*labels\.som\.rows=2"):
        merge(np.zeros(5, int), candidates, np.zeros(2, int), 9)
    with pytest.raises(InputError, match=r"rows=10 labels\.som\.columns=10"):  # five for each cell
        require_enough_labels(500, 2500)


def test_labels_outside_the_target_are_refused():
    candidates = gather([source("spec", [0, 1], 0.5)], photometry(5), 0.6)
    with pytest.raises(InputError, match="no label lies in a cell of the target"):
        merge(np.zeros(5, int), candidates, np.ones(2, int), 2)


def test_quota_adds_up():
    share = np.array([0.5, 0.3, 0.2, 0.0])
    assert cell_quota(share, 11).tolist() == [6, 3, 2, 0]  # 5.5, 3.3, 2.2
    assert cell_quota(np.array([0.99, 0.01]), 10).tolist() == [10, 1]


def test_largest_size_fills_the_asked_share():
    share, available = np.array([0.5, 0.5]), np.array([100, 50])
    assert largest_size(share, available, 1.0) == 100
    # 50 + 0.5 m of m places: 0.75 of them from m = 200 on, where cell 0 is also used up
    assert largest_size(share, available, 0.75) == 200
    assert largest_size(np.array([0.5, 0.5]), np.array([10, 0]), 0.9) in (21, 22)
    assert largest_size(share, np.array([1, 1]), 1.0) == 2


def test_weighted_ks_and_total_variation():
    from scipy.stats import ks_2samp

    random = np.random.default_rng(0)
    a, b = random.normal(size=300), random.normal(0.3, 1, 200)
    assert weighted_ks(a, b, np.ones(300), np.ones(200)) == pytest.approx(ks_2samp(a, b).statistic)
    doubled = weighted_ks(np.append(a, a[:50]), b, np.ones(350), np.ones(200))
    weights = np.ones(300)
    weights[:50] = 2
    assert weighted_ks(a, b, weights, np.ones(200)) == pytest.approx(doubled)
    edges = np.array([0.0, 1.0, 2.0])
    assert total_variation(np.array([0.5, 1.5]), np.array([0.5, 0.5]), edges) == pytest.approx(0.5)
    assert total_variation(np.array([0.5, 1.5]), np.array([0.5, 0.5]), edges, np.array([3.0, 1.0])) == 0.25
