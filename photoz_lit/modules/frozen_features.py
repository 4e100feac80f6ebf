"""The discriminator is shown to win on frozen features before it is made to lose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photoz_lit.data.adaptation import AdaptationDataModule
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.matching import MagnitudeMatcher
from photoz_lit.data.pixels import stretch
from photoz_lit.modules.domain_adversarial import DomainAdversarialCNN
from photoz_lit.networks.discriminator import Adversary
from photoz_lit.networks.settings import AdaptSettings

MOST = 6000  # galaxies of each kind whose features are computed
CHECK_EVERY = 50  # steps
CHECKED = 20  # batches of held-out galaxies
ROWS = 256


@dataclass(frozen=True)
class Features:
    """Features of galaxies under fixed weights, (n, F); their matched magnitudes (n, bands), fields and rows (n,)."""

    values: Tensor
    magnitude: Tensor
    domain: Tensor
    galaxy: Tensor

    def by_source(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Features of the source and those of the targets."""
        source = self.domain == SOURCE
        values = self.values.double().numpy()
        return values[source.numpy()], values[~source.numpy()]

    def batch(self, size: int, random: np.random.Generator, guide: Guide | None = None) -> Features:
        """Draw ``size`` source galaxies at random, and as many targets: at random, or as a ``guide`` says."""
        is_source = (self.domain == SOURCE).numpy()
        own, others = np.flatnonzero(is_source), np.flatnonzero(~is_source)
        first = random.choice(own, size if guide is None or guide.own is None else size // 2)
        if guide is None:
            rows = [first, random.choice(others, size)]
        else:
            wanted = self.magnitude[first].double().numpy()
            rows = [first] if guide.own is None else [first, own[guide.own.draw(wanted, random)[0]]]
            rows += [others[guide.targets.draw(wanted, random)[0]] for _ in range(len(rows))]
        index = torch.from_numpy(np.concatenate(rows))
        return Features(self.values[index], self.magnitude[index], self.domain[index], self.galaxy[index])

    def guide(self, settings: AdaptSettings) -> Guide | None:
        """What guides the draw of targets, and of twins; None where they come as they are."""
        if not settings.guided:
            return None
        magnitude, source = self.magnitude.double().numpy(), (self.domain == SOURCE).numpy()
        own = MagnitudeMatcher(magnitude[source], settings.tolerance) if settings.twins else None
        return Guide(MagnitudeMatcher(magnitude[~source], settings.tolerance), own)


@dataclass(frozen=True)
class Guide:
    """Draws targets of like magnitude and, with twins, source galaxies too."""

    targets: MagnitudeMatcher
    own: MagnitudeMatcher | None


def frozen_features(
    module: DomainAdversarialCNN, data: AdaptationDataModule, split: AdaptationSplit, known: bool = True
) -> tuple[Features, Features]:
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


def _features(module: DomainAdversarialCNN, data: AdaptationDataModule, parts: list[NDArray[np.int64]]) -> Features:
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
    return Features(torch.cat(values) if values else empty, magnitude, domain_of, index)


def teach_discriminator(
    adversary: Adversary, known: Features, held: Features, settings: AdaptSettings, batch_size: int, seed: int
) -> dict[str, float | int | bool]:
    """Train the discriminator alone, on frozen features, until it wins on held-out galaxies.

    Magnitude-matched batches are as in the adaptation: source galaxies at random, targets guided or at random; a pair
    that is not alike in magnitude does not count.

    Parameters
    ----------
    adversary : is trained in place.
    known, held : features to train on and to judge by.
    settings : the ``adapt`` section.
    batch_size : source galaxies per step.
    seed : of the batches.

    Returns
    -------
    ``frozen_accuracy`` (balanced, on held-out galaxies), ``frozen_steps``, and whether the discriminator ``wins``:
    where it does not, the fields look alike to the network and there is nothing to align.
    """
    random = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(adversary.parameters(), lr=settings.discriminator_learning_rate)
    size = max(batch_size, 64)
    guide = known.guide(settings)
    accuracy, best_steps = 0.5, 0
    for step in range(1, settings.discriminator_steps + 1):
        batch = known.batch(size, random, guide)
        verdict = adversary(batch.values, batch.magnitude, batch.domain, batch.galaxy)
        optimiser.zero_grad()
        torch.autograd.backward(verdict.loss)
        optimiser.step()
        best_steps = step
        if step % CHECK_EVERY == 0 or step == settings.discriminator_steps:
            accuracy = held_accuracy(adversary, held, size, held.guide(settings))
            if accuracy > settings.least_accuracy and step >= 4 * CHECK_EVERY:
                break
    return {
        "frozen_accuracy": accuracy,
        "frozen_steps": best_steps,
        "wins": bool(accuracy > settings.least_accuracy),
    }


@torch.no_grad()
def held_accuracy(adversary: Adversary, held: Features, size: int, guide: Guide | None = None) -> float:
    """Accuracy on held-out galaxies, both classes weighted alike, the mean of 20 batches."""
    random = np.random.default_rng(1)
    verdicts = []
    for _ in range(CHECKED):
        batch = held.batch(size, random, guide)
        verdicts.append(float(adversary(batch.values, batch.magnitude, batch.domain, batch.galaxy).accuracy))
    return float(np.mean(verdicts))
