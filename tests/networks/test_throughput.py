from __future__ import annotations

import time

import pytest
import torch

from photoz_lit.networks.grouped import GroupedBlock
from photoz_lit.networks.throughput import Setup, best_time, branches_time, measure, peak_gflops
from tests.networks.builders import batch, built

CPU = torch.device("cpu")


def test_best_time_is_the_fastest_repeat_after_the_warm_up() -> None:
    pauses = iter([0.0, 0.5, 0.1, 0.4])
    assert best_time(lambda: time.sleep(next(pauses)), CPU, 0.9) == pytest.approx(0.1, abs=0.08)


@pytest.mark.parametrize("setup", [Setup.plain(CPU), Setup.best(CPU)], ids=["plain", "best"])
def test_measuring_leaves_the_network_as_it_is(setup: Setup) -> None:
    network = built("plain", "ugri", 32, "neighbours", width=0.1)
    before = [parameter.clone() for parameter in network.parameters()]
    speed = measure(network, 32, setup, batch_size=4, seconds=0.01)
    assert speed.train_img_s > 0
    assert speed.infer_img_s > 0
    assert branches_time(network, 32, setup, batch_size=4, seconds=0.01) > 0
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in network.parameters())


def test_peak_is_a_plausible_rate() -> None:
    assert 1 < peak_gflops(Setup.plain(CPU), seconds=0.01) < 1e6


@pytest.mark.parametrize("size", [1, 2, 3])
def test_grouped_convolutions_agree_with_the_loop(size: int) -> None:
    block = built("treyer", "ugriz", 32, "neighbours", width=0.25, size=size).parallel
    image, _ = batch(built("plain", "ugriz", 32, width=0.1), 32)
    torch.testing.assert_close(GroupedBlock(block)(image), block(image), rtol=1e-4, atol=1e-5)
