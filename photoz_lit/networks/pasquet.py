"""The inception network of Pasquet et al. (2019): 27.6 M parameters, 1.5 GFLOP per image.

======================================================  ==============  ==============
stage, for B bands                                      64 px           32 px
======================================================  ==============  ==============
conv 5x5/64, pool                                       32 x 32 x 64    16 x 16 x 64
inception(48, 64), inception(64, 92), pool (not 32 px)  16 x 16 x 340   16 x 16 x 340
inception(92, 128) twice, pool                          8 x 8 x 476     8 x 8 x 476
inception(92, 128) without its 5x5 branch               22272           22272
======================================================  ==============  ==============

PReLU after every convolution; all pools average over 2x2.
"""

from __future__ import annotations

from torch import nn

from photoz_lit.networks.family import Family, Widths
from photoz_lit.networks.inception import Inception
from photoz_lit.networks.layers import Stage, convolution, prelu

LAST_MAP = 8 * 8


class Pasquet(Family):
    """Stages of the table above; inception(a, b) squeezes to a and widens to b channels."""

    stem_filters = 64

    def first(self, inputs: int, widths: Widths) -> Stage:
        """One convolution."""
        n = widths.of_stem()
        return Stage(n, convolution(inputs, n, 5), prelu(n), nn.AvgPool2d(2))

    def second(self, inputs: int, widths: Widths) -> Stage:
        """Two growing inceptions; stamps of 32 px are not pooled, so that the dense layer still sees 8 x 8."""
        stage = self._inceptions(((48, 64), (64, 92)), inputs, widths)
        return Stage(stage.outputs, *stage, nn.AvgPool2d(2)) if self.stamp_size == 64 else stage

    def third(self, inputs: int, widths: Widths) -> Stage:
        """Two inceptions."""
        stage = self._inceptions(((92, 128), (92, 128)), inputs, widths)
        return Stage(stage.outputs, *stage, nn.AvgPool2d(2))

    def fourth(self, inputs: int, widths: Widths) -> Stage:
        """Inception with the 3x3 kernel alone, flattened."""
        stage = self._inceptions(((92, 128),), inputs, widths, kernels=(3,))
        return Stage(stage.outputs * LAST_MAP, *stage, nn.Flatten())

    def _inceptions(
        self, exact: tuple[tuple[int, int], ...], inputs: int, widths: Widths, kernels: tuple[int, ...] = (5, 3)
    ) -> Stage:
        """Build a row of inceptions; at another depth than 1 the (a, b) of the exact row are repeated or left out."""
        count = self.blocks(len(exact))
        blocks = []
        for position in range(count):
            a, b = (widths.of(width) for width in exact[position * len(exact) // count])
            block = Inception(inputs, squeezed=a, wide=b, direct=b, activation=prelu, kernels=kernels)
            blocks.append(block)
            inputs = block.outputs
        return Stage(inputs, *blocks)
