"""A small plain network: four times conv 3x3/64, PReLU, average pool; global mean.

Pools only while the map is wider than 4 pixels: 64 → 32 → 16 → 8 → 4, or 32 → 16 → 8 → 4 → 4.
"""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from photoz_lit.networks.family import Family, Widths
from photoz_lit.networks.layers import Stage, convolution, prelu

STAGES = 4
LEAST_POOLED = 4


class Plain(Family):
    """Four stages of one convolution each at depth 1.

    Round(4 · depth) convolutions are dealt to the stages in turn. Members shallower than 1 leave the last stages empty
    (without pool), so depth 0.25, 0.5, 0.75 are the small nets of one to three convolutions.
    """

    stem_filters = 64
    stamp_sizes: ClassVar[tuple[int, ...]] = ()

    def first(self, inputs: int, widths: Widths) -> Stage:
        """Build the stem, with the stem's width."""
        return self._convolutions(1, inputs, widths.of_stem())

    def second(self, inputs: int, widths: Widths) -> Stage:
        """Second pool."""
        return self._convolutions(2, inputs, widths.of(self.stem_filters))

    def third(self, inputs: int, widths: Widths) -> Stage:
        """Third pool."""
        return self._convolutions(3, inputs, widths.of(self.stem_filters))

    def fourth(self, inputs: int, widths: Widths) -> Stage:
        """Last pool, if the map still is wider than 4, and the mean over the map."""
        stage = self._convolutions(4, inputs, widths.of(self.stem_filters))
        return Stage(stage.outputs, *stage, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def _convolutions(self, number: int, inputs: int, width: int) -> Stage:
        total = self.blocks(STAGES)
        count = total // STAGES + (number <= total % STAGES)
        layers: list[nn.Module] = []
        for before in [inputs, *[width] * (count - 1)][:count]:
            layers += [convolution(before, width, 3), prelu(width)]
        if count and self.stamp_size >> (number - 1) > LEAST_POOLED:
            layers.append(nn.AvgPool2d(2))
        return Stage(width if count else inputs, *layers)
