"""The oracle whose labels are as good as the source's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from photoz_lit.config import Config
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.tasks.training_data import training_data
from tests.composed import composed
from tests.two_fields import changed, source_and_target

Stores = tuple[CutoutStore, CutoutStore]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """A source whose faint half has photometric labels, and a target with spectra and the truth."""
    folder = tmp_path_factory.mktemp("two")
    source, target = source_and_target(folder, n=300)
    table = source.catalogue
    faint = table["mag_i"] > table["mag_i"].median()
    return changed(source, folder / "mixed", table.assign(z_source=np.where(faint, "cosmos2020", "spec"))), target


def config_of(stores: Stores, *overrides: str) -> Config:
    return composed("field=hsc6b", f"data.source={stores[0].path}", f"data.target={stores[1].path}", *overrides)


def test_the_network_sees_labels_like_the_sources_and_is_judged_by_the_truth(stores: Stores) -> None:
    perfect, matched = (training_data(config_of(stores, f"adapt={name}")) for name in ("oracle", "oracle_matched"))
    assert perfect.first.train.tolist() == matched.first.train.tolist()
    target = matched.sample.part == 1
    truth = matched.evaluated.catalogue["z"][target]
    np.testing.assert_array_equal(truth, stores[1].catalogue["z_true"])
    seen = matched.sample.catalogue[target]
    assert np.mean(seen["z_source"] == "spec") == pytest.approx(0.5, abs=0.01)
    assert np.isnan(matched.sample.catalogue["z"][~target]).all()
    off = np.abs(seen["z"] - truth) / (1 + truth)
    photometric = seen["z_source"] == "cosmos2020"
    assert 0.004 < off[photometric].median() < 0.02
    assert off[~photometric].median() < 0.0006
    assert not any(str(name).endswith("_true") for name in seen)
    again = training_data(config_of(stores, "adapt=oracle_matched", "seed=9")).sample.catalogue["z"]
    np.testing.assert_array_equal(again, matched.sample.catalogue["z"])  # the labels of a sky are drawn once
    other = training_data(config_of(stores, "adapt=oracle_matched", "data.target_seed=2")).sample.catalogue["z"]
    assert (other[target] != seen["z"]).any()


def test_without_the_truth_it_is_refused(stores: Stores, tmp_path: Path) -> None:
    real = changed(stores[1], tmp_path / "real", stores[1].catalogue.drop(columns="z_true"))
    with pytest.raises(InputError, match=r"column z_true.*simulated fields alone have; choose adapt=oracle"):
        training_data(config_of((stores[0], real), "adapt=oracle_matched"))
