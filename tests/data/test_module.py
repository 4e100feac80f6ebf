from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from photoz_lit.data.label_table import relabel
from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.pixels import stretch
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.sampling_weights import sampling_weights
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import CutoutStore
from photoz_lit.data.survey_modules import (
    CFHTLSDataModule,
    HSC6BandDataModule,
    HSC9BandDataModule,
    SDSSDataModule,
    SurveyDataModule,
)
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from tests.conftest import make_store

FIELD = load_field("hsc6b")


def module_of(store: CutoutStore, **options: object) -> CutoutDataModule:
    sample = load_sample([store], FIELD, 32)
    return CutoutDataModule(sample, split_sample(sample), batch_size=8, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("fold", range(5))
def test_no_galaxy_is_on_two_sides_and_close_pairs_stay_together(tmp_path: Path, fold: int) -> None:
    store = make_store(tmp_path / "s", n=200)
    store.catalogue.loc[100:, "ra"] = store.catalogue["ra"][:100].to_numpy() + 0.5 / 3600
    store.catalogue.loc[100:, "dec"] = store.catalogue["dec"][:100].to_numpy()
    sample = load_sample([store], FIELD, 32)
    split = split_sample(sample, fold)
    parts = [set(split.train), set(split.validation), set(split.test)]
    assert sum(len(p) for p in parts) == len(set.union(*parts)) == 200
    for part in parts:
        assert {(g + 100) % 200 for g in part} == part


def test_unlabelled_galaxies_take_no_part(store: CutoutStore) -> None:
    store.catalogue.loc[::2, "z"] = np.nan
    split = split_sample(load_sample([store], FIELD, 32))
    everyone = np.concatenate([split.train, split.validation, split.test])
    assert set(everyone) == set(range(1, 60, 2))


def test_too_few_labels_are_refused(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", n=2)
    with pytest.raises(InputError, match="2 labelled galaxies leave none to"):
        split_sample(load_sample([store], FIELD, 32))


def test_batch_has_the_columns_of_its_galaxies(store: CutoutStore) -> None:
    data = module_of(store, label_weights={"spec": 0.25})
    batch = next(iter(data.test_dataloader()))
    rows = batch["index"].numpy()
    assert {k: tuple(v.shape) for k, v in batch.items()} == {
        "ebv": (8, 1), "z": (8,), "z_bin": (8,), "weight": (8,), "mag": (8,), "index": (8,), "image": (8, 6, 32, 32)
    }  # fmt: skip
    table = store.catalogue.iloc[rows]
    np.testing.assert_allclose(batch["z"], table["z"], rtol=1e-6)
    np.testing.assert_allclose(batch["mag"], table["mag_i"], rtol=1e-6)
    np.testing.assert_allclose(batch["ebv"][:, 0], table["ebv"], rtol=1e-6)
    edges = FIELD.z_edges
    assert ((edges[batch["z_bin"]] <= table["z"]) & (table["z"] < edges[batch["z_bin"] + 1])).all()
    assert (batch["weight"] == 0.25).all()


def test_images_are_stretched_and_turned_only_in_training(store: CutoutStore) -> None:
    data = module_of(store, seed=5)
    batch = next(iter(data.test_dataloader()))
    flux = batch["image"].clone()
    torch.testing.assert_close(data.on_after_batch_transfer(dict(batch), 0)["image"], stretch(flux))

    class Training:
        training, current_epoch = True, 2

    data.trainer = Training()  # type: ignore[assignment]
    turned = data.on_after_batch_transfer(dict(batch), 0)["image"]
    assert not torch.equal(turned, stretch(flux))
    torch.testing.assert_close(turned.sum(dim=(2, 3)), stretch(flux).sum(dim=(2, 3)), rtol=1e-4, atol=1e-3)
    again = data.on_after_batch_transfer(dict(batch), 0)["image"]
    assert torch.equal(turned, again)


def test_resident_pixels_give_the_same_batch(store: CutoutStore) -> None:
    plain, resident = module_of(store), module_of(store, resident=True)
    a, b = (next(iter(d.test_dataloader())) for d in (plain, resident))
    assert "image" not in b
    torch.testing.assert_close(
        plain.on_after_batch_transfer(a, 0)["image"], resident.on_after_batch_transfer(b, 0)["image"]
    )


def test_workers_give_the_same_batches(store: CutoutStore) -> None:
    alone, helped = module_of(store, seed=1), module_of(store, seed=1, num_workers=1)
    for a, b in zip(alone.train_dataloader(), helped.train_dataloader(), strict=True):
        assert torch.equal(a["index"], b["index"])
        assert torch.equal(a["image"], b["image"])


def test_weighted_sampling_needs_a_column_of_weights(store: CutoutStore) -> None:
    with pytest.raises(InputError, match="needs a catalogue column 'weight'"):
        module_of(store, weighted_sampling=True)
    store.catalogue["weight"] = np.where(np.arange(60) == 0, 1.0, np.nan)
    with pytest.raises(InputError, match="negative or missing"):
        module_of(store, weighted_sampling=True)


def test_weighted_sampling_draws_by_weight(store: CutoutStore) -> None:
    store.catalogue["weight"] = (store.catalogue["z"] > 0.8).astype(float)
    data = module_of(store, weighted_sampling=True)
    drawn = torch.cat([b["z"] for b in data.train_dataloader()])
    assert (drawn > 0.8).all()


def label_set(store: CutoutStore, path: Path, **changed: object) -> Path:
    """Labels of a store with the recipe of their weights; ``changed`` gives columns of the test fold."""
    n = len(store.catalogue)
    random = np.random.default_rng(5)
    cell = random.integers(0, 6, n)
    table = store.catalogue[["object_id", "z"]].assign(
        weight=random.uniform(0.5, 2, n),
        cell=cell,
        cell_share=np.array([0.3, 0.05, 0.2, 0.15, 0.1, 0.2])[cell],
        max_weight=10.0,
        smooth_mag=store.catalogue["mag_i"],
        smooth_bandwidth=0.02,
        smooth_max_weight=4.0,
    )
    rows = split_sample(load_sample([store], FIELD, 32)).test
    for name, values in changed.items():
        table.loc[table.index[rows], name] = values
    table.to_parquet(path)
    return path


def test_labels_of_the_test_fold_change_no_weight_no_draw_and_no_choice(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", n=300)
    plain = load_sample([store], FIELD, 32)
    split = split_sample(plain)

    def seen(sample: Sample) -> list[np.ndarray]:
        data = CutoutDataModule(sample, split, batch_size=8, seed=2, weighted_sampling=True)
        assert data.sampling_weights is not None
        drawn = np.concatenate([batch["index"].numpy() for batch in data.train_dataloader()])
        judged = [np.concatenate([b[name].numpy() for b in data.val_dataloader()]) for name in ("weight", "z")]
        return [data.sampling_weights, drawn, *judged]

    as_is = seen(relabel(plain, str(label_set(store, tmp_path / "a.parquet"))))
    redshifts = np.linspace(3, 3.9, len(split.test))
    other = label_set(store, tmp_path / "b.parquet", z=redshifts, weight=77.0, cell=0, cell_share=0.3, smooth_mag=20.0)
    for one, again in zip(as_is, seen(relabel(plain, str(other))), strict=True):
        np.testing.assert_array_equal(one, again)
    table = relabel(plain, str(other)).catalogue
    table.loc[split.train, "z"] += 0.3 * (np.arange(len(split.train)) % 2)
    assert not np.allclose(seen(replace(plain, catalogue=table))[0], as_is[0])
    # each cell has the target's share of the draws, by one weight for draw and validation
    smooth = as_is[0] / relabel(plain, str(other)).catalogue["weight"].iloc[split.train]
    assert np.ptp(smooth) > 0
    both = np.concatenate([as_is[0], as_is[2]])
    assert both.mean() == pytest.approx(1, abs=1e-6)
    merged = table.drop(columns=["smooth_mag"]).iloc[np.concatenate([split.train, split.validation])]
    weights = sampling_weights(merged, np.arange(len(merged)))
    for cell, rows in merged.reset_index(drop=True).groupby("cell"):
        share = rows["cell_share"].iloc[0]
        assert weights[rows.index].sum() / weights.sum() == pytest.approx(share, rel=1e-6), cell


def test_validation_counts_by_the_weights_of_the_draw(store: CutoutStore) -> None:
    store.catalogue["weight"] = np.where(store.catalogue["z"] > 0.8, 3.0, 1.0)
    data = module_of(store, weighted_sampling=True, label_weights={"spec": 2.0})
    rows = np.concatenate([data.split.train, data.split.validation])
    mean = store.catalogue["weight"].iloc[rows].mean()
    for batch in data.val_dataloader():
        known = store.catalogue.iloc[batch["index"].numpy()]
        expected = known["weight"] / mean * np.where(known["z_source"] == "spec", 2.0, 1.0)
        np.testing.assert_allclose(batch["weight"].numpy(), expected, rtol=1e-6)
    known = store.catalogue.iloc[data.split.train]
    own = data.galaxies.columns["weight"][torch.from_numpy(data.split.train)].numpy()
    np.testing.assert_array_equal(own, np.where(known["z_source"] == "spec", 2.0, 1.0))  # not counted twice


@pytest.mark.parametrize(
    ("cls", "field", "n_bins", "threshold", "divisor"),
    [
        (SDSSDataModule, "sdss", 180, 0.05, 1.0),
        (CFHTLSDataModule, "cfhtls", 1000, 0.15, 1000.0),
        (HSC6BandDataModule, "hsc6b", 400, 0.15, 1.0),
        (HSC9BandDataModule, "hsc9b", 400, 0.15, 1.0),
    ],
)
def test_survey_data_modules(
    tmp_path: Path, cls: type[SurveyDataModule], field: str, n_bins: int, threshold: float, divisor: float
) -> None:
    store = make_store(tmp_path / "s", n=40, field=field)
    data = cls([store.path], stamp_size=32, batch_size=4)
    assert data.sample.field.n_bins == n_bins
    assert data.sample.field.outlier_threshold == threshold
    batch = next(iter(data.val_dataloader()))
    np.testing.assert_allclose(batch["image"], store.images[batch["index"].numpy()] / divisor, rtol=1e-6)
