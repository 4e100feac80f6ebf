"""What a network costs: parameters, and floating-point operations per image in a forward pass."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from photoz_lit.networks.multimodal import PhotoZNetwork

TRAINING_FACTOR = 3
"""Training costs about three forward passes: one forward, one each for the gradients of inputs and weights."""


@dataclass(frozen=True)
class Cost:
    """Cost of a part of a network.

    Attributes
    ----------
    parameters : weights and biases, slopes of PReLU.
    flop : operations of the convolutions and dense layers per image, forward; a multiply-add counts 2, biases,
        activations and pools nothing.
    """

    parameters: int
    flop: int

    @property
    def gflop(self) -> float:
        """10⁹ operations per image, forward."""
        return self.flop / 1e9

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.parameters + other.parameters, self.flop + other.flop)


@dataclass(frozen=True)
class Complexity:
    """Cost of a network and where it arises.

    Attributes
    ----------
    branches : cost of each modality's branch, by name.
    common : cost of the stages behind the fusion and of the dense layers.
    map_size : side of the maps that are fused [pixel].
    channels : channels that are fused.
    """

    branches: dict[str, Cost]
    common: Cost
    map_size: int
    channels: int

    @property
    def parallel(self) -> Cost:
        """Cost of all branches together."""
        return sum(self.branches.values(), Cost(0, 0))

    @property
    def total(self) -> Cost:
        """Cost of the network."""
        return self.parallel + self.common

    @property
    def parameters(self) -> int:
        """Parameters of the network."""
        return self.total.parameters

    @property
    def gflop(self) -> float:
        """10⁹ operations of the network per image, forward."""
        return self.total.gflop


def complexity_of(network: PhotoZNetwork, stamp_size: int) -> Complexity:
    """Count exactly, without computing: the stages run on tensors that have a shape and no content.

    Parameters
    ----------
    network : any network.
    stamp_size : side of the image [pixel].
    """
    branches = {}
    fused = torch.empty(0)
    for name, modality, branch in zip(
        network.modality_names, network.modalities, network.parallel.branches, strict=True
    ):
        branches[name], fused = _cost(branch, torch.empty(1, len(modality), stamp_size, stamp_size, device="meta"))
    size, channels = fused.shape[-1], network.parallel.outputs
    stages, _ = _cost(network.common, torch.empty(1, channels, size, size, device="meta"))
    dense = [layer for layer in network.heads.modules() if isinstance(layer, nn.Linear)]
    heads = Cost(_parameters(network.heads), sum(2 * layer.in_features * layer.out_features for layer in dense))
    return Complexity(branches, stages + heads, size, channels)


def _cost(module: nn.Module, image: Tensor) -> tuple[Cost, Tensor]:
    """Return the cost of a chain of stages for one image, and its output."""
    flop = 0

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal flop
        assert isinstance(layer, nn.Conv2d)
        flop += 2 * output.numel() * layer.weight[0].numel()

    shadow = copy.deepcopy(module).to("meta").eval()
    for layer in shadow.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    output = shadow(image)
    return Cost(_parameters(module), flop), output


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
