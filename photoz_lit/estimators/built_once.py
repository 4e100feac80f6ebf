"""A network that a job builds once, though check, description, cost and the first fit all want it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from photoz_lit.modules.cnn import PhotoZModule


class BuiltOnce:
    """Keeps a network with the weights that a fit with the run's seed begins with, until a fit takes it.

    Parameters
    ----------
    seed : of the run.
    build : makes the network of its arguments, with fresh weights from torch's random state.
    """

    def __init__(self, seed: int, build: Callable[[dict[str, Any]], PhotoZModule]) -> None:
        self._seed = seed
        self._build = build
        self._kept: tuple[dict[str, Any], PhotoZModule, torch.Tensor] | None = None

    def module(self, arguments: dict[str, Any]) -> PhotoZModule:
        """Return the network of some arguments, built where another one or none is kept; no random state changes."""
        if self._kept is None or self._kept[0] != arguments:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self._seed)
                self._kept = (arguments, self._build(arguments), torch.get_rng_state())
        return self._kept[1]

    def taken(self, arguments: dict[str, Any], seed: int) -> PhotoZModule | None:
        """Return the network that was kept, where it has these arguments and a fit begins with this seed, else None.

        It is kept no longer. Torch's random state is then the one after its build.
        """
        kept, self._kept = self._kept, None
        if kept is None or seed != self._seed or kept[0] != arguments:
            return None
        torch.set_rng_state(kept[2])
        return kept[1]
