"""Section ``labels.smoothing`` of the config."""

from __future__ import annotations

from pydantic import Field

from photoz_lit.settings import Settings


class SmoothingSettings(Settings):
    """Smoothing of N(z | magnitude).

    Attributes
    ----------
    enabled : multiply the weights by smooth / raw density.
    bandwidth : kernel width in ln(1 + z); 0: by rule.
    max_weight : smooth / raw stays within [1 / max_weight, max_weight].
    """

    enabled: bool = True
    bandwidth: float = Field(default=0.0, ge=0)
    max_weight: float = Field(default=4.0, ge=1)
