import numpy as np
import pytest

from photoz_lit.data.sampling import ShardedBatchSampler


def served(n: int, batch: int, world: int, shuffle: bool, epoch: int = 0, **options) -> list[list[int]]:  # type: ignore[no-untyped-def]
    ranks = []
    for rank in range(world):
        sampler = ShardedBatchSampler(np.arange(100, 100 + n), batch, shuffle, 7, rank, world, **options)
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert all(len(b) <= batch for b in batches)
        ranks.append([g for b in batches for g in b])
    return ranks


@pytest.mark.parametrize(("n", "batch", "world"), [(10, 3, 1), (10, 3, 2), (11, 4, 3), (2, 5, 4), (1, 8, 2)])
def test_every_galaxy_is_served_exactly_once_in_evaluation(n: int, batch: int, world: int) -> None:
    ranks = served(n, batch, world, shuffle=False)
    assert sorted(g for r in ranks for g in r) == list(range(100, 100 + n))


def test_training_ranks_are_disjoint_and_equally_long() -> None:
    ranks = served(11, 2, 3, shuffle=True)
    assert {len(r) for r in ranks} == {3}
    everything = [g for r in ranks for g in r]
    assert len(set(everything)) == 9


def test_order_is_fresh_per_epoch_and_repeats_with_the_seed() -> None:
    a, b, c = (served(50, 8, 1, shuffle=True, epoch=e)[0] for e in (0, 0, 1))
    assert a == b != c
    assert sorted(a) == sorted(c) == list(range(100, 150))


def test_all_ranks_together_see_what_one_would() -> None:
    one = served(12, 4, 1, shuffle=True)[0]
    two = served(12, 4, 2, shuffle=True)
    assert [g for pair in zip(*two, strict=True) for g in pair] == one


def test_weights_steer_the_draw() -> None:
    weights = np.array([0.0, 1.0, 3.0])
    drawn = np.concatenate(
        [ShardedBatchSampler(np.arange(3), 8, True, seed, weights=weights).epoch_order() for seed in range(4000)]
    )
    share = np.bincount(drawn, minlength=3) / len(drawn)
    np.testing.assert_allclose(share, [0.0, 0.25, 0.75], atol=0.02)
