"""One name for all that tells a job's network from another's."""

from __future__ import annotations

from photoz_lit.config import Config
from photoz_lit.networks.modalities import modality_name
from photoz_lit.networks.settings import NetworkSettings


def network_label(config: Config, network: NetworkSettings) -> str:
    """Network, fusion, modalities, bands and sizes, where they differ from the usual ones; not the seed."""
    modality = config.modality
    parts = [network.name]
    if config.module.name == "baseline":
        parts.append("baseline")
    elif modality.sets is not None:
        parts += [config.fusion.stage, "+".join(modality_name(tuple(bands)) for bands in modality.sets)]
    else:
        orders = "".join(str(o) for o in (modality.order if isinstance(modality.order, list) else [modality.order]))
        parts += [config.fusion.stage, f"size{modality.size}", f"order{orders}"]
    usual_stem = "family" if config.module.name == "baseline" else None
    further = {
        "stem": modality.stem_filters if modality.stem_filters != usual_stem else None,
        "branches": modality.branch_width if modality.branch_width != "thin" else None,
        "dropout": modality.dropout or None,
        "depth": network.depth if network.depth != 1 else None,
        "width": network.width if network.width != config.scale.width else None,
        "align": network.align if network.align != 1 else None,
        "bands": None if config.data.bands is None else "_".join(config.data.bands),
    }
    return "-".join([*parts, *(f"{name}{value}" for name, value in further.items() if value is not None)])
