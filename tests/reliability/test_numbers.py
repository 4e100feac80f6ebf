"""Odd pixels, fluxes, labels and weights give the right number or one sentence, never another number or a traceback."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.data.store_writer import write_store
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.evaluation.metrics.summary import summarise
from photoz_lit.evaluation.mismatch.field_pixels import field_pixels
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.fields import load_field
from tests.composed import composed
from tests.conftest import make_store

FIELD = load_field("hsc6b")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CutoutStore:
    return make_store(tmp_path_factory.mktemp("numbers") / "store", n=60)


def changed(store: CutoutStore, path: Path, images: NDArray[np.float32] | None = None, **columns: object) -> Sample:
    """The sample of a store with other pixels or other columns."""
    header = store.header.model_copy(update={"checksums": (), "catalogue_checksum": 0, "rows": None})
    made = write_store(path, header, store.images if images is None else images, store.catalogue.assign(**columns))
    return load_sample([open_store(made.path)], FIELD, 32)


@pytest.fixture(scope="module")
def module(store: CutoutStore) -> torch.nn.Module:
    torch.manual_seed(0)
    sample = load_sample([store], FIELD, 32)
    return CNNEstimator(composed("field=hsc6b", "network=plain")).build(sample).eval()


PIXELS = {
    "NaN": lambda image: np.full_like(image, np.nan), "empty": np.zeros_like,
    "infinite": lambda image: np.full_like(image, np.inf),
    "saturated": lambda image: np.full_like(image, 6e4), "1e12": lambda image: image * np.float32(1e12),
    "1e-12": lambda image: image * np.float32(1e-12), "largest": lambda image: np.full_like(image, 3e38),
    "one NaN": lambda image: np.where(np.arange(image.size).reshape(image.shape) % 977 == 0, np.float32(np.nan), image),
}  # fmt: skip


@pytest.mark.parametrize("kind", PIXELS)
def test_any_pixels_give_a_pdf(kind: str, store: CutoutStore, module: torch.nn.Module, tmp_path: Path) -> None:
    images = np.asarray(store.images[:8], np.float32)
    sample = load_sample([store], FIELD, 32)
    data = CutoutDataModule(sample, split_sample(sample), augment=False)
    batch = data.galaxies.__getitems__(list(range(8)))
    batch["image"] = torch.from_numpy(PIXELS[kind](images))
    pdf = module.pdf(data.on_after_batch_transfer(batch, 0)).detach()  # type: ignore[operator]
    assert torch.isfinite(pdf).all()
    assert torch.allclose(pdf.sum(dim=1), torch.ones(8), atol=1e-5)


def test_a_pixel_without_a_value_counts_as_0(store: CutoutStore, module: torch.nn.Module) -> None:
    sample = load_sample([store], FIELD, 32)
    data = CutoutDataModule(sample, split_sample(sample), augment=False)
    pdfs = []
    for value in (np.nan, np.inf, -np.inf, 0.0):
        batch = data.galaxies.__getitems__([3, 4])
        batch["image"][0, 1, 7, 9] = value
        pdfs.append(module.pdf(data.on_after_batch_transfer(batch, 0)).detach())  # type: ignore[operator]
    assert all(torch.equal(pdf, pdfs[-1]) for pdf in pdfs)


@pytest.mark.parametrize("weight", [0.0, 1e-38, 1.0, 1e12])
def test_weights_of_any_size_give_a_finite_loss(weight: float, store: CutoutStore, module: torch.nn.Module) -> None:
    sample = load_sample([store], FIELD, 32)
    data = CutoutDataModule(sample, split_sample(sample), label_weights={"spec": weight})
    batch = data.on_after_batch_transfer(data.galaxies.__getitems__(list(range(6))), 0)
    module.log = lambda *_, **__: None  # type: ignore[assignment]
    loss = module.training_step(batch, 0).item()  # type: ignore[operator]
    plain = module.training_step({**batch, "weight": torch.ones(6)}, 0).item()  # type: ignore[operator]
    assert loss == pytest.approx(plain if weight > 1e-37 else 0.0 if weight == 0 else loss, rel=1e-4)
    assert np.isfinite(loss)


@pytest.mark.parametrize("z", [float(FIELD.z_edges[0]), float(FIELD.z_edges[-1]), 0.5])
def test_redshifts_at_the_ends_of_the_grid_lie_in_its_bins(z: float, store: CutoutStore, tmp_path: Path) -> None:
    sample = changed(store, tmp_path / "s", z=z)
    bins = CutoutDataModule(sample, split_sample(sample)).galaxies.columns["z_bin"]
    assert 0 <= int(bins.min()) <= int(bins.max()) <= FIELD.n_bins - 1
    assert FIELD.z_edges[int(bins[0])] <= z <= FIELD.z_edges[int(bins[0]) + 1]


def test_an_infinite_reddening_is_named(store: CutoutStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"60 galaxies have an infinite E\(B-V\), the first is object_id galaxy-0-0"):
        changed(store, tmp_path / "s", ebv=np.inf)


@pytest.mark.parametrize("images", ["NaN", "empty"])
def test_fields_without_noise_are_named(images: str, store: CutoutStore, tmp_path: Path) -> None:
    own = load_sample([store], FIELD, 32)
    other = changed(store, tmp_path / "s", PIXELS[images](np.asarray(store.images)))
    field_pixels("own", own, 40, 0)
    with pytest.raises(InputError, match="field 'theirs' has no sky noise in band 'u'"):
        field_pixels("theirs", other, 40, 0)


def catalogue_of(n: int, z: NDArray[np.float64]) -> pd.DataFrame:
    return pd.DataFrame({"object_id": [f"g{k}" for k in range(n)], "z": z, "z_source": "spec", "mag_i": 22.0})


@pytest.mark.parametrize("n", [1, 2, 30])
@pytest.mark.parametrize("same", [True, False])
def test_metrics_of_one_galaxy_and_of_equal_labels_are_numbers_or_null(n: int, same: bool) -> None:
    random = np.random.default_rng(0)
    z = np.full(n, 0.5) if same else random.uniform(0, 6, n)
    pdf = random.dirichlet(np.ones(FIELD.n_bins), n)
    table = predictions_table(pdf, FIELD.z_edges, catalogue_of(n, z), 0, "i")
    found = summarise(table, pdf, FIELD.z_edges, FIELD, "simulated")
    assert found["n_test"] == n
    assert "NaN" not in json.dumps(found)
    assert found["bias"] == pytest.approx(float(np.mean((table["z_phot"] - z) / (1 + z))))
    if n == 1:
        assert found["sigma_mad"] == 0
