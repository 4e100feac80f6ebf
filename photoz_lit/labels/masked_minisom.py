"""minisom's self-organising map, for features that may be missing; needs the extra ``labels``."""

from __future__ import annotations

from typing import Any

import numpy as np
from minisom import MiniSom
from numpy.typing import NDArray


class MaskedMiniSom(MiniSom):  # type: ignore[misc]
    """MiniSom for samples with missing features: a NaN counts neither in the distance nor in the update."""

    def _activate(self, x: NDArray[Any]) -> None:
        difference = self._difference(x)
        self._activation_map = np.einsum("ijk,ijk->ij", difference, difference)

    def update(self, x: NDArray[Any], win: tuple[int, int], t: int, max_iteration: int) -> None:
        """Move the cells around the winner towards the known features of ``x``."""
        rate = self._learning_rate_decay_function(self._learning_rate, t, max_iteration)
        near = self.neighborhood(win, self._sigma_decay_function(self._sigma, t, max_iteration)) * rate
        self._weights += near[:, :, None] * self._difference(x)

    def _difference(self, x: NDArray[Any]) -> NDArray[Any]:
        difference = x - self._weights
        missing = np.isnan(x)
        if missing.any():
            difference[:, :, missing] = 0.0
        return np.asarray(difference)
