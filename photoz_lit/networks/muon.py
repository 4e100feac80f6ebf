"""Muon for convolution kernels: momentum whose singular values are all brought near one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

# K. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; the same as in torch.optim.Muon.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5
TINY = 1e-7


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices (..., rows, columns) with singular values replaced by values between about 0.7 and 1.2.

    Five steps of a quintic Newton-Schulz iteration, in float32 on a CPU (bfloat16 is emulated on most) and in bfloat16
    on a GPU.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x: Tensor = matrices.mT if tall else matrices
    x = x.to(torch.bfloat16 if x.device.type == "cuda" else torch.float32)
    x = x / x.flatten(-2).norm(dim=-1).clamp_min(TINY)[..., None, None]
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).to(matrices.dtype)


class KernelMuon(torch.optim.Optimizer):
    """Muon on convolution kernels, each as matrices of outputs x (inputs · height · width).

    `torch.optim.Muon` takes matrices only. Here a kernel that holds several convolutions side by side (see
    :func:`photoz_lit.networks.layers.parallel_convolutions`) is one matrix for each. A step has the size
    ``lr`` · √(max(1, outputs / inputs·height·width)); matrices of one shape are worked out together.

    Parameters
    ----------
    layers : convolutions; an attribute ``parts`` of a layer gives the outputs of each convolution that it holds.
    lr : learning rate.
    momentum : share of the running mean that stays from step to step (Nesterov's).
    weight_decay : decoupled, per unit of the learning rate.
    """

    def __init__(
        self, layers: Iterable[nn.Conv2d], lr: float = 0.02, momentum: float = 0.9, weight_decay: float = 0.0
    ) -> None:
        layers = list(layers)
        self._parts: dict[Tensor, Sequence[int]] = {
            layer.weight: getattr(layer, "parts", [layer.out_channels]) for layer in layers
        }
        super().__init__(
            [layer.weight for layer in layers], {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            kernels = [kernel for kernel in group["params"] if kernel.grad is not None]
            for kernel in kernels:
                kernel.mul_(1 - group["lr"] * group["weight_decay"])
            self._move([(kernel, self._direction(kernel, group["momentum"])) for kernel in kernels], group["lr"])
        return loss

    def _direction(self, kernel: Tensor, momentum: float) -> Tensor:
        """Gradient with Nesterov's momentum, in the kernel's shape."""
        grad = kernel.grad
        assert grad is not None
        state = self.state[kernel]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(kernel)
        mean = state["momentum_buffer"].lerp_(grad, 1 - momentum)
        return grad.lerp(mean, momentum)

    def _move(self, kernels: Sequence[tuple[Tensor, Tensor]], lr: float) -> None:
        """Subtract the orthogonalised directions, all matrices of one shape at once."""
        alike: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for kernel, direction in kernels:
            parts = list(self._parts[kernel])
            for piece, change in zip(torch.split(kernel, parts), torch.split(direction, parts), strict=True):
                alike[piece.shape].append((piece, change))
        for shape, pairs in alike.items():
            updates = orthogonalised(torch.stack([change.flatten(1) for _, change in pairs]))
            size = lr * math.sqrt(max(1.0, shape[0] / math.prod(shape[1:])))
            for (piece, _), update in zip(pairs, updates, strict=True):
                piece.sub_(update.view(shape), alpha=size)
