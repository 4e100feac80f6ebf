"""A discriminator behind the features, and the features made to escape it (Ganin & Lempitsky 2015)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import Field as Entry
from torch import Tensor, nn
from torch.nn import functional

from photoz_lit.alignment.discriminators import FieldDiscriminator, PairDiscriminator
from photoz_lit.alignment.feature_memory import FeatureMemory
from photoz_lit.alignment.gradient_reversal import reverse_gradient
from photoz_lit.alignment.pairs import Galaxies, magnitude_pairs
from photoz_lit.alignment.part import Alignment, Shapes, Start, Step, Term, generator
from photoz_lit.alignment.teaching import refresh, taught
from photoz_lit.data.sampling import mean_over_ranks, of_all_ranks, world
from photoz_lit.settings import Settings

EXTRA_STEP_GALAXIES = 1024  # galaxies per extra step of the discriminator
FEWEST_JUDGED = 256


class DiscriminatorOptions(Settings):
    """Options of every discriminator.

    Attributes
    ----------
    hidden : width.
    memory : batches whose features it remembers and draws partners from; 0 is none.
    learning_rate : before and during the adaptation.
    updates : steps of the discriminator alone on remembered features, before each step of both.
    steps : on frozen features, at most, before λ rises.
    tries : discriminators that are taught, one after the other, until one wins.
    least_accuracy : on held-out frozen features, that it must reach before λ rises; 0 asks for none.
    """

    hidden: int = Entry(gt=0)
    memory: int = Entry(ge=0)
    learning_rate: float = Entry(gt=0)
    updates: int = Entry(ge=0)
    steps: int = Entry(ge=0)
    tries: int = Entry(gt=0)
    least_accuracy: float = Entry(ge=0, lt=1)


class PairedOptions(DiscriminatorOptions):
    """Options of the paired discriminator.

    Attributes
    ----------
    tolerance : largest difference of magnitudes that count as alike [mag].
    partners : galaxies of one field on the other side of a pair.
    """

    tolerance: float = Entry(gt=0)
    partners: int = Entry(gt=0)


@dataclass(frozen=True)
class Verdict:
    """Result of a discriminator on a batch: its mean loss, and its accuracy with both classes weighted alike."""

    loss: Tensor
    accuracy: Tensor


class Adversary(Alignment):
    """Base of the discriminators: the loss, at weight 1 for the discriminator and at −λ for the features before it.

    It learns on the start's frozen features until it wins on held-out galaxies; only then λ rises. In the adaptation it
    judges the batch beside the features of the last batches, and learns alone between the network's steps.
    """

    Options: ClassVar[type[DiscriminatorOptions]] = DiscriminatorOptions
    needs_targets = True
    scheduled = False
    discriminator: nn.Module

    def __init__(self, options: Any, shapes: Shapes) -> None:
        super().__init__(options, shapes)
        self.memory = FeatureMemory(options.memory)
        self._alone: torch.optim.Optimizer | None = None  # of the extra steps
        self._kept: Mapping[str, Any] = {}

    @abstractmethod
    def judge(
        self, galaxies: Galaxies, judged: Tensor, random: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (P, classes), classes (P,) and whether each counts, (P,), of some galaxies at positions (J,)."""

    def forward(
        self, galaxies: Galaxies, judged: Tensor | None = None, random: torch.Generator | None = None
    ) -> Verdict:
        """Judge galaxies, in float32 also under autocast.

        Parameters
        ----------
        galaxies : among them all partners.
        judged : positions of those that are judged, (J,); None is all.
        random : draws the partners; None is torch's own.
        """
        with torch.autocast(galaxies.features.device.type, enabled=False):
            seen = galaxies.with_all_features(galaxies.features.float())
            if judged is None:
                judged = torch.arange(len(seen), device=seen.features.device)
            logits, label, counts = self.judge(seen, judged, random)
            weight = _balanced(label, counts, logits.shape[1])
            loss = (functional.cross_entropy(logits, label, reduction="none") * weight).sum()
            right = ((logits.argmax(dim=1) == label).float() * weight).sum()
            return Verdict(loss, right)

    def prepare(self, start: Start) -> dict[str, Any]:
        """Train the discriminator on frozen features, up to ``tries`` times with fresh weights.

        Returns
        -------
        ``frozen_accuracy`` (balanced, on held-out galaxies) and ``frozen_steps`` of the last try, ``frozen_tries``, and
        whether it ``wins``: where it does not, the fields look alike to the network and there is nothing to align.
        """
        options = self.options
        report: dict[str, Any] = {}
        for number in range(options.tries):
            if number:
                refresh(self, start.seed + number)
            accuracy, steps = taught(self, start, max(start.batch_size, FEWEST_JUDGED), number)
            wins = bool(accuracy > options.least_accuracy)
            report = {"frozen_accuracy": accuracy, "frozen_steps": steps, "frozen_tries": number + 1, "wins": wins}
            if wins:
                break
        self.nothing_to_align = None if report["wins"] else self._never_won(report["frozen_accuracy"])
        return report

    def loss(self, step: Step) -> Term:
        """Return the loss on the batch, after the extra steps of the discriminator."""
        features = step.galaxies.features
        seen, judged = self._remembered(step.galaxies.with_all_features(features.detach().float()))
        random = generator(step)
        self._keep_up(seen, random)
        reversed_ = reverse_gradient(features, step.strength).float()
        verdict = self(seen.with_features(judged, reversed_), judged, random)
        shown = {"field_loss": verdict.loss.detach(), "field_accuracy": verdict.accuracy.detach()}
        return Term(verdict.loss, shown)

    def kept(self) -> dict[str, Any]:
        """Return the optimiser of the extra steps and each rank's memory, for a checkpoint."""
        alone = {} if self._alone is None else {"alone": self._alone.state_dict()}
        return {"memory": of_all_ranks(self.memory.state()), **alone}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Restore what :meth:`kept` returned; with another number of ranks the memories start empty."""
        self._kept = kept

    def _remembered(self, batch: Galaxies) -> tuple[Galaxies, Tensor]:
        """Return the features of the last batches followed by this one, and its positions (B,); remember this one."""
        rank, ranks = world()
        memories = self._kept.get("memory", [])
        if len(memories) == ranks:
            self.memory.restore(memories[rank], batch.features.device)
        self._kept = {key: value for key, value in self._kept.items() if key != "memory"}
        everything, judged = self.memory.joined_by(batch)
        self.memory.keep(batch)
        return everything, judged

    def _keep_up(self, seen: Galaxies, random: torch.Generator) -> None:
        """Train the discriminator alone on detached features, so that it keeps up with the network.

        Each extra step uses ``EXTRA_STEP_GALAXIES`` of the galaxies, drawn at random.
        """
        parameters = list(self.parameters())
        if self._alone is None:
            self._alone = torch.optim.Adam(parameters, lr=self.options.learning_rate)
            if "alone" in self._kept:
                self._alone.load_state_dict(self._kept["alone"])
        for _ in range(self.options.updates):
            judged = torch.randperm(len(seen), device=seen.domain.device, generator=random)[:EXTRA_STEP_GALAXIES]
            loss = self(seen, judged, random).loss
            for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.grad = mean_over_ranks(slope)
            self._alone.step()
        self._alone.zero_grad()

    def _never_won(self, accuracy: float) -> str:
        options, (source, *targets) = self.options, self.shapes.fields
        return (
            f"no discriminator tells {', '.join(targets)} from {source} by this network's features (accuracy"
            f" {accuracy:.3f} on held-out galaxies, adapt.least_accuracy={options.least_accuracy:g} is asked for,"
            f" {options.tries} tries of {options.steps} steps), so there is nothing to align; choose adapt=none, more"
            " adapt.discriminator_steps, or adapt.without_win=unaligned, which trains on without aligning."
        )


class SingleDiscriminator(Adversary):
    """Tells the field of one galaxy."""

    def __init__(self, options: DiscriminatorOptions, shapes: Shapes) -> None:
        super().__init__(options, shapes)
        self.discriminator = FieldDiscriminator(shapes.values, len(shapes.fields), options.hidden)

    def judge(
        self,
        galaxies: Galaxies,
        judged: Tensor,
        random: torch.Generator | None,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the fields."""
        logits = self.discriminator(galaxies.features[judged])
        return logits, galaxies.domain[judged], torch.ones(len(judged), device=logits.device)


class PairedDiscriminator(Adversary):
    """Tells whether a galaxy and others of like magnitude come from the same field."""

    Options = PairedOptions

    def __init__(self, options: PairedOptions, shapes: Shapes) -> None:
        super().__init__(options, shapes)
        self.discriminator = PairDiscriminator(shapes.values, options.hidden)

    def judge(
        self, galaxies: Galaxies, judged: Tensor, random: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of "different fields" and "the same field"."""
        pairs = magnitude_pairs(galaxies, judged, self.options.tolerance, self.options.partners, random)
        logits = self.discriminator(galaxies.features, pairs.first, pairs.partners, pairs.alike)
        return logits, pairs.same.long(), pairs.alike.any(dim=1).float()


def _balanced(label: Tensor, counts: Tensor, n_classes: int) -> Tensor:
    """Weights (B,) that sum to 1, the same for every class that occurs; 0 where ``counts`` is 0."""
    classes = counts.new_zeros(n_classes).index_add_(0, label, counts)
    present = (classes > 0).sum().clamp_min(1)
    return counts / (classes[label].clamp_min(1e-9) * present)
