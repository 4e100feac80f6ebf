"""The discriminator is shown to win on frozen features before it is made to lose."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photoz_lit.alignment.discriminators import Adversary
from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.matching import MagnitudeMatcher, dealt
from photoz_lit.data.pixels import stretch
from photoz_lit.data.two_fields import AdaptationDataModule
from photoz_lit.modules.aligned import DomainAdversarialCNN
from photoz_lit.networks.settings import AdaptSettings

MOST = 6000  # galaxies of each kind whose features are computed
CHECK_EVERY = 50  # steps
CHECKED = 5000  # judged galaxies of each kind, held out
FEWEST_JUDGED = 256
ROWS = 256


def by_source(galaxies: Galaxies) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of the source (n, F) and those of the targets (m, F)."""
    source = (galaxies.domain == SOURCE).numpy()
    values = galaxies.features.double().numpy()
    return values[source], values[~source]


class JudgedDraw:
    """Draws whom the discriminator judges: source galaxies at random and as many targets, as the adaptation does.

    Parameters
    ----------
    galaxies : of source and targets.
    tolerance : of like magnitudes [mag] where targets are guided; None takes any.
    """

    def __init__(self, galaxies: Galaxies, tolerance: float | None) -> None:
        domain = galaxies.domain.numpy()
        self.own = np.flatnonzero(domain == SOURCE)
        self.targets = [np.flatnonzero(domain == number) for number in np.unique(domain[domain != SOURCE])]
        self.magnitude = galaxies.magnitude.double().numpy()
        self.matchers = [
            MagnitudeMatcher(self.magnitude[rows], tolerance) for rows in self.targets if tolerance is not None
        ]

    def rows(self, size: int, random: np.random.Generator) -> Tensor:
        """Positions of ``size`` source galaxies and, after them, as many targets, every target field as likely."""
        first = random.choice(self.own, size)

        def drawn(number: int, where: NDArray[np.bool_]) -> NDArray[np.int64]:
            rows = self.targets[number]
            if not self.matchers:
                return random.choice(rows, int(where.sum()))
            return rows[self.matchers[number].draw(self.magnitude[first[where]], random)[0]]

        several = len(self.targets) > 1
        field = random.integers(0, len(self.targets), size) if several else np.zeros(size, np.int64)
        return torch.from_numpy(np.concatenate([first, dealt(field, drawn)]))


def frozen_features(
    module: DomainAdversarialCNN, data: AdaptationDataModule, split: AdaptationSplit, known: bool = True
) -> tuple[Galaxies, Galaxies]:
    """Features, without augmentation, of training galaxies and of held-out galaxies of source and targets.

    Parameters
    ----------
    module : its weights are used as they are.
    data : reads the galaxies; a degradation is not applied.
    split : training and validation galaxies of both fields.
    known : False leaves out the training galaxies, whose features then are empty.

    Returns
    -------
    Features of training galaxies and of validation galaxies, at most 6000 of the source and of the targets each.
    """
    own = split.train[data.sample.part[split.train] == SOURCE]
    held = split.validation[data.sample.part[split.validation] == SOURCE]
    training = [own, split.target_train] if known else [own[:0], own[:0]]
    return _features(module, data, training), _features(module, data, [held, split.target_validation])


def _features(module: DomainAdversarialCNN, data: AdaptationDataModule, parts: list[NDArray[np.int64]]) -> Galaxies:
    random = np.random.default_rng(0)
    rows = np.concatenate([np.sort(random.permutation(part)[:MOST]) for part in parts])
    sample = data.sample
    was_training = module.training
    module.eval()
    values = []
    with torch.no_grad():
        for start in range(0, len(rows), ROWS):
            some = rows[start : start + ROWS]
            image = stretch(torch.from_numpy(sample.flux(some))).to(module.device)
            ebv = data.galaxies.columns["ebv"][torch.from_numpy(some)].to(module.device)
            domain = data.galaxies.columns["domain"][torch.from_numpy(some)].to(module.device)
            output, trunk = module.with_trunk(image, ebv, domain)
            values.append(module.aligned(output, trunk).float().cpu())
    module.train(was_training)
    index = torch.from_numpy(rows)
    empty = torch.empty(0, 1)
    columns = data.galaxies.columns
    magnitude, domain_of = columns["match_mag"][index], columns["domain"][index]
    return Galaxies(torch.cat(values) if values else empty, magnitude, domain_of, index)


def teach_discriminator(
    adversary: Adversary, known: Galaxies, held: Galaxies, settings: AdaptSettings, batch_size: int, seed: int
) -> dict[str, float | int | bool]:
    """Train the discriminator alone, on frozen features, until it wins on held-out galaxies.

    One that does not win within its steps is tried again with fresh weights, ``discriminator_tries`` times in all.

    Parameters
    ----------
    adversary : is trained in place.
    known, held : features to train on and to judge by; partners of pairs are drawn from all of them.
    settings : the ``adapt`` section.
    batch_size : source galaxies that are judged per step, at least ``FEWEST_JUDGED``.
    seed : of the batches.

    Returns
    -------
    ``frozen_accuracy`` (balanced, on held-out galaxies) and ``frozen_steps`` of the last try, ``frozen_tries``, and
    whether the discriminator ``wins``: where it does not, the fields look alike to the network and there is nothing to
    align.
    """
    report: dict[str, float | int | bool] = {}
    for number in range(settings.discriminator_tries):
        if number:
            refresh(adversary, seed + number)
        accuracy, steps = _taught(adversary, known, held, settings, max(batch_size, FEWEST_JUDGED), [seed, number])
        wins = bool(accuracy > settings.least_accuracy)
        report = {"frozen_accuracy": accuracy, "frozen_steps": steps, "frozen_tries": number + 1, "wins": wins}
        if wins:
            break
    return report


def _taught(
    adversary: Adversary, known: Galaxies, held: Galaxies, settings: AdaptSettings, size: int, seeds: list[int]
) -> tuple[float, int]:
    """Held-out accuracy and steps of one try."""
    random = np.random.default_rng(seeds[0] if not seeds[1] else seeds)
    optimiser = torch.optim.Adam(adversary.parameters(), lr=settings.discriminator_learning_rate)
    drawn = JudgedDraw(known, settings.tolerance if settings.guided else None)
    accuracy = 0.5
    for step in range(1, settings.discriminator_steps + 1):
        verdict = adversary(known, drawn.rows(size, random))
        optimiser.zero_grad()
        torch.autograd.backward(verdict.loss)
        optimiser.step()
        if step % CHECK_EVERY == 0 or step == settings.discriminator_steps:
            accuracy = held_accuracy(adversary, held, settings)
            if accuracy > settings.least_accuracy and step >= 4 * CHECK_EVERY:
                return accuracy, step
    return accuracy, settings.discriminator_steps


def refresh(adversary: Adversary, seed: int) -> None:
    """Give a discriminator fresh weights, whatever torch's own random numbers are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in adversary.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()


@torch.no_grad()
def held_accuracy(adversary: Adversary, held: Galaxies, settings: AdaptSettings) -> float:
    """Accuracy on held-out galaxies, both classes weighted alike."""
    drawn = JudgedDraw(held, settings.tolerance if settings.guided else None)
    return float(adversary(held, drawn.rows(CHECKED, np.random.default_rng(1))).accuracy)
