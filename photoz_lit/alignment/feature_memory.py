"""Features of the last batches, for a discriminator that learns from more galaxies than one batch holds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from photoz_lit.alignment.pairs import Galaxies, joined


class FeatureMemory:
    """Keeps the features of the last batches, without their graph.

    Within 0.1 mag of a bright galaxy a batch of 128 holds hardly another one; some thousand galaxies hold many. The
    network moves little in as many steps as the memory is long, so old features are nearly what they would be now.

    Parameters
    ----------
    batches : how many are kept; 0 keeps none.
    """

    def __init__(self, batches: int) -> None:
        self.batches = batches
        self._kept: list[Galaxies] = []

    def joined_by(self, batch: Galaxies) -> tuple[Galaxies, Tensor]:
        """All that is kept and, after it, a batch; and the positions of the batch, (B,)."""
        everything = joined([*self._kept, batch])
        return everything, torch.arange(len(everything) - len(batch), len(everything), device=batch.domain.device)

    def keep(self, batch: Galaxies) -> None:
        """Add a batch and forget the oldest one beyond the memory's length."""
        self._kept = [*self._kept, batch.detached()][-self.batches :] if self.batches else []

    def state(self) -> list[dict[str, Any]]:
        """Return the features in memory, for a checkpoint."""
        return [dict(vars(batch)) for batch in self._kept]

    def restore(self, state: list[dict[str, Any]], device: torch.device) -> None:
        """Restore what :meth:`state` returned."""
        self._kept = [Galaxies(**{name: column.to(device) for name, column in one.items()}) for one in state]
