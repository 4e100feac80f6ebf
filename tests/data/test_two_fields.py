from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.two_fields import AdaptationDataModule, TwoFieldSampler
from photoz_lit.errors import InputError
from tests.alignment.builders import guided
from tests.two_fields import joined, source_and_target

SOURCE = np.arange(101)
TARGETS = [np.arange(200, 240), np.arange(300, 320)]
MAGNITUDES = np.random.default_rng(0).uniform(22, 24, 400)


def sampler(tolerance: float | None = 0.3, batch: int = 8, **options: int) -> TwoFieldSampler:
    return TwoFieldSampler(
        SOURCE, TARGETS, MAGNITUDES, guided(tolerance).matcher, batch, shuffle=True, seed=5, **options
    )


@pytest.mark.parametrize("tolerance", [0.3, None])
def test_first_half_of_a_batch_is_the_source_and_the_second_its_targets(tolerance: float | None) -> None:
    batches = list(sampler(tolerance))
    assert len(batches) == len(sampler(tolerance)) == 13
    for batch in batches:
        half = len(batch) // 2
        assert len(batch) == 2 * half
        assert set(batch[:half]) <= set(SOURCE)
        assert set(batch[half:]) <= set(np.concatenate(TARGETS))
        if tolerance is not None:
            assert np.abs(MAGNITUDES[batch[:half]] - MAGNITUDES[batch[half:]]).max() <= tolerance
    assert [len(batch) for batch in batches] == [16] * 12 + [10]


def test_each_source_galaxy_is_served_once_in_an_epoch_and_each_epoch_has_its_order() -> None:
    orders, targets = [], []
    for epoch in (0, 0, 1):
        one = sampler()
        one.set_epoch(epoch)
        batches = list(one)
        orders.append([g for b in batches for g in b[: len(b) // 2]])
        targets.append([g for b in batches for g in b[len(b) // 2 :]])
        assert sorted(orders[-1]) == list(SOURCE)
    assert orders[0] == orders[1] != orders[2]
    assert targets[0] == targets[1]
    pairs = [dict(zip(o, t, strict=True)) for o, t in zip(orders, targets, strict=True)]
    assert sum(pairs[0][g] != pairs[2][g] for g in SOURCE) > 50


def test_ranks_are_disjoint_and_equally_long_and_see_what_one_would() -> None:
    ranks = [list(sampler(batch=4, rank=r, world_size=2)) for r in range(2)]
    assert len(ranks[0]) == len(ranks[1]) == len(sampler(batch=4, rank=0, world_size=2)) == 13
    own = [[g for b in batches for g in b[: len(b) // 2]] for batches in ranks]
    assert len(own[0]) == len(own[1]) == 50
    assert not set(own[0]) & set(own[1])
    whole = sampler(batch=101)
    (single,) = list(whole)
    companion = dict(zip(single[:101], single[101:], strict=True))
    for batches in ranks:
        for batch in batches:
            half = len(batch) // 2
            assert [companion[g] for g in batch[:half]] == batch[half:]


@pytest.mark.parametrize("tolerance", [0.3, None])
def test_targets_are_as_likely_whatever_their_size(tolerance: float | None) -> None:
    drawn: Counter[int] = Counter()
    one = sampler(tolerance)
    for epoch in range(40):
        one.set_epoch(epoch)
        chosen = one.companions(one.epoch_order())
        drawn.update((chosen >= 300).astype(int).tolist())
    share = drawn[1] / (40 * 101)
    assert share == pytest.approx(0.5, abs=3.5 * 0.5 / np.sqrt(40 * 101))


def test_unguided_targets_are_used_as_often_as_each_other() -> None:
    one = TwoFieldSampler(SOURCE, TARGETS[:1], MAGNITUDES, None, 8, shuffle=True)
    counts = Counter(one.companions(one.epoch_order()).tolist())
    assert set(counts) == set(TARGETS[0])
    assert set(counts.values()) == {2, 3}


def test_a_target_that_is_not_drawn_in_an_epoch_does_no_harm() -> None:
    for tolerance in (None, 0.3):
        one = TwoFieldSampler(SOURCE[:2], TARGETS, MAGNITUDES, guided(tolerance).matcher, 8, shuffle=True)
        for epoch in range(6):
            one.set_epoch(epoch)
            assert [len(batch) for batch in one] == [4]


def test_batches_tell_the_field_and_without_targets_are_those_of_the_source_alone(tmp_path: Path) -> None:
    sample, split = joined(*source_and_target(tmp_path))
    options = {"batch_size": 16, "seed": 2}
    alone = AdaptationDataModule(sample.blind, split, with_targets=False, **options)
    plain = CutoutDataModule(sample.blind, split, **options)
    for mine, other in zip(alone.train_dataloader(), plain.train_dataloader(), strict=True):
        assert set(mine["domain"].tolist()) == {0}
        for name, column in other.items():
            torch.testing.assert_close(mine[name], column, rtol=0, atol=0, equal_nan=True)
    validation = torch.cat([batch["index"] for batch in alone.val_dataloader()])
    assert validation.tolist() == split.validation.tolist()
    both = AdaptationDataModule(sample.blind, split, with_targets=True, guide=guided(0.5).matcher, **options)
    for batch in both.train_dataloader():
        half = len(batch["domain"]) // 2
        assert batch["domain"].tolist() == [0] * half + [1] * half
        assert torch.isfinite(batch["z"][:half]).all()
        assert torch.isnan(batch["z"][half:]).all()
    validation = torch.cat([batch["index"] for batch in both.val_dataloader()])
    assert validation.tolist() == [*split.validation, *split.target_validation]


def test_guidance_counts_what_does_not_meet_by_brute_force(tmp_path: Path) -> None:
    sample, split = joined(*source_and_target(tmp_path))
    data = AdaptationDataModule(sample.blind, split, with_targets=True, guide=guided(0.005).matcher, match_bands=["g"])
    mag = sample.blind.catalogue[["mag_i", "mag_g"]].to_numpy()
    near = np.abs(mag[split.train][:, None] - mag[split.target_train][None]) <= 0.005
    expected = {
        "targets_unused": int((~near[:, :, 0].any(axis=0)).sum()),
        "sources_unmatched": int((~near.all(axis=2).any(axis=1)).sum()),
    }
    assert data.guidance() == expected
    assert 0 < expected["targets_unused"] < len(split.target_train)
    assert AdaptationDataModule(sample.blind, split, with_targets=True).guidance() == {}
    with pytest.raises(InputError, match="match_bands: no magnitude in band 'q'"):
        AdaptationDataModule(sample.blind, split, with_targets=True, guide=guided(0.2).matcher, match_bands=["q"])
