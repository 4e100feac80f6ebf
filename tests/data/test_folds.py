import hashlib

import numpy as np
import pandas as pd

from photoz_lit.data.folds import N_FOLDS, assign_folds


def ids(n: int) -> pd.Series:
    return pd.Series([f"id{i}" for i in range(n)])


def test_lone_objects_are_hashed_by_id() -> None:
    ra, dec = np.linspace(150, 160, 50), np.zeros(50)
    expected = [int(hashlib.sha256(i.encode()).hexdigest()[:16], 16) % N_FOLDS for i in ids(50)]
    np.testing.assert_array_equal(assign_folds(ids(50), ra, dec), expected)


def test_objects_within_one_arcsecond_share_a_fold_and_chains_are_followed() -> None:
    step = 0.9 / 3600
    ra = np.concatenate([150 + step * np.arange(20), [170.0]])
    folds = assign_folds(ids(21), ra, np.zeros(21))
    assert len(set(folds[:20])) == 1


def test_objects_further_apart_are_independent() -> None:
    ra = 150 + 1.1 / 3600 * np.arange(200)
    folds = assign_folds(ids(200), ra, np.zeros(200))
    assert set(folds) == set(range(N_FOLDS))


def test_separation_is_on_the_sphere() -> None:
    # 1.5 arcsec in right ascension is 0.26 arcsec at a declination of 80 degrees, and 0/360 degrees touch.
    for n in range(30):
        pair = pd.Series([f"a{n}", f"b{n}"])
        near = assign_folds(pair, np.array([359.9999, 0.0001]), np.array([89.0, 89.0]))
        assert near[0] == near[1]
        near = assign_folds(pair, np.array([10.0, 10.0 + 1.5 / 3600]), np.array([80.0, 80.0]))
        assert near[0] == near[1]


def test_same_id_shares_a_fold_without_positions_and_order_does_not_matter() -> None:
    names = pd.Series(["x", "y", "x", "z", "y"] * 20) + pd.Series([str(i // 5) for i in range(100)])
    nowhere = np.full(100, np.nan)
    folds = assign_folds(names, nowhere, nowhere)
    assert pd.Series(folds).groupby(names).nunique().max() == 1
    order = np.random.default_rng(0).permutation(100)
    np.testing.assert_array_equal(assign_folds(names[order].reset_index(drop=True), nowhere, nowhere), folds[order])


def test_folds_are_about_equally_full() -> None:
    folds = assign_folds(ids(5000), np.full(5000, np.nan), np.full(5000, np.nan))
    assert np.bincount(folds).min() > 900
