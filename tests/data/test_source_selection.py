"""A selection that holds for the source alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from photoz_lit.data.domains import SOURCE, join_fields
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from photoz_lit.run_folder import run_folder
from photoz_lit.tasks.training_data import training_data
from tests.composed import composed
from tests.conftest import make_store


@pytest.fixture
def stores(tmp_path: Path) -> tuple[CutoutStore, CutoutStore]:
    return make_store(tmp_path / "a", 100), make_store(tmp_path / "b", 80, seed=1)


def test_it_leaves_the_target_as_it_is(stores: tuple[CutoutStore, CutoutStore]) -> None:
    source, target = stores
    joined = join_fields(source, [target], load_field("hsc6b"), 32, None, None, source_selection="mag_i < 23")
    magnitude = joined.full.catalogue["mag_i"].to_numpy()
    assert (joined.domain != SOURCE).sum() == 80
    assert (joined.domain == SOURCE).sum() == (source.catalogue["mag_i"] < 23).sum() > 0
    assert (magnitude[joined.domain == SOURCE] < 23).all()
    assert (magnitude[joined.domain != SOURCE] >= 23).any()
    np.testing.assert_array_equal(joined.blind.part, joined.full.part)


def test_none_left_of_the_source(stores: tuple[CutoutStore, CutoutStore]) -> None:
    with pytest.raises(InputError, match=r"no galaxy of field 'hsc6b' is left after data.select and data.source_sel"):
        join_fields(stores[0], [stores[1]], load_field("hsc6b"), 32, None, None, source_selection="mag_i < 3")


def test_without_a_target_it_is_refused(stores: tuple[CutoutStore, CutoutStore]) -> None:
    with pytest.raises(InputError, match=r"data\.source_select is for adaptations"):
        training_data(composed("field=hsc6b", f"data.store={stores[0].path}", 'data.source_select="mag_i < 23"'))


def test_set_it_makes_another_run() -> None:
    plain, chosen = composed(), composed('data.source_select="mag_i < 23"')
    assert run_folder(plain, "x").path.name != run_folder(chosen, "x").path.name
