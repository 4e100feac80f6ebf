"""One part of a way of adapting: what it adds to the loss, does to images, learns, keeps and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from photoz_lit.alignment.batches import Batches
from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.data.degrade import Degradation
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.sample import Sample
from photoz_lit.settings import Settings


class NoOptions(Settings):
    """Options of a part that has none."""


@dataclass(frozen=True)
class Shapes:
    """What a part is built for.

    Attributes
    ----------
    values : length of a feature vector.
    fields : names of source and targets, in the order of their numbers.
    bands : names, in channel order.
    """

    values: int
    fields: Sequence[str]
    bands: Sequence[str]


@dataclass(frozen=True)
class Step:
    """One training step as a part sees it; no redshift is in it.

    Attributes
    ----------
    galaxies : of the batch, with the features (B, values) and their graph, magnitudes and fields.
    strength : λ at this step, from 0 to ``adapt.strength``.
    seed : of what is drawn at random in this step.
    """

    galaxies: Galaxies
    strength: float
    seed: int

    @property
    def source(self) -> Tensor:
        """Features of the source's galaxies, (n, values)."""
        return self.galaxies.features[self.galaxies.domain == SOURCE]

    @property
    def target(self) -> Tensor:
        """Features of the targets' galaxies, (m, values)."""
        return self.galaxies.features[self.galaxies.domain != SOURCE]


@dataclass(frozen=True)
class Term:
    """A term of the loss, a scalar, and numbers for the training curve."""

    loss: Tensor
    shown: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """The network as it was trained on the labelled field, before it is adapted.

    Attributes
    ----------
    known, held : its features of training galaxies and of validation galaxies, on the CPU, without graph.
    source_images : gives stretched images (n, bands, H, W) of some training galaxies.
    batches : how target galaxies are drawn.
    batch_size : source galaxies per step.
    seed : of the member.
    """

    known: Galaxies
    held: Galaxies
    source_images: Callable[[], Tensor]
    batches: Batches
    batch_size: int
    seed: int


class Alignment(nn.Module):
    """Base of all parts; a subclass overrides what it needs and stands in a file of ``conf/adapt``.

    Parameters
    ----------
    options : of the part, checked by ``Options``.
    shapes : what it is built for.

    Attributes
    ----------
    Options : type of its options.
    labels : whose labels train the network where it takes part.
    needs_targets : whether it needs target galaxies in the batches.
    needs_magnitudes : whether it reads a magnitude in every band from the catalogues of source and targets.
    learning_rate : of its parameters; None takes ``adapt.learning_rate``.
    scheduled : whether the learning rate falls with the network's.
    nothing_to_align : why λ must stay 0; None where nothing speaks against it.
    """

    Options: ClassVar[type[Settings]] = NoOptions
    labels: ClassVar[Literal["source", "target"]] = "source"
    needs_targets: ClassVar[bool] = False
    needs_magnitudes: ClassVar[bool] = False
    scheduled: ClassVar[bool] = True
    nothing_to_align: str | None = None

    def __init__(self, options: Any, shapes: Shapes) -> None:
        super().__init__()
        self.options = options
        self.shapes = shapes

    @property
    def learning_rate(self) -> float | None:
        """Learning rate of its parameters."""
        rate: float | None = getattr(self.options, "learning_rate", None)
        return rate

    @classmethod
    def degradation(cls, sample: Sample, split: AdaptationSplit) -> Degradation | None:  # noqa: ARG003
        """What source images go through before any network sees them; it is known before the start is trained."""
        return None

    @classmethod
    def source_weights(cls, options: Any, sample: Sample, split: AdaptationSplit) -> NDArray[np.float64] | None:  # noqa: ARG003
        """Weights (N,) of the galaxies in the redshift loss, also in the start's; None is 1 for all."""
        return None

    def measure(self, sample: Sample, split: AdaptationSplit) -> dict[str, Any]:  # noqa: ARG002
        """Take what the catalogues say without a label; return entries for ``adaptation.json``."""
        return {}

    def prepare(self, start: Start) -> dict[str, Any]:  # noqa: ARG002
        """Prepare with the trained network's features; return entries for ``adaptation.json``."""
        return {}

    def images(self, image: Tensor, domain: Tensor) -> Tensor:  # noqa: ARG002
        """What the network sees in place of stretched images (B, bands, H, W) of fields (B,), also in predictions."""
        return image

    def training_images(self, image: Tensor, seed: int) -> Tensor:  # noqa: ARG002
        """What the network sees in training alone, after :meth:`images`; the same for the same seed."""
        return image

    def loss(self, step: Step) -> Term | None:  # noqa: ARG002
        """Return the term added to the redshift loss of the source."""
        return None

    def kept(self) -> dict[str, Any]:
        """Return tensors and plain data for a checkpoint, besides the parameters; every rank calls it."""
        return {}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Restore what :meth:`kept` returned."""

    def report(self) -> dict[str, Any]:
        """Return entries for ``adaptation.json`` after the adaptation."""
        return {}


def generator(step: Step) -> torch.Generator:
    """Random numbers of a step, on the galaxies' device."""
    return torch.Generator(step.galaxies.features.device).manual_seed(step.seed)
