"""Gradient reversal: what makes features useless to a domain discriminator (Ganin & Lempitsky 2015)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradient, None


def reverse_gradient(features: Tensor, strength: float) -> Tensor:
    """Return the features unchanged; on the way back their gradient is multiplied by ``-strength``.

    Only what lies before the features feels the strength: the discriminator behind them learns at weight 1.

    Parameters
    ----------
    features : any shape, float.
    strength : λ of the adversarial loss, 0 cuts the gradient.

    Examples
    --------
    >>> x = torch.ones(2, requires_grad=True)
    >>> reverse_gradient(x, 0.5).sum().backward()
    >>> x.grad
    tensor([-0.5000, -0.5000])
    """
    reversed_: Tensor = _Reverse.apply(features, strength)  # type: ignore[no-untyped-call]
    return reversed_


def reversal_strength(progress: float, steepness: float) -> float:
    """λ = 2 / (1 + exp(-steepness · p)) - 1 for a training progress p from 0 to 1: the adversary enters slowly."""
    return 2 / (1 + math.exp(-steepness * progress)) - 1
