"""Networks of one architecture with stacked weights: the other way to train an ensemble, which is not used.

An ensemble is trained network by network. On the CPU that is faster (experiments/speed): stacked convolutions are
grouped ones, which torch runs slower there. ``task=bench`` measures both on the machine it runs on.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional

from photoz_lit.networks.multimodal import PhotoZNetwork

Gradients = dict[str, Tensor]


class StackedNetworks:
    """Networks of one architecture whose gradients come from one pass over a batch.

    Parameters
    ----------
    networks : of one architecture, on one device; their weights are copied.
    """

    def __init__(self, networks: Sequence[PhotoZNetwork]) -> None:
        self.parameters, self.buffers = stack_module_state(list(networks))
        self._architecture = copy.deepcopy(networks[0]).to("meta")
        self._gradients = vmap(grad(self._loss), in_dims=(0, 0, None, None, None), randomness="different")

    def gradients(self, image: Tensor, ebv: Tensor, z_bin: Tensor) -> Gradients:
        """Gradients of each network's cross-entropy, (networks, \\*shape) for each parameter's name.

        Parameters
        ----------
        image : (B, bands, H, W).
        ebv : reddening, (B, 1).
        z_bin : bin of each galaxy's redshift, (B,).
        """
        found: Gradients = self._gradients(self.parameters, self.buffers, image, ebv, z_bin)
        return found

    def _loss(self, parameters: Gradients, buffers: Gradients, image: Tensor, ebv: Tensor, z_bin: Tensor) -> Tensor:
        output = functional_call(self._architecture, (parameters, buffers), (image, ebv))
        return functional.cross_entropy(output.logits, z_bin)


def gradients_one_by_one(networks: Sequence[PhotoZNetwork], image: Tensor, ebv: Tensor, z_bin: Tensor) -> None:
    """Put the gradients of :class:`StackedNetworks` into each network's parameters, one network after the other."""
    for network in networks:
        network.zero_grad()
        loss = functional.cross_entropy(network(image, ebv).logits, z_bin)
        torch.autograd.backward(loss)
