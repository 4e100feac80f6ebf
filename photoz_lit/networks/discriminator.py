"""Discriminators: which field does a galaxy's feature vector come from, and do two of them come from the same field."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


class FieldDiscriminator(nn.Module):
    """Tells the field of one galaxy.

    Parameters
    ----------
    values : length of a feature vector.
    n_fields : source and targets.
    hidden : width of the two hidden layers.
    """

    def __init__(self, values: int, n_fields: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(values),
            nn.Linear(values, hidden),
            nn.LeakyReLU(0.1),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.1),
            nn.Linear(hidden, n_fields),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map features (B, values) to logits of the fields (B, n_fields)."""
        logits: Tensor = self.layers(features)
        return logits


class PairDiscriminator(nn.Module):
    """Tells whether two galaxies come from the same field.

    "Same or not" is an exclusive-or of the two fields: a head that is additive in its two inputs cannot represent it
    and stays at an accuracy of one half. Each galaxy is embedded, and the head reads a + b, |a − b| and a · b: the
    order of the two does not matter, and their product carries the interaction.

    Parameters
    ----------
    values : length of a feature vector.
    hidden : width of the embedding and of the head.
    """

    def __init__(self, values: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Sequential(
            nn.LayerNorm(values), nn.Linear(values, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, hidden)
        )
        self.head = nn.Sequential(nn.Linear(3 * hidden, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, 2))

    def forward(self, features: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Judge pairs of a batch.

        Parameters
        ----------
        features : (B, values).
        first, second : positions in the batch, (P,).

        Returns
        -------
        Logits (P, 2) of "different fields" and "the same field".
        """
        embedded = self.embedding(features)
        a, b = embedded[first], embedded[second]
        logits: Tensor = self.head(torch.cat([a + b, (a - b).abs(), a * b], dim=1))
        return logits


@dataclass(frozen=True)
class Pairs:
    """Pairs of galaxies of a batch.

    Attributes
    ----------
    first, second : positions in the batch, (P,).
    same : whether both come from the same field, (P,).
    alike : whether they are two galaxies with magnitudes within the tolerance, (P,); the others do not count.
    """

    first: Tensor
    second: Tensor
    same: Tensor
    alike: Tensor


def magnitude_pairs(
    magnitude: Tensor, domain: Tensor, tolerance: float, partners: int = 1, galaxy: Tensor | None = None
) -> Pairs:
    """Pair a batch's galaxies by magnitude: a quarter within the source, a quarter within the targets, half across.

    Source and target galaxies are sorted by magnitude. Ranks i and i + k hold two source galaxies s, s' and two target
    galaxies t, t'; they make the pairs (s, s'), (t, t'), (s, t') and (t, s'), for k = 1 … ``partners``. So differences
    of magnitude are distributed nearly alike in pairs of the same field and of different ones: on them alone no more
    than an accuracy of 0.55 could be had. None is paired with itself, and which of two comes first is drawn at random.

    Parameters
    ----------
    magnitude : (B,) or (B, bands) [mag]; the first band is sorted by, all must be alike.
    domain : (B,) number of the field, 0 is the source; as many galaxies of the source as of all targets together.
    tolerance : largest difference that counts as alike [mag].
    partners : with how many of the next ranks each galaxy is paired; features are costly, pairs are not.
    galaxy : (B,) number of the galaxy; one that is in the batch twice does not count as a pair with itself. None where
        all are different.
    """
    leading = magnitude if magnitude.dim() == 1 else magnitude[:, 0]
    source = _sorted(leading, torch.nonzero(domain == 0).squeeze(1))
    target = _sorted(leading, torch.nonzero(domain != 0).squeeze(1))
    n = min(len(source), len(target))
    s, t = source[:n], target[:n]
    pairs = torch.cat(
        [
            torch.stack([near[: max(n - k, 0)], far[k:]], dim=1)
            for k in range(1, partners + 1)
            for near, far in ((s, s), (t, t), (s, t), (t, s))
        ]
    )
    return _pairs(pairs, magnitude, domain, tolerance, galaxy)


def twin_pairs(magnitude: Tensor, domain: Tensor, tolerance: float, galaxy: Tensor | None = None) -> Pairs:
    """Pairs within groups of twins: the batch holds the groups' source galaxies s, then s', then targets t, then t'.

    All are alike to s, so two of them differ by up to twice the tolerance; the pairs are (s, s'), (t, t'), (s, t') and
    (s', t): in each kind one that has s and one that has not, so that differences of magnitude are distributed alike.

    A discriminator that knows each galaxy's field with probability q cannot tell "same or not" of two unrelated ones
    with more than q² + (1 − q)²: for q = 0.7 that is 0.58. Twins are not unrelated: what they have in common cancels.

    Parameters
    ----------
    magnitude : (B,) or (B, bands) [mag], B a multiple of four.
    domain, tolerance, galaxy : as for :func:`magnitude_pairs`.
    """
    s, other, t, further = torch.arange(len(domain), device=domain.device).view(4, -1)
    pairs = torch.cat([torch.stack(two, dim=1) for two in ((s, other), (t, further), (s, further), (other, t))])
    return _pairs(pairs, magnitude, domain, 2 * tolerance, galaxy)


def _pairs(pairs: Tensor, magnitude: Tensor, domain: Tensor, tolerance: float, galaxy: Tensor | None) -> Pairs:
    """Draw which of two positions (P, 2) comes first, and tell which pairs count."""
    turned = torch.rand(len(pairs), device=pairs.device) < 0.5
    first = torch.where(turned, pairs[:, 1], pairs[:, 0])
    second = torch.where(turned, pairs[:, 0], pairs[:, 1])
    table = magnitude.view(len(magnitude), -1)
    alike = ((table[first] - table[second]).abs() <= tolerance).all(dim=1)
    if galaxy is not None:
        alike &= galaxy[first] != galaxy[second]
    return Pairs(first, second, domain[first] == domain[second], alike)


def _sorted(magnitude: Tensor, rows: Tensor) -> Tensor:
    return rows[torch.argsort(magnitude[rows], stable=True)]


@dataclass(frozen=True)
class Verdict:
    """What a discriminator made of a batch: its mean loss, and its accuracy with both classes weighted alike."""

    loss: Tensor
    accuracy: Tensor


class Adversary(nn.Module):
    """A discriminator, single or paired, with its loss on a batch of features.

    Parameters
    ----------
    kind : ``single`` or ``paired``.
    values : length of a feature vector.
    n_fields : source and targets.
    hidden : width.
    tolerance : of like magnitudes in a pair [mag].
    partners : of :func:`magnitude_pairs`.
    twins : batches hold groups of twins, see :func:`twin_pairs`.
    """

    def __init__(
        self,
        kind: str,
        values: int,
        n_fields: int,
        hidden: int,
        tolerance: float,
        partners: int = 1,
        twins: bool = False,
    ) -> None:
        super().__init__()
        self.paired = kind == "paired"
        self.tolerance = tolerance
        self.partners = partners
        self.twins = twins
        self.discriminator: nn.Module = (
            PairDiscriminator(values, hidden) if self.paired else FieldDiscriminator(values, n_fields, hidden)
        )

    def forward(self, features: Tensor, magnitude: Tensor, domain: Tensor, galaxy: Tensor | None = None) -> Verdict:
        """Judge a batch, in float32 also under autocast.

        Parameters
        ----------
        features : (B, values).
        magnitude : (B,) or (B, bands) [mag].
        domain : (B,) number of the field.
        galaxy : (B,) number of the galaxy, see :func:`magnitude_pairs`.
        """
        with torch.autocast(features.device.type, enabled=False):
            return self._judge(features.float(), magnitude, domain, galaxy)

    def _judge(self, features: Tensor, magnitude: Tensor, domain: Tensor, galaxy: Tensor | None) -> Verdict:
        if self.paired:
            pairs = (
                twin_pairs(magnitude, domain, self.tolerance, galaxy)
                if self.twins
                else magnitude_pairs(magnitude, domain, self.tolerance, self.partners, galaxy)
            )
            logits = self.discriminator(features, pairs.first, pairs.second)
            label, counts = pairs.same.long(), pairs.alike.float()
        else:
            logits = self.discriminator(features)
            label, counts = domain, torch.ones(len(domain), device=features.device)
        weight = _balanced(label, counts, logits.shape[1])
        loss = (functional.cross_entropy(logits, label, reduction="none") * weight).sum()
        right = ((logits.argmax(dim=1) == label).float() * weight).sum()
        return Verdict(loss, right)


def _balanced(label: Tensor, counts: Tensor, n_classes: int) -> Tensor:
    """Weights (B,) that sum to 1, the same for every class that occurs; 0 where ``counts`` is 0."""
    classes = counts.new_zeros(n_classes).index_add_(0, label, counts)
    present = (classes > 0).sum().clamp_min(1)
    return counts / (classes[label].clamp_min(1e-9) * present)
