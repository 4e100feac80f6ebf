"""What a catalogue says beside an image: its columns and colours, or circles on the stamps; and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from photoz_lit.config import Config
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.estimators.catalogue_values import catalogue_values, require_columns
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.estimators.forest import with_missing
from photoz_lit.networks.catalogue_inputs import number_of_values
from photoz_lit.networks.settings import NetworkSettings
from photoz_lit.setting_roles import identity
from photoz_lit.tasks.train import train
from tests.composed import composed, predicted
from tests.conftest import make_store
from tests.two_fields import changed

TINY = ("field=hsc6b", "network=plain", "scale.max_epochs=1", "network.catalogue_inputs=[mag_g,mag_err_g,mag_i]")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("stores") / "store", n=80)


@pytest.fixture
def sample(store: CutoutStore) -> Sample:
    return load_sample([store], composed(*TINY).field, 32)


def network_of(config: Config) -> NetworkSettings:
    assert isinstance(config.network, NetworkSettings)
    return config.network


def test_columns_are_followed_by_the_colours_of_the_magnitudes(sample: Sample) -> None:
    table = sample.catalogue.copy()
    table.loc[3, "mag_g"] = np.inf
    rows = np.array([5, 3])
    found = catalogue_values(network_of(composed(*TINY)), replace(sample, catalogue=table), rows)
    g, error, i = (table[name].to_numpy()[5] for name in ("mag_g", "mag_err_g", "mag_i"))
    np.testing.assert_allclose(found[0], [g, error, i, g - i], rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(found[1]), [True, False, False, True])


def test_measured_ones_are_those_of_the_forest(sample: Sample) -> None:
    config, rows = composed(*TINY[:3], "network.catalogue_inputs=measured"), np.array([7, 1, 4])
    found = catalogue_values(network_of(config), sample, rows)
    assert found.shape == (3, number_of_values(network_of(config), len(sample.bands)))
    forest = estimator_of(composed("field=hsc6b", "network=photometry_forest"))
    np.testing.assert_allclose(with_missing(found), forest.inputs(sample, rows)[:, :-1], rtol=1e-5)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (["mag_gg"], "has no column 'mag_gg'.*mag_g"),
        (["mag_g", "z"], "'z' is about labels"),
        (["weight"], "'weight' is about labels"),
        (["name"], "'name' holds no numbers"),
        (["empty"], "'empty' has no value for any galaxy"),
    ],
)
def test_what_cannot_be_an_input_is_refused(sample: Sample, columns: list[str], sentence: str) -> None:
    table = sample.catalogue.assign(name="a", empty=np.nan, weight=1.0)
    with pytest.raises(InputError, match=sentence):
        require_columns(replace(sample, catalogue=table), columns)


def test_a_run_reads_them_and_refuses_a_store_without_them(store: CutoutStore, tmp_path: Path) -> None:
    place = (f"data.store={store.path}", f"paths.runs={tmp_path}")
    config = composed(*TINY, *place)
    assert config.reads_catalogue
    assert not composed(*TINY[:3], "network.catalogue_inputs=measured").reads_catalogue
    folder = train(config)
    task = ("field=hsc6b", "task=predict", f"run={folder.path}", f"paths.runs={tmp_path}")
    assert (predicted(composed(*task, f"data.store={store.path}")).path / "predictions.parquet").is_file()
    without = changed(store, tmp_path / "without", store.catalogue.assign(mag_i=np.nan))
    with pytest.raises(InputError, match="column 'mag_i' has no value for any galaxy"):
        predicted(composed(*task, f"data.store={without.path}"))
    with pytest.raises(InputError, match="column 'mag_i' has no value"):  # before a run folder is made
        train(composed(*TINY, f"data.store={without.path}", f"paths.runs={tmp_path / 'none'}"))
    assert not (tmp_path / "none").exists()


def test_an_adaptation_refuses_them(sample: Sample) -> None:
    estimator = estimator_of(composed(*TINY, "data.target=t"))
    with pytest.raises(InputError, match="an adaptation aligns what images show"):
        estimator.check(sample.bands, 32, sample.field)


def test_networks_on_images_alone_keep_their_ids() -> None:
    assert not [name for name in identity(composed("network=plain")) if name.startswith("network.catalogue")]
    assert identity(composed(*TINY))["network.catalogue_inputs"] == ["mag_g", "mag_err_g", "mag_i"]


def test_features_depend_on_the_catalogue(sample: Sample, store: CutoutStore, tmp_path: Path) -> None:
    estimator = estimator_of(composed(*TINY, f"data.store={store.path}"))
    estimator.fit(sample, split_sample(sample), 0, tmp_path)
    rows = np.arange(10)
    other = replace(sample, catalogue=sample.catalogue.assign(mag_g=sample.catalogue["mag_g"] + 1))
    one, two = estimator.features(sample, rows, "cpu"), estimator.features(other, rows, "cpu")
    assert one is not None
    assert two is not None
    assert not np.allclose(one, two)
    assert not np.allclose(estimator.predict(sample, rows), estimator.predict(other, rows))
