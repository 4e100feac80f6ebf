"""One suite over every estimator: whatever it fits, a run can rely on the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from photoz_lit.config import Config
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import Split, split_sample
from photoz_lit.errors import InputError
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.estimators.estimator import Estimator
from photoz_lit.fields import conf_directory
from photoz_lit.network_choice import settings_type_of
from photoz_lit.settings import EstimatorSettings
from photoz_lit.tasks.train import train
from tests.composed import composed
from tests.conftest import make_store
from tests.two_fields import joined, source_and_target

TINY = ("field=hsc6b", "scale.max_epochs=1", "adapt.epochs=1", "seed=3")
FURTHER = {
    "template_fit": ["network.stride=25"],
    "photometry_forest": ["network.trees=10"],
    "hybrid": ["network.catalogue_inputs=[mag_g,mag_r,mag_i]"],
    "hybrid_measured": ["network.catalogue_inputs=measured"],
}


def _estimators() -> list[str]:
    """Estimators of ``conf/network``; a file that is added is tested too."""
    sections = [yaml.safe_load(path.read_text()) for path in sorted((conf_directory() / "network").glob("*.yaml"))]
    return [section["name"] for section in sections if settings_type_of(section).is_method]


@dataclass
class Case:
    """An estimator's config, and galaxies that it can be fitted on."""

    config: Config
    sample: Sample
    split: Split

    @property
    def estimator(self) -> Estimator:
        """A fresh estimator."""
        return estimator_of(self.config)

    def fitted(self, folder: Path, sample: Sample | None = None) -> Estimator:
        """An estimator that is fitted on the case's galaxies, or on the same with other labels."""
        estimator = self.estimator
        estimator.fit(sample or self.sample, self.split, self.config.seed, folder / "member")
        return estimator


@pytest.fixture(scope="module", params=["cnn", "hybrid", "hybrid_measured", "adaptation", *_estimators()])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "adaptation":
        source, target = source_and_target(folder)
        both, split = joined(source, target)
        places = [f"data.source={source.path}", f"data.target={target.path}", f"paths.runs={folder / 'starts'}"]
        return Case(composed(*TINY, "network=plain", *places), both.blind, split)
    store = make_store(folder / "store", n=90)
    sample = load_sample([store], composed(*TINY).field, 32)
    name = "plain" if request.param in ("cnn", "hybrid", "hybrid_measured") else request.param
    overrides = [f"network={name}", f"data.store={store.path}", *FURTHER.get(request.param, [])]
    return Case(composed(*TINY, *overrides), sample, split_sample(sample))


def test_a_fitted_one_is_loaded_and_predicts_the_same(case: Case, tmp_path: Path) -> None:
    pdf = case.fitted(tmp_path).predict(case.sample, case.split.test)
    assert pdf.shape == (len(case.split.test), case.sample.field.n_bins)
    assert pdf.dtype == np.float32
    assert (pdf >= 0).all()
    np.testing.assert_allclose(pdf.sum(axis=1), 1.0, atol=1e-5)
    again = case.estimator
    again.load(tmp_path / "member")
    np.testing.assert_array_equal(again.predict(case.sample, case.split.test), pdf)
    reverse = again.predict(case.sample, case.split.test[::-1])
    np.testing.assert_allclose(reverse[::-1], pdf, atol=1e-6)


def test_labels_of_test_galaxies_do_not_reach_it(case: Case, tmp_path: Path) -> None:
    pdf = case.fitted(tmp_path / "one").predict(case.sample, case.split.test)
    z = case.sample.catalogue["z"].to_numpy(copy=True)
    z[case.split.test] = 0.7
    changed = replace(case.sample, catalogue=case.sample.catalogue.assign(z=z))
    np.testing.assert_array_equal(case.fitted(tmp_path / "two", changed).predict(changed, case.split.test), pdf)


def test_what_is_not_whole_is_refused(case: Case, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        case.estimator.load(tmp_path / "nothing")
    case.fitted(tmp_path)
    kept = [path for path in (tmp_path / "member").iterdir() if path.suffix in (".ckpt", ".npz")]
    for path in kept:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if kept:
        with pytest.raises(InputError, match="member"):
            case.estimator.load(tmp_path / "member")


def test_it_says_what_it_is_and_costs(case: Case) -> None:
    estimator = case.estimator
    estimator.check(case.sample.bands, case.sample.stamp_size, case.sample.field)
    estimator.check_sample(case.sample)
    said = estimator.describe(case.sample, case.split, 1)
    assert said.lines
    assert all(text and "\n" not in text for text in said.lines.values())
    assert estimator.label.startswith(case.config.network.name)
    cost = estimator.cost(case.sample)
    assert (cost.parameters is None) == case.config.network.is_method
    assert set(cost.figures) <= {"parameters", "gflop_per_image", "gflop_parallel"}
    assert issubclass(type(case.config.network), EstimatorSettings)
    assert type(case.config.network) is estimator.Settings


def test_what_does_not_fit_is_refused_before_a_folder_is_made(case: Case, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no band 'x'"):
        case.estimator.check(("g", "x"), 32, case.sample.field)
    runs = case.config.paths.model_copy(update={"runs": tmp_path / "runs"})
    data = case.config.data.model_copy(update={"bands": ["g", "x"]})
    with pytest.raises(InputError, match="band 'x'"):
        train(case.config.model_copy(update={"paths": runs, "data": data}))
    assert not (tmp_path / "runs").exists()


def test_modalities_that_there_are_not_cannot_be_dropped(case: Case, tmp_path: Path) -> None:
    estimator = case.fitted(tmp_path)
    with pytest.raises(InputError, match="drop"):
        estimator.predict(case.sample, case.split.test, ["no_such_band"])
