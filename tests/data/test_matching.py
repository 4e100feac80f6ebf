import time

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, ks_2samp

from photoz_lit.data.matching import MagnitudeMatcher
from photoz_lit.data.two_fields import TwoFieldSampler
from photoz_lit.errors import InputError
from tests.alignment.builders import guided
from tests.networks.builders import batch, built


def magnitudes(n: int, faint: float, seed: int) -> np.ndarray:
    """Magnitudes as a survey has them: rising in number towards a limit."""
    return faint - np.random.default_rng(seed).exponential(1.0, n)


@pytest.mark.parametrize("bands", [1, 3])
def test_every_draw_is_within_the_tolerance_in_all_bands_where_such_a_target_exists(bands: int) -> None:
    random = np.random.default_rng(0)
    source, target = (random.normal(23, 1, (500, bands)) for _ in range(2))
    rows, matched = MagnitudeMatcher(target, 0.4).draw(source, random)
    inside = (np.abs(target[None] - source[:, None]) <= 0.4).all(axis=2)
    np.testing.assert_array_equal(matched, inside.any(axis=1))
    assert inside[np.arange(500), rows][matched].all()
    assert 0.2 < matched.mean() < 1 or bands == 1
    near = np.abs(target[:, 0][None] - source[:, :1]) <= 0.4
    assert near[np.arange(500), rows][near.any(axis=1)].all()


@pytest.mark.parametrize("bands", [1, 2])
def test_candidates_are_drawn_evenly(bands: int) -> None:
    random = np.random.default_rng(1)
    target = random.uniform(22, 24, (60, bands))
    source = np.full((20000, bands), 23.0)
    rows, matched = MagnitudeMatcher(target, 0.5).draw(source, random)
    candidates = np.flatnonzero((np.abs(target - 23.0) <= 0.5).all(axis=1))
    assert matched.all()
    counts = np.bincount(rows, minlength=60)
    assert counts[candidates].sum() == 20000
    assert chisquare(counts[candidates]).pvalue > 1e-3


def test_a_rare_colour_is_found_by_the_search_that_follows_the_draws() -> None:
    target = np.full((5000, 2), 23.0)
    target[:, 1] = 30.0
    target[1234, 1] = 20.0
    rows, matched = MagnitudeMatcher(target, 0.2).draw(np.full((30, 2), [23.0, 20.0]), np.random.default_rng(0))
    assert matched.all()
    assert set(rows) == {1234}


def test_the_nearest_is_taken_where_none_is_within_the_tolerance() -> None:
    target = np.array([25.0, 20.0, 22.0, np.nan])
    source = np.array([10.0, 20.8, 21.3, 23.4, 23.6, 40.0])
    rows, matched = MagnitudeMatcher(target, 0.1).draw(source, np.random.default_rng(0))
    np.testing.assert_array_equal(rows, [1, 1, 2, 2, 0, 0])
    assert not matched.any()
    alone, _ = MagnitudeMatcher(target[:1], 0.1).draw(source, np.random.default_rng(0))
    assert set(alone) == {0}


@pytest.mark.parametrize("bands", [1, 2])
def test_targets_without_a_magnitude_are_never_drawn_and_sources_without_one_get_any(bands: int) -> None:
    random = np.random.default_rng(2)
    target, source = random.normal(23, 1, (200, bands)), random.normal(23, 1, (300, bands))
    target[::3, -1] = np.nan
    source[::4, -1] = np.nan
    rows, matched = MagnitudeMatcher(target, 0.3).draw(source, random)
    assert np.isfinite(target[rows]).all()
    assert not matched[::4].any()
    with pytest.raises(InputError, match="none of the 5 target galaxies has the magnitudes"):
        MagnitudeMatcher(np.full(5, np.nan), 0.2)


def test_targets_that_no_source_can_draw_are_counted_as_by_brute_force() -> None:
    source, target = magnitudes(300, 24.0, 0), magnitudes(400, 26.0, 1)
    source[5], target[7] = np.nan, np.nan
    near = np.abs(target[:, None] - source[None]) <= 0.2
    expected = int((~near.any(axis=1) & np.isfinite(target)).sum())
    assert 50 < expected < 390
    assert MagnitudeMatcher(target, 0.2).unused(source) == expected
    assert MagnitudeMatcher(np.stack([target, target], axis=1), 0.2).unused(source) == expected


def test_guided_draws_have_the_magnitudes_of_the_source_and_unguided_ones_have_not() -> None:
    # many faint galaxies in the source, as many bright ones in the target
    values = np.concatenate([magnitudes(2000, 25.0, 0), np.random.default_rng(1).uniform(15, 25.5, 4000)])
    drawn = {}
    for tolerance in (0.1, None):
        sampler = TwoFieldSampler(
            np.arange(2000), [np.arange(2000, 6000)], values, guided(tolerance).matcher, 32, shuffle=True
        )
        order = sampler.epoch_order()
        drawn[tolerance] = ks_2samp(values[order], values[sampler.companions(order)]).pvalue
    assert drawn[0.1] > 0.05
    assert drawn[None] < 1e-10


@pytest.mark.parametrize("bands", [1, 2])
def test_drawing_an_epochs_companions_takes_at_most_a_hundredth_of_its_steps(bands: int) -> None:
    values = np.concatenate([magnitudes(12000, 25.0, 0), magnitudes(12000, 25.0, 1)])[:, None]
    values = np.concatenate([values, values + np.random.default_rng(2).normal(0, 0.4, (24000, bands - 1))], axis=1)
    sampler = TwoFieldSampler(
        np.arange(12000), [np.arange(12000, 24000)], values, guided(0.2).matcher, 32, shuffle=True
    )
    n_batches = len(list(sampler))
    assert n_batches == 375
    spent = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        order = sampler.epoch_order()
        start = time.thread_time()
        sampler.companions(order)
        spent.append((time.thread_time() - start) / n_batches)
    network = built("plain", "ugrizy", 32, width=0.25)
    image, ebv = batch(network, 32, images=64)
    optimiser = torch.optim.Adam(network.parameters())
    steps = []
    for _ in range(4):
        start = time.thread_time()
        optimiser.zero_grad()
        output = network(image, ebv)
        (output.logits.logsumexp(dim=1).mean() + output.z_point.abs().mean()).backward()
        optimiser.step()
        steps.append(time.thread_time() - start)
    assert min(spent) < 0.005 * min(steps[1:])
