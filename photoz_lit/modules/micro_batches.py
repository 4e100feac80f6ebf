"""The gradient of a batch from pieces that go through the network one after the other, for want of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from photoz_lit.data.prefetch import Batch

PieceSum = Callable[[Batch], Tensor]


def sum_in_pieces(part: PieceSum, batch: Batch, pieces: int, weights: Sequence[Tensor]) -> Tensor:
    """Sum a function over a batch; its gradient is that of the whole batch, its memory that of a piece.

    The networks have no batch norm, so an image's output does not depend on the others of its piece.

    Parameters
    ----------
    part : sum over the galaxies of a piece, a scalar.
    batch : columns whose first axis is the galaxies'.
    pieces : into how many the batch is cut, at most.
    weights : what the gradient is wanted of.
    """
    total: Tensor = _SumInPieces.apply(part, list(pieces_of(batch, pieces)), *weights)  # type: ignore[no-untyped-call]
    return total


def pieces_of(batch: Batch, pieces: int) -> Iterator[Batch]:
    """Cut a batch into pieces of nearly the same number of galaxies, none of them empty."""
    n = len(batch["index"])
    size = -(-n // min(pieces, n))
    for start in range(0, n, size):
        yield {name: column[start : start + size] for name, column in batch.items()}


class _SumInPieces(torch.autograd.Function):
    """Works out the gradient with the value, piece by piece, and hands it on when it is asked for."""

    @staticmethod
    def forward(ctx: Any, part: PieceSum, pieces: list[Batch], *weights: Tensor) -> Tensor:
        total = torch.zeros((), device=weights[0].device)
        gradients: list[Tensor | None] = [None] * len(weights)
        for piece in pieces:
            with torch.enable_grad():
                value = part(piece)
            with torch.autocast(value.device.type, enabled=False):  # as Lightning's own backward pass
                found = torch.autograd.grad(value, weights, allow_unused=True)
            gradients = [_added(before, more) for before, more in zip(gradients, found, strict=True)]
            total = total + value.detach()
        ctx.gradients = gradients
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        gradients, ctx.gradients = ctx.gradients, None
        return None, None, *(None if one is None else one.mul_(upstream) for one in gradients)


def _added(before: Tensor | None, more: Tensor | None) -> Tensor | None:
    """Sum of two gradients, in the first one's memory; a weight that no piece uses has none."""
    if before is None or more is None:
        return before if more is None else more.clone()  # the next piece may write where this one's gradient is
    return before.add_(more)
