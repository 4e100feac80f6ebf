"""Discriminators: which field does a galaxy's feature vector come from, and is it the field of others like it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from photoz_lit.alignment.pairs import Galaxies, magnitude_pairs


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
    """Tells whether a galaxy and its partners, galaxies of one field and of like magnitude, come from the same field.

    "Same or not" is an exclusive-or of the two fields: a head that is additive in its two inputs cannot represent it
    and stays at an accuracy of one half. Here both sides are embedded alike and the verdict is Σ w_k a_k b_k + c: a
    product, the same for (a, b) as for (b, a).

    Who knows the field of one galaxy with probability q can tell "same or not" of two with q² + (1 − q)² at most: 0.58
    for q = 0.7. The mean embedding of several partners shows their field far better than one of them, and brings the
    bound back to q; with one partner this is the plain pair.

    Parameters
    ----------
    values : length of a feature vector.
    hidden : width of the hidden layer.
    embedded : length of an embedding.
    """

    def __init__(self, values: int, hidden: int, embedded: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Sequential(
            nn.LayerNorm(values), nn.Linear(values, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, embedded)
        )
        self.weight = nn.Parameter(torch.ones(embedded))
        self.bias = nn.Parameter(torch.zeros(1))

    def reset_parameters(self) -> None:
        """Set the weights of the product as they were at first; those of the embedding reset themselves."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, features: Tensor, first: Tensor, partners: Tensor, alike: Tensor | None = None) -> Tensor:
        """Judge pairs.

        Parameters
        ----------
        features : (N, values).
        first : positions of the galaxies, (P,).
        partners : positions of the partners of each, (P, K).
        alike : which partners count, (P, K); None is all.

        Returns
        -------
        Logits (P, 2) of "different fields" and "the same field".
        """
        embedded = self.embedding(features)
        counts = torch.ones_like(partners, dtype=embedded.dtype) if alike is None else alike.to(embedded.dtype)
        mean = (embedded[partners] * counts[..., None]).sum(dim=1) / counts.sum(dim=1, keepdim=True).clamp_min(1)
        score = (embedded[first] * mean) @ self.weight + self.bias
        return torch.stack([torch.zeros_like(score), score], dim=1)


@dataclass(frozen=True)
class Verdict:
    """What a discriminator made of a batch: its mean loss, and its accuracy with both classes weighted alike."""

    loss: Tensor
    accuracy: Tensor


class Adversary(nn.Module):
    """A discriminator, single or paired, with its loss on galaxies' features.

    Parameters
    ----------
    kind : ``single`` or ``paired``.
    values : length of a feature vector.
    n_fields : source and targets.
    hidden : width.
    tolerance : of like magnitudes in a pair [mag].
    partners : galaxies on the other side of a pair.
    """

    def __init__(self, kind: str, values: int, n_fields: int, hidden: int, tolerance: float, partners: int = 1) -> None:
        super().__init__()
        self.paired = kind == "paired"
        self.tolerance = tolerance
        self.partners = partners
        self.discriminator: nn.Module = (
            PairDiscriminator(values, hidden) if self.paired else FieldDiscriminator(values, n_fields, hidden)
        )

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
            return self._judge(galaxies, judged, random)

    def _judge(self, galaxies: Galaxies, judged: Tensor | None, random: torch.Generator | None) -> Verdict:
        features = galaxies.features.float()
        if judged is None:
            judged = torch.arange(len(features), device=features.device)
        if self.paired:
            pairs = magnitude_pairs(galaxies, judged, self.tolerance, self.partners, random)
            logits = self.discriminator(features, pairs.first, pairs.partners, pairs.alike)
            label, counts = pairs.same.long(), pairs.alike.any(dim=1).float()
        else:
            logits = self.discriminator(features[judged])
            label, counts = galaxies.domain[judged], torch.ones(len(judged), device=features.device)
        weight = _balanced(label, counts, logits.shape[1])
        loss = (functional.cross_entropy(logits, label, reduction="none") * weight).sum()
        right = ((logits.argmax(dim=1) == label).float() * weight).sum()
        return Verdict(loss, right)


def _balanced(label: Tensor, counts: Tensor, n_classes: int) -> Tensor:
    """Weights (B,) that sum to 1, the same for every class that occurs; 0 where ``counts`` is 0."""
    classes = counts.new_zeros(n_classes).index_add_(0, label, counts)
    present = (classes > 0).sum().clamp_min(1)
    return counts / (classes[label].clamp_min(1e-9) * present)
