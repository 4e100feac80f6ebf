"""The recipe's optimiser: Adam on all weights, or Muon on the convolution kernels and Adam on the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from photoz_lit.networks.muon import KernelMuon


class JointOptimiser(torch.optim.Optimizer):
    """Several optimisers of different weights that act as one, as Lightning's automatic optimisation wants it.

    The groups are the parts' own, so that a scheduler reaches them.

    Parameters
    ----------
    parts : the optimisers.
    """

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self.parts = list(parts)
        super().__init__([group for part in self.parts for group in part.param_groups], {})

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take a step of every part."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """States of the parts, in order."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the states of the parts."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def build_optimiser(module: nn.Module, settings: Mapping[str, Any]) -> torch.optim.Optimizer:
    """Return the optimiser of all weights of a module that are not frozen.

    Parameters
    ----------
    module : the network.
    settings : ``optimiser`` (``adam`` or ``muon``), ``learning_rate``, ``weight_decay``, ``muon_learning_rate`` and
        ``muon_momentum`` of the config's section ``module``.
    """
    adam = {"lr": settings["learning_rate"], "weight_decay": settings["weight_decay"]}
    free = [weight for weight in module.parameters() if weight.requires_grad]
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d) and layer.weight.requires_grad]
    if settings["optimiser"] == "adam" or not layers:
        return torch.optim.AdamW(free, **adam)
    kernels = {layer.weight for layer in layers}
    rest = [weight for weight in free if weight not in kernels]
    muon = KernelMuon(layers, settings["muon_learning_rate"], settings["muon_momentum"], settings["weight_decay"])
    return JointOptimiser([muon, *([torch.optim.AdamW(rest, **adam)] if rest else [])])


def rate_factor(
    done: float, schedule: str, milestones: Iterable[float], decay: float, warmup: float, step: float
) -> float:
    """Return the factor on the learning rate.

    Parameters
    ----------
    done : share of the training that is done, from 0 to 1.
    schedule : ``steps`` multiplies by ``decay`` at each milestone, ``linear`` falls to zero at the end.
    milestones : shares of the training.
    decay : factor of a milestone.
    warmup : share of the training over which the rate rises from zero.
    step : share of the training that one step is.
    """
    rise = min(1.0, (done + step) / max(step, warmup))
    if schedule == "linear":
        return rise * (1.0 - min(done, 1.0))
    return float(rise * decay ** sum(done >= milestone for milestone in milestones))
