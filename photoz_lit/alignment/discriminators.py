"""Discriminators: which field does a galaxy's feature vector come from, and is it the field of others like it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
