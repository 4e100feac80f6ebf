"""What every network must keep, whichever family, fusion and stamp size."""

from __future__ import annotations

import copy
import itertools
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import pytest
import torch
from torch.nn import functional

from photoz_lit.networks.multimodal import PhotoZNetwork
from tests.networks.builders import FAMILIES, N_BINS, batch, built

STRUCTURES = [("all_bands", "early"), ("neighbours", "early"), ("neighbours", "middle"), ("neighbours", "late")]
Case: TypeAlias = tuple[str, str, str, int]
Inputs: TypeAlias = tuple[torch.Tensor, torch.Tensor]
CASES = [(family, *structure, size) for family, structure, size in itertools.product(FAMILIES, STRUCTURES, (32, 64))]


@pytest.fixture(params=CASES, ids=lambda case: "-".join(str(part) for part in case))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def network(case: Case) -> PhotoZNetwork:
    family, modality, fusion, size = case
    return built(family, "ugrizy", size, modality, fusion, width=0.1)


@pytest.fixture
def inputs(case: Case, network: PhotoZNetwork) -> Inputs:
    return batch(network, case[3])


def loss_of(network: PhotoZNetwork, images: torch.Tensor, ebv: torch.Tensor) -> torch.Tensor:
    output = network(images, ebv)
    target = torch.arange(len(images)) % N_BINS
    return functional.cross_entropy(output.logits, target) + output.z_point.abs().mean()


def test_output_has_the_promised_shapes(network: PhotoZNetwork, inputs: Inputs) -> None:
    output = network(*inputs)
    assert output.logits.shape == (3, N_BINS)
    assert output.z_point.shape == (3,)
    assert output.features.shape == (3, network.heads.features[0].out_features)
    assert all(torch.isfinite(part).all() and part.dtype == torch.float32 for part in output)


def test_every_parameter_gets_a_gradient(network: PhotoZNetwork, inputs: Inputs) -> None:
    loss_of(network, *inputs).backward()
    missing = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not missing
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_reddening_and_every_band_matter(network: PhotoZNetwork, inputs: Inputs) -> None:
    image, ebv = inputs
    network.eval()
    reference = network(image, ebv).logits
    assert not torch.equal(network(image, ebv + 0.1).logits, reference)
    for band in range(image.shape[1]):
        changed = image.clone()
        changed[:, band] += 1
        assert not torch.equal(network(changed, ebv).logits, reference)


def test_images_of_a_batch_do_not_see_each_other(network: PhotoZNetwork, inputs: Inputs) -> None:
    image, ebv = inputs
    network.eval()
    together = network(image, ebv)
    for number in range(len(image)):
        alone = network(image[number : number + 1], ebv[number : number + 1])
        torch.testing.assert_close(alone.logits[0], together.logits[number], rtol=1e-4, atol=1e-5)


def test_channels_last_changes_nothing_but_rounding(network: PhotoZNetwork, inputs: Inputs) -> None:
    image, ebv = inputs
    other = copy.deepcopy(network).to(memory_format=torch.channels_last)
    expected = network(image, ebv)
    found = other(image.contiguous(memory_format=torch.channels_last), ebv)
    for one, two in zip(expected, found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


def test_bfloat16_stays_close_and_the_heads_in_float32(network: PhotoZNetwork, inputs: Inputs) -> None:
    image, ebv = inputs
    expected = network(image, ebv)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(image, ebv)
    assert all(part.dtype == torch.float32 for part in found)
    scale = expected.logits.abs().mean()
    assert (found.logits - expected.logits).abs().max() < 0.1 * scale


def test_state_dict_rebuilds_the_network(network: PhotoZNetwork, inputs: Inputs) -> None:
    other = copy.deepcopy(network)
    for parameter in other.parameters():
        torch.nn.init.zeros_(parameter)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(*inputs).logits, network(*inputs).logits)
    assert not [name for name in network.state_dict() if "bands_" in name]


@pytest.mark.parametrize(
    "family", ["plain", pytest.param("treyer", marks=pytest.mark.long), pytest.param("pasquet", marks=pytest.mark.long)]
)
def test_the_network_is_one_graph_for_torch_compile(family: str) -> None:
    """In a process of its own: what counts the lines that tests run breaks a graph."""
    code = f"from tests.contract import test_networks; test_networks.require_one_graph({family!r})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def require_one_graph(family: str) -> None:
    network = built(family, "ugri", 32, "neighbours", "middle", width=0.1, dropout=0.3).train()
    image, ebv = batch(network, 32)
    torch.manual_seed(0)
    expected = network(image, ebv)
    torch.manual_seed(0)
    found = torch.compile(network, backend="eager", fullgraph=True)(image, ebv)
    torch.testing.assert_close(found.logits, expected.logits)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_few_steps_learn_a_brightness(family: str) -> None:
    """The redshift bin is the image's brightness: loss must fall far below that of guessing."""
    network = built(family, "ugri", 32, "neighbours", width=0.1)
    torch.manual_seed(0)
    level = torch.arange(16) % 2
    image = torch.randn(16, 4, 32, 32) * 0.1 + 2.0 * level[:, None, None, None]
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(40):
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(image, torch.zeros(16, 1)).logits, level)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2
