"""``data.n_labelled``: a few galaxies to learn from, and all of the test galaxies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from photoz_lit.tasks.training_data import training_data
from tests.composed import composed
from tests.conftest import make_store


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    store = make_store(tmp_path_factory.mktemp("stores") / "store", n=400, size=16)
    return load_sample([store], load_field("hsc6b"), 16)


def learnt(sample: Sample, n: int, seed: int = 0) -> set[int]:
    split = split_sample(sample, 0, n, seed)
    return set(np.concatenate([split.train, split.validation]).tolist())


def test_so_many_are_learnt_from_and_all_are_tested_on(sample: Sample) -> None:
    everything, few = split_sample(sample), split_sample(sample, 0, 60)
    np.testing.assert_array_equal(few.test, everything.test)
    assert len(few.train) + len(few.validation) == 60
    assert set(few.train) <= set(everything.train)
    assert set(few.validation) <= set(everything.validation)
    assert 30 < len(few.train) < 58


def test_fewer_are_part_of_more_and_a_seed_draws_others(sample: Sample) -> None:
    assert learnt(sample, 40) < learnt(sample, 80) < learnt(sample, 160)
    assert learnt(sample, 80) != learnt(sample, 80, seed=1)
    assert learnt(sample, 10_000) == set(np.flatnonzero(sample.catalogue["fold"] != 0).tolist())


def test_too_few_are_refused(sample: Sample) -> None:
    with pytest.raises(InputError, match=r"data\.n_labelled=1 leaves no galaxy to (train|validate) on"):
        split_sample(sample, 0, 1)


def test_the_others_are_counted(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=200, size=16).path
    given = ("field=hsc6b", f"data.store={store}", "scale.stamp_size=16", "data.n_labelled=50")
    rows = training_data(composed(*given)).rows
    tested = rows.used - 50
    assert rows.left_out == {"beyond data.n_labelled": 200 - 50 - tested}
    assert 20 < tested < 60
    crossed = training_data(composed(*given, "cv.folds=5"))  # each galaxy is tested once
    assert crossed.rows.used == 200
    assert all(len(split.train) + len(split.validation) == 50 for split in crossed.splits.values())
