"""The inception block of both inception families."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from photoz_lit.networks.layers import Activation, average_in_place, convolution, parallel_convolutions


class Inception(nn.Module):
    """Parallel views of one map: 1x1 → k x k for each kernel, 1x1 → average, 1x1; concatenated on channels.

    The 1x1 convolutions that open the branches read the same input and are one layer here (``squeeze``).

    Parameters
    ----------
    inputs : channels of the input map.
    squeezed : channels of the 1x1 in front of each larger kernel, and of the averaged branch.
    wide : channels after each larger kernel.
    direct : channels of the branch that is a 1x1 alone.
    activation : makes the activation after every convolution.
    kernels : the larger kernels.
    """

    def __init__(
        self,
        inputs: int,
        *,
        squeezed: int,
        wide: int,
        direct: int,
        activation: Activation,
        kernels: tuple[int, ...] = (5, 3),
    ) -> None:
        super().__init__()
        self.outputs = len(kernels) * wide + squeezed + direct
        self.parts = [squeezed] * len(kernels) + [squeezed, direct]
        self.squeeze = nn.Sequential(parallel_convolutions(inputs, self.parts), activation(sum(self.parts)))
        self.branches = nn.ModuleList(
            nn.Sequential(convolution(squeezed, wide, kernel), activation(wide)) for kernel in kernels
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        *squeezed, averaged, direct = self.squeeze(maps).split(self.parts, dim=1)
        views = [branch(part) for branch, part in zip(self.branches, squeezed, strict=True)]
        return torch.cat([*views, average_in_place(averaged), direct], dim=1)
