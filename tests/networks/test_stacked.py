"""Stacked networks give the gradients that each gives alone."""

import pytest
import torch

from photoz_lit.networks.stacked import StackedNetworks, gradients_one_by_one
from photoz_lit.tasks.bench import Case


@pytest.mark.parametrize("fusion", ["early", None])
def test_gradients_are_those_of_each_network_alone(fusion: str | None) -> None:
    torch.manual_seed(0)
    networks = [Case("", "treyer", 5, fusion, stamp_size=32, width=0.125).build().eval() for _ in range(3)]
    image, ebv, z_bin = torch.randn(4, 5, 32, 32), torch.rand(4, 1), torch.randint(0, 400, (4,))
    stacked = StackedNetworks(networks).gradients(image, ebv, z_bin)
    gradients_one_by_one(networks, image, ebv, z_bin)
    largest = 0.0
    for number, network in enumerate(networks):
        for name, parameter in network.named_parameters():
            alone = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad  # that of the scalar head
            torch.testing.assert_close(stacked[name][number], alone, rtol=1e-3, atol=1e-6)
            largest = max(largest, float(alone.abs().max()))
    assert largest > 1e-3  # not zeros that agree
