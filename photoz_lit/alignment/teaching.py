"""A discriminator learns on frozen features, and is shown to win before the network is made to escape it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from photoz_lit.alignment.batches import Batches
from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.alignment.part import Alignment, Start
from photoz_lit.data.domains import SOURCE
from photoz_lit.data.matching import dealt

CHECK_EVERY = 50  # steps
CHECKED = 5000  # judged galaxies of each kind, held out


class JudgedDraw:
    """Draws galaxies for the discriminator: random source galaxies and as many targets, as in the adaptation.

    Parameters
    ----------
    galaxies : of source and targets.
    batches : how target galaxies are drawn.
    """

    def __init__(self, galaxies: Galaxies, batches: Batches) -> None:
        domain = galaxies.domain.numpy()
        self.own = np.flatnonzero(domain == SOURCE)
        self.targets = [np.flatnonzero(domain == number) for number in np.unique(domain[domain != SOURCE])]
        self.magnitude = galaxies.magnitude.double().numpy()
        self.matchers = [batches.matcher(self.magnitude[rows]) for rows in self.targets]

    def rows(self, size: int, random: np.random.Generator) -> Tensor:
        """Positions of ``size`` source galaxies and, after them, as many targets, every target field as likely."""
        first = random.choice(self.own, size)

        def drawn(number: int, where: NDArray[np.bool_]) -> NDArray[np.int64]:
            rows, matcher = self.targets[number], self.matchers[number]
            if matcher is None:
                return random.choice(rows, int(where.sum()))
            return rows[matcher.draw(self.magnitude[first[where]], random)[0]]

        several = len(self.targets) > 1
        field = random.integers(0, len(self.targets), size) if several else np.zeros(size, np.int64)
        return torch.from_numpy(np.concatenate([first, dealt(field, drawn)]))


def taught(adversary: Alignment, start: Start, size: int, number: int) -> tuple[float, int]:
    """Train a discriminator alone, in place, until it wins on held-out galaxies or its steps are used up.

    Parameters
    ----------
    adversary : the discriminator.
    start : features to train on and to judge by; partners of pairs are drawn from all of them.
    size : source galaxies that are judged per step.
    number : of the try, from 0.

    Returns
    -------
    Its held-out accuracy, and the steps that it took.
    """
    options = adversary.options
    random = np.random.default_rng([start.seed, number] if number else start.seed)
    optimiser = torch.optim.Adam(adversary.parameters(), lr=options.learning_rate)
    drawn = JudgedDraw(start.known, start.batches)
    accuracy = 0.5
    for step in range(1, options.steps + 1):
        verdict = adversary(start.known, drawn.rows(size, random))
        optimiser.zero_grad()
        torch.autograd.backward(verdict.loss)
        optimiser.step()
        if step % CHECK_EVERY == 0 or step == options.steps:
            accuracy = held_accuracy(adversary, start.held, start.batches)
            if accuracy > options.least_accuracy and step >= 4 * CHECK_EVERY:
                return accuracy, step
    return accuracy, options.steps


def refresh(module: nn.Module, seed: int) -> None:
    """Give a module fresh weights, whatever torch's own random numbers are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in module.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()


@torch.no_grad()
def held_accuracy(adversary: Alignment, held: Galaxies, batches: Batches) -> float:
    """Accuracy on held-out galaxies, both classes weighted alike."""
    drawn = JudgedDraw(held, batches)
    return float(adversary(held, drawn.rows(CHECKED, np.random.default_rng(1))).accuracy)
