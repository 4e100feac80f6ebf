"""The inception network of the group's later papers (Treyer et al. 2023): 6.9 M parameters, 5.9 GFLOP per image.

======================================================  ==============  ==============
stage, for B bands                                      64 px           32 px
======================================================  ==============  ==============
conv 5x5/96 ReLU, conv 3x3/96 tanh, pool                32 x 32 x 96    16 x 16 x 96
3 inceptions, pool (left out at 32 px)                  16 x 16 x 522   16 x 16 x 522
2 inceptions, pool                                      8 x 8 x 522     8 x 8 x 522
1 inception, 3 valid conv 3x3/96 ReLU, pool             96              96
======================================================  ==============  ==============

All pools average over 2x2. The dense part is common to the families: :mod:`photoz_lit.networks.heads`.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from photoz_lit.networks.family import Family, Widths
from photoz_lit.networks.inception import Inception
from photoz_lit.networks.layers import Stage, convolution, relu

K = 156
LAST_CONVOLUTIONS = 3


class Treyer(Family):
    """Stages of the table above."""

    stem_filters = 96

    def first(self, inputs: int, widths: Widths) -> Stage:
        """Two convolutions: ReLU, then tanh."""
        n = widths.of_stem()
        layers = [convolution(inputs, n, 5), relu(n), convolution(n, n, 3), nn.Tanh(), nn.AvgPool2d(2)]
        return Stage(n, *layers)

    def second(self, inputs: int, widths: Widths) -> Stage:
        """Three inceptions; stamps of 32 px are not pooled, so that the last convolutions still see 8 x 8."""
        stage = inceptions(self.blocks(3), inputs, widths)
        return Stage(stage.outputs, *stage, nn.AvgPool2d(2)) if self.stamp_size == 64 else stage

    def third(self, inputs: int, widths: Widths) -> Stage:
        """Two inceptions."""
        stage = inceptions(self.blocks(2), inputs, widths)
        return Stage(stage.outputs, *stage, nn.AvgPool2d(2))

    def fourth(self, inputs: int, widths: Widths) -> Stage:
        """One inception and three valid convolutions, 8 → 6 → 4 → 2 → 1 pixel."""
        stage = inceptions(self.blocks(1), inputs, widths)
        n = widths.of(self.stem_filters)
        layers: list[nn.Module] = []
        for before, after in pairwise([stage.outputs] + [n] * LAST_CONVOLUTIONS):
            layers += [convolution(before, after, 3, valid=True), relu(after)]
        return Stage(n, *stage, *layers, nn.AvgPool2d(2), nn.Flatten())


def inceptions(count: int, inputs: int, widths: Widths) -> Stage:
    """Build a row of inceptions of width K: 0.65 K squeezed, K wide, 0.7 K direct, rounded down."""
    k = widths.of(K)
    blocks = []
    for _ in range(count):
        squeezed, direct = widths.whole(65 * k // 100), widths.whole(7 * k // 10)
        block = Inception(inputs, squeezed=squeezed, wide=k, direct=direct, activation=relu)
        blocks.append(block)
        inputs = block.outputs
    return Stage(inputs, *blocks)
