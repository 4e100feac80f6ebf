"""Networks of the config's own choices, exact (width 1, depth 1) unless said otherwise."""

from __future__ import annotations

from typing import Any

import torch
import yaml

from photoz_lit.fields import conf_directory
from photoz_lit.networks.multimodal import PhotoZNetwork, build_network
from photoz_lit.networks.settings import FusionSettings, ModalitySettings, NetworkSettings

FAMILIES = ("treyer", "pasquet", "plain")
BANDS = {5: "ugriz", 6: "ugrizy", 9: "ugrizyjhk"}
N_BINS = 180


def choice(group: str, name: str, **changes: Any) -> dict[str, Any]:
    """Content of ``conf/<group>/<name>.yaml`` with some values replaced."""
    content = yaml.safe_load((conf_directory() / group / f"{name}.yaml").read_text())
    assert isinstance(content, dict)
    if group == "network":
        content["align"] = 1  # which the scale says elsewhere
    return {**content, **changes}


def built(
    family: str = "treyer",
    bands: str = "ugriz",
    stamp_size: int = 64,
    modality: str = "all_bands",
    fusion: str = "early",
    width: float = 1.0,
    depth: float = 1.0,
    seed: int = 0,
    target: str | None = None,
    align: int = 1,
    **modality_changes: Any,
) -> PhotoZNetwork:
    """A network with 180 redshift bins."""
    torch.manual_seed(seed)
    network = choice("network", family, width=width, depth=depth, align=align)
    if target:
        network["_target_"] = target
    return build_network(
        NetworkSettings.model_validate(network),
        ModalitySettings.model_validate(choice("modality", modality, **modality_changes)),
        FusionSettings.model_validate(choice("fusion", fusion)),
        list(bands),
        stamp_size,
        N_BINS,
    )


def batch(network: PhotoZNetwork, size: int, images: int = 3, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Random images and reddening for a network."""
    draw = torch.Generator().manual_seed(seed)
    image = torch.randn(images, len(network.bands), size, size, generator=draw)
    return image, 0.05 * torch.rand(images, 1, generator=draw)
