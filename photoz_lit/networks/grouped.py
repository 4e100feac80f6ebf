"""The branches of an early fusion as grouped convolutions: what the loop over branches is measured against.

The loop is what the networks use. On the CPU it was faster or level on every shape of the studies (bfloat16 training,
treyer's stem: 8 pairs of bands at 64 px 1.3 times, 6 of 4 bands 1.2 times, 9 single bands 1.6 times); ``task=bench``
measures both on this machine.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from photoz_lit.networks.layers import Stage
from photoz_lit.networks.multimodal import ParallelBlock


class GroupedBlock(nn.Module):
    """A parallel block of plain chains (convolutions, activations without weights, pools) of one shape, in one go.

    Parameters
    ----------
    block : the block whose weights are copied; its branches have one stage and read equally many bands each.
    """

    def __init__(self, block: ParallelBlock) -> None:
        super().__init__()
        indices = [block.get_buffer(f"bands_{number}") for number in range(len(block.branches))]
        self.register_buffer("index", torch.cat(indices), persistent=False)
        chains = [_layers(branch) for branch in block.branches]
        self.layers = nn.Sequential(*(_merged(list(alike)) for alike in zip(*chains, strict=True)))

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, bands, H, W) to (B, outputs, h, w), equal to the loop's."""
        maps: Tensor = self.layers(image.index_select(1, self.get_buffer("index")))
        return maps


def _layers(branch: nn.Module) -> list[nn.Module]:
    return [layer for layer in branch.modules() if not isinstance(layer, Stage)]


def _merged(alike: list[nn.Module]) -> nn.Module:
    """One layer for the same layer of every branch."""
    first = alike[0]
    if not isinstance(first, nn.Conv2d):
        return first
    convolutions = [layer for layer in alike if isinstance(layer, nn.Conv2d)]
    n = len(convolutions)
    merged = nn.Conv2d(
        n * first.in_channels, n * first.out_channels, first.kernel_size[0], padding=first.padding[0], groups=n
    )
    assert merged.bias is not None
    with torch.no_grad():
        merged.weight.copy_(torch.cat([layer.weight for layer in convolutions]))
        merged.bias.copy_(torch.cat([layer.bias for layer in convolutions if layer.bias is not None]))
    return merged.to(first.weight.device)
