"""A family of networks: four stages, each built for any number of input channels and any width."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from torch import nn

from photoz_lit.errors import InputError
from photoz_lit.networks.layers import Stage, aligned, scaled
from photoz_lit.networks.settings import NetworkSettings

LEAST_THIN = 8


@dataclass(frozen=True)
class Widths:
    """Widths of the layers of one branch, or of the common part.

    Attributes
    ----------
    stem : filters of the first convolutions, before ``factor``.
    share : share of the family's widths that the branch gets behind its stem, M/B for thin branches.
    factor : ``network.width``. It comes last, on top of ``share`` and its lower limit of 8, so that a narrowed network
        keeps the proportions of the exact one.
    align : ``network.align``, a multiple that every width is rounded up to in the end.
    """

    stem: int
    share: float = 1.0
    factor: float = 1.0
    align: int = 1

    def of_stem(self) -> int:
        """Filters of the stem's convolutions."""
        return self.whole(scaled(self.stem, self.factor))

    def of(self, width: int) -> int:
        """Width of a layer behind the stem that is ``width`` in the family's table."""
        thin = width if self.share == 1 else max(LEAST_THIN, round(width * self.share))
        return self.whole(scaled(thin, self.factor))

    def whole(self, width: int) -> int:
        """A width that was worked out from others, rounded up."""
        return aligned(width, self.align)


StageBuilder: TypeAlias = Callable[[int, Widths], Stage]
"""Builds a stage from its number of input channels and the widths of its layers."""


class Family(ABC):
    """Builds the four stages of a family; a new family is a subclass and a YAML in ``conf/network``.

    Attributes
    ----------
    stem_filters : width of the family's own stem.
    stamp_sizes : sizes it is made for [pixel]; empty means any.

    Parameters
    ----------
    settings : the ``network`` section.
    stamp_size : side of the image [pixel].

    Raises
    ------
    InputError : the family has no member for this stamp size.
    """

    stem_filters: ClassVar[int]
    stamp_sizes: ClassVar[tuple[int, ...]] = (32, 64)

    def __init__(self, settings: NetworkSettings, stamp_size: int) -> None:
        if self.stamp_sizes and stamp_size not in self.stamp_sizes:
            sizes = " or ".join(str(size) for size in self.stamp_sizes)
            raise InputError(f"network '{settings.name}' reads stamps of {sizes} pixels, not {stamp_size}.")
        self.depth = settings.depth
        self.stamp_size = stamp_size

    @abstractmethod
    def first(self, inputs: int, widths: Widths) -> Stage:
        """Build the stem."""

    @abstractmethod
    def second(self, inputs: int, widths: Widths) -> Stage:
        """Build the second quarter."""

    @abstractmethod
    def third(self, inputs: int, widths: Widths) -> Stage:
        """Build the third quarter."""

    @abstractmethod
    def fourth(self, inputs: int, widths: Widths) -> Stage:
        """Build the last quarter; its output is flat: (B, outputs)."""

    @property
    def stages(self) -> tuple[StageBuilder, StageBuilder, StageBuilder, StageBuilder]:
        """Builders of the four stages, in order."""
        return self.first, self.second, self.third, self.fourth

    def blocks(self, exact: int) -> int:
        """Return how many blocks a stage has that has ``exact`` at depth 1; at least one."""
        return max(1, int(exact * self.depth + 0.5))


def chain(builders: tuple[StageBuilder, ...], inputs: int, widths: Widths) -> Stage:
    """Build consecutive stages, each on the output of the one before."""
    stages: list[nn.Module] = []
    for build in builders:
        stage = build(inputs, widths)
        stages.append(stage)
        inputs = stage.outputs
    return Stage(inputs, *stages)
