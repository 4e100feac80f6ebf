"""Weights of another network as the start of a training: by name, branch by branch, band by band."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from photoz_lit.errors import InputError, nearest
from photoz_lit.networks.multimodal import PhotoZNetwork

BRANCH = "parallel.branches."


def matched_weights(network: PhotoZNetwork, start: PhotoZNetwork, same_bins: bool) -> dict[str, Tensor]:
    """Weights of a network that another one gives, by name; the network stays as it is.

    Branches belong together by their bands, the branches of two baselines always. A first convolution takes the
    kernels of the bands that both have and keeps its own for the others. The layer that joins branches, where these
    differ, the layer of the PDF's bins, where these differ, and layers of another shape have no counterpart.

    Parameters
    ----------
    network, start : that which is trained, and that which was.
    same_bins : whether both have the same redshift bins.
    """
    own, given = dict(network.named_parameters()), dict(start.named_parameters())
    last = _last_of_the_pdf(network)
    alike = network.modality_names == start.modality_names or len(network.modalities) == len(start.modalities) == 1
    joins = set() if alike else _layers_that_join(network)
    found: dict[str, Tensor] = {}
    for number, branch in enumerate(_branches(network, start)):
        if branch is None:
            continue
        mine, theirs = f"{BRANCH}{number}.", f"{BRANCH}{branch}."
        stem = mine + _first_convolution(network.parallel.branches[number])
        for name in own:
            other = given.get(theirs + name.removeprefix(mine)) if name.startswith(mine) else None
            if other is None:
                continue
            if name == f"{stem}.weight":
                bands = network.modalities[number], start.modalities[branch]
                kernels = _by_band(own[name], other, *bands)
                found |= {} if kernels is None else {name: kernels}
            elif other.shape == own[name].shape:
                found[name] = other.detach().clone()
    for name, weight in own.items():
        other = given.get(name)
        fits = other is not None and other.shape == weight.shape and not name.startswith(BRANCH)
        if fits and name not in joins and (same_bins or not name.startswith(last)):
            assert other is not None
            found[name] = other.detach().clone()
    return found


def load_matched(network: PhotoZNetwork, weights: dict[str, Tensor]) -> None:
    """Put weights of :func:`matched_weights` into a network."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name in weights:
                weight.copy_(weights[name])


def freeze(network: PhotoZNetwork, parts: Sequence[str], taken: dict[str, Tensor]) -> None:
    """Keep the weights of some parts of a network as they are in training.

    Parameters
    ----------
    network : that which is trained.
    parts : beginnings of its weights' names: ``parallel``, ``common.0``, ``heads.features``.
    taken : weights that it takes over; others cannot be frozen, for nobody has trained them.

    Raises
    ------
    InputError : there is no such part, it has fresh weights, or nothing is left to train.
    """
    names = [name for name, _ in network.named_parameters()]
    for part in parts:
        inside = [name for name in names if name == part or name.startswith(part + ".")]
        if not inside:
            known = sorted({".".join(name.split(".")[:depth]) for name in names for depth in (1, 2)})
            raise InputError(f"module.frozen names no part of this network: '{part}'{nearest(part, known)}")
        fresh = [name for name in inside if name not in taken]
        if fresh:
            raise InputError(
                f"module.frozen={part} would freeze weights that the run of module.init does not give ({fresh[0]}); "
                f"leave them free."
            )
        for name in inside:
            network.get_parameter(name).requires_grad_(False)
    if parts and not any(weight.requires_grad for weight in network.parameters()):
        raise InputError("module.frozen leaves nothing to train; name fewer parts.")


def _branches(network: PhotoZNetwork, start: PhotoZNetwork) -> list[int | None]:
    """Number of the start's branch for each branch of a network, None where it has none."""
    if len(network.modalities) == len(start.modalities) == 1:
        return [0]
    numbers = {frozenset(modality): number for number, modality in enumerate(start.modalities)}
    return [numbers.get(frozenset(modality)) for modality in network.modalities]


def _first_convolution(branch: nn.Module) -> str:
    return next((str(name) for name, layer in branch.named_modules() if isinstance(layer, nn.Conv2d)), "")


def _by_band(own: Tensor, other: Tensor, bands: Sequence[str], given: Sequence[str]) -> Tensor | None:
    """A first kernel (outputs, bands, k, k) with the columns of the bands that the other has; None if none fits."""
    shared = [band for band in bands if band in given]
    if not shared or own.shape[0] != other.shape[0] or own.shape[2:] != other.shape[2:]:
        return None
    kernel = own.detach().clone()
    for band in shared:
        kernel[:, list(bands).index(band)] = other.detach()[:, list(given).index(band)]
    return kernel


def _layers_that_join(network: PhotoZNetwork) -> set[str]:
    """Weights of the common part's first stage that read the branches' maps side by side."""
    first, stage = next(iter(network.common.named_children()))
    return {
        f"common.{first}.{name}.weight"
        for name, layer in stage.named_modules()
        if isinstance(layer, nn.Conv2d) and layer.in_channels == network.parallel.outputs
    }


def _last_of_the_pdf(network: PhotoZNetwork) -> str:
    return f"heads.pdf.{len(network.heads.pdf) - 1}."
