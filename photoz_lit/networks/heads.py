"""The dense part behind the trunk, common to all families: features, redshift PDF (head A), redshift (head B)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from photoz_lit.networks.catalogue_inputs import CatalogueInputs
from photoz_lit.networks.layers import aligned, dense, scaled
from photoz_lit.networks.settings import NetworkSettings


class NetworkOutput(NamedTuple):
    """What a network says about a batch of B images, in float32 at every precision.

    Attributes
    ----------
    logits : (B, n_bins) of head A; their softmax is the redshift PDF, as probabilities per bin.
    z_point : (B,) redshift of head B.
    features : (B, F) what both heads read: the trunk and E(B-V) through the first dense layer and its ReLU.
    """

    logits: Tensor
    z_point: Tensor
    features: Tensor


class Heads(nn.Module):
    """Concatenate E(B-V) and what the catalogue knows, one dense ReLU layer, then head A (ReLU) and head B (tanh).

    Runs in float32 also under autocast: half a percent of the work, but bfloat16 would round a redshift to 1 part in
    256, as coarse as the scatter that is to be measured.

    Parameters
    ----------
    trunk_values : values per image that the trunk hands over.
    n_bins : redshift bins.
    settings : the ``network`` section with the dense widths.
    catalogue : scales the values of the catalogue; None for the image alone.
    """

    def __init__(
        self, trunk_values: int, n_bins: int, settings: NetworkSettings, catalogue: CatalogueInputs | None = None
    ) -> None:
        super().__init__()

        def scaled_all(exact: Sequence[int]) -> list[int]:
            return [aligned(scaled(one, settings.width), settings.align) for one in exact]

        (width,) = scaled_all([settings.dense])
        self.catalogue = catalogue
        beside = 1 + (0 if catalogue is None else catalogue.outputs)
        self.features = nn.Sequential(dense(trunk_values + beside, width), nn.ReLU())
        self.pdf = _head(width, scaled_all(settings.pdf_head), n_bins, nn.ReLU)
        self.scalar = _head(width, scaled_all(settings.scalar_head), 1, nn.Tanh)

    def quieten(self) -> None:
        """Set the last layer of each head to zero: every galaxy begins with the same flat PDF and z = 0."""
        for head in (self.pdf, self.scalar):
            last = head[-1]
            assert isinstance(last, nn.Linear)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, trunk: Tensor, ebv: Tensor, catalogue: Tensor | None = None) -> NetworkOutput:
        """Map the trunk's values (B, trunk_values), E(B-V) (B, 1) [mag] and catalogue's values (B, C) to the output."""
        with torch.autocast(trunk.device.type, enabled=False):
            known = [trunk.float(), ebv.float()]
            if self.catalogue is not None:
                known.append(self.catalogue(catalogue, trunk))
            features = self.features(torch.cat(known, dim=1))
            return NetworkOutput(self.pdf(features), self.scalar(features).squeeze(1), features)


def _head(inputs: int, hidden: Sequence[int], outputs: int, activation: Callable[[], nn.Module]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise([inputs, *hidden]):
        layers += [dense(before, after), activation()]
    return nn.Sequential(*layers, dense([inputs, *hidden][-1], outputs))
