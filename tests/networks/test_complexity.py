from __future__ import annotations

import pytest
import torch
from rich.console import Console
from torch.utils.flop_counter import FlopCounterMode

from photoz_lit.networks.complexity import complexity_of
from photoz_lit.networks.summary import network_summary
from tests.networks.builders import FAMILIES, batch, built


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("bands", "modality", "fusion"),
    [("ugriz", "all_bands", "early")] + [("ugrizyjhk", "neighbours", fusion) for fusion in ("early", "middle", "late")],
)
def test_operations_equal_torch_s_own_count(family: str, bands: str, modality: str, fusion: str) -> None:
    network = built(family, bands, 32, modality, fusion, width=0.5).eval()
    cost = complexity_of(network, 32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*batch(network, 32, images=2))
    assert 2 * cost.total.flop == counter.get_total_flops()
    assert cost.parameters == sum(p.numel() for p in network.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.parallel(batch(network, 32, images=2)[0])
    assert 2 * cost.parallel.flop == counter.get_total_flops()
    assert cost.parallel.parameters == sum(p.numel() for p in network.parallel.parameters())


def test_published_operations() -> None:
    assert complexity_of(built("treyer"), 64).gflop == pytest.approx(5.9, abs=0.05)
    assert complexity_of(built("pasquet"), 64).gflop == pytest.approx(1.5, abs=0.05)


def test_operations_of_a_branch_by_hand() -> None:
    cost = complexity_of(built("treyer", "ugriz", 64, "neighbours"), 64)
    branch = cost.branches["u_g"]
    assert branch.flop == 2 * 64 * 64 * (25 * 2 * 64 + 9 * 64 * 64)
    assert branch.parameters == 25 * 2 * 64 + 64 + 9 * 64 * 64 + 64
    assert (cost.map_size, cost.channels) == (32, 4 * 64)


def test_summary_names_branches_fusion_point_and_costs() -> None:
    network = built("treyer", "ugriz", 64, "neighbours")
    console = Console(width=120)
    with console.capture() as captured:
        console.print(network_summary(network, 64, "treyer"))
    text = captured.get()
    cost = complexity_of(network, 64)
    for word in ("branch u_g", "branch i_z", "parallel (4 branches)", "256 channels of 32×32", f"{cost.parameters:,}"):
        assert word in text
    assert f"{cost.parallel.gflop:.4f}" in text
    assert f"{cost.common.gflop:.4f}" in text
