"""Layers with the initialisation that all families share: Glorot weights, biases 0.1, no batch norm (it hurt)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

BIAS = 0.1

Activation: TypeAlias = Callable[[int], nn.Module]
"""Makes the activation that follows a layer of so many channels."""


def relu(_channels: int) -> nn.Module:
    """Rectifier, in place: the layer before it needs no copy of the output."""
    return nn.ReLU(inplace=True)


class PReLU(nn.PReLU):
    """Rectifier with one learned slope per channel, written out on the CPU.

    Torch's own takes three times as long there in the backward pass, two fifths of all the time of the plain network,
    and in bfloat16 seven times in the forward pass of few channels. The values are the same to the bit.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        written_out = maps.device.type == "cpu" and (torch.is_grad_enabled() or maps.dtype == torch.bfloat16)
        if not written_out:
            return super().forward(maps)
        positive = functional.relu(maps)
        return positive + self.weight.to(maps.dtype)[:, None, None] * (maps - positive)


def prelu(channels: int) -> nn.Module:
    """Rectifier with one learned slope per channel, zero at first (code of Pasquet et al. 2019)."""
    return PReLU(channels, init=0.0)


def initialise(weight: Tensor, bias: Tensor) -> None:
    """Draw Glorot-uniform weights and set the biases to 0.1, in place."""
    nn.init.xavier_uniform_(weight)
    nn.init.constant_(bias, BIAS)


def convolution(inputs: int, outputs: int, kernel: int, *, valid: bool = False) -> nn.Conv2d:
    """Square convolution of stride 1, zero-padded to the same size unless ``valid``."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=0 if valid else kernel // 2)
    assert layer.bias is not None
    initialise(layer.weight, layer.bias)
    return layer


class ParallelConvolutions(nn.Conv2d):
    """1x1 convolutions of one input, held in one layer.

    Attributes
    ----------
    parts : outputs of each.
    """

    def __init__(self, inputs: int, parts: Sequence[int]) -> None:
        super().__init__(inputs, sum(parts), 1)
        self.parts = tuple(parts)


def parallel_convolutions(inputs: int, outputs: Sequence[int]) -> nn.Conv2d:
    """1x1 convolutions that read the same input, held in one layer: it is read once instead of once per branch.

    Each is initialised as the separate layer that it replaces.
    """
    layer = ParallelConvolutions(inputs, outputs)
    assert layer.bias is not None
    for weight, bias in zip(
        torch.split(layer.weight, list(outputs)), torch.split(layer.bias, list(outputs)), strict=True
    ):
        initialise(weight, bias)
    return layer


def dense(inputs: int, outputs: int) -> nn.Linear:
    """Fully connected layer."""
    layer = nn.Linear(inputs, outputs)
    initialise(layer.weight, layer.bias)
    return layer


def average_in_place(maps: Tensor) -> Tensor:
    """Average over 2x2 pixels at stride 1 and keep the size; at the last row and column over what is there.

    The pixel, its right, lower and lower right neighbour are averaged (the "same" padding of the published codes).

    Parameters
    ----------
    maps : (B, C, H, W).
    """
    averages = functional.avg_pool2d(maps, 2, stride=1, padding=1, count_include_pad=False)
    # Cropped by a negative pad: a slice would send back a gradient in another memory format, five times slower to pool.
    return functional.pad(averages, (-1, 0, -1, 0))


class Stage(nn.Sequential):
    """A quarter of a network's depth.

    Attributes
    ----------
    outputs : channels of its output map, or values per image where it ends flat.
    """

    def __init__(self, outputs: int, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.outputs = outputs


def scaled(width: int, factor: float) -> int:
    """Return a layer's width times the factor, at least 4; exactly ``width`` at factor 1."""
    return width if factor == 1 else max(4, round(width * factor))


def aligned(width: int, multiple: int) -> int:
    """Return a width rounded up to a multiple: what a GPU's matrix units take whole; as it is at multiple 1."""
    return -(-width // multiple) * multiple
