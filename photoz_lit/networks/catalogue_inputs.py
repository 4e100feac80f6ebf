"""Values of a catalogue beside the image: how many there are, and how they enter the dense part of a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from photoz_lit.networks.settings import MEASURED, NetworkSettings

MAGNITUDE, ERROR = "mag_", "mag_err_"


def magnitudes_of(columns: Sequence[str]) -> list[str]:
    """Return the columns that are magnitudes, between whose neighbours colours are taken."""
    return [name for name in columns if name.startswith(MAGNITUDE) and not name.startswith(ERROR)]


def number_of_values(network: NetworkSettings, n_bands: int) -> int:
    """Return how many values a galaxy's catalogue gives to a network; 0 where it reads the image alone.

    Parameters
    ----------
    network : section of the config.
    n_bands : bands of the image.
    """
    if network.catalogue_inputs == MEASURED:
        circles = len(network.catalogue_apertures)
        return (n_bands - 1) * max(circles - 1, 1) + circles
    return len(network.catalogue_inputs) + max(len(magnitudes_of(network.catalogue_inputs)) - 1, 0)


class CatalogueInputs(nn.Module):
    """Scale a galaxy's values by those of the training galaxies, and mark the missing ones.

    In training all values of a galaxy are missing for a share of the galaxies: a network that reads redshifts off a
    catalogue at once would else never learn to see them in images.

    Parameters
    ----------
    values : per galaxy.
    dropout : share of the training galaxies, drawn anew in every batch.

    Attributes
    ----------
    mean, scale : of the training galaxies, (values,); part of the weights.
    outputs : numbers per galaxy that it hands on.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, values: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(values))
        self.register_buffer("scale", torch.ones(values))
        self.dropout = dropout
        self.outputs = 2 * values

    def standardise(self, values: Tensor) -> None:
        """Take mean and standard deviation of training galaxies' values, (N, values), NaN where missing."""
        known = torch.isfinite(values)
        count = known.sum(dim=0).clamp_min(1)
        mean = torch.where(known, values, 0.0).sum(dim=0) / count
        variance = torch.where(known, values - mean, 0.0).square().sum(dim=0) / count
        self.mean.copy_(mean)
        self.scale.copy_(variance.sqrt().clamp_min(1e-3))

    def forward(self, values: Tensor | None, like: Tensor) -> Tensor:
        """Return (B, outputs): the scaled values, 0 where missing, and 1 where they are missing.

        Parameters
        ----------
        values : (B, values), NaN where missing; None where all are.
        like : (B, …) of the same galaxies, for device and number.
        """
        if values is None:
            values = torch.full((len(like), len(self.mean)), torch.nan, device=like.device)
        known = torch.isfinite(values)
        if self.training and self.dropout > 0:
            known = known & (torch.rand(len(values), 1, device=values.device) >= self.dropout)
        scaled = torch.where(known, (values - self.mean) / self.scale, 0.0)
        return torch.cat([scaled, (~known).float()], dim=1)
