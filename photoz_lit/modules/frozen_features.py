"""Features of the network as it is, of galaxies of source and targets."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.pixels import stretch
from photoz_lit.data.two_fields import AdaptationDataModule
from photoz_lit.modules.aligned import AlignedModule

MOST = 6000  # galaxies of each kind whose features are computed
ROWS = 256


def by_source(galaxies: Galaxies) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of the source (n, F) and those of the targets (m, F)."""
    source = (galaxies.domain == SOURCE).numpy()
    values = galaxies.features.double().numpy()
    return values[source], values[~source]


def training_features(module: AlignedModule, data: AdaptationDataModule, split: AdaptationSplit) -> Galaxies:
    """Features, without augmentation, of at most 6000 training galaxies each of the source and of the targets."""
    own = split.train[data.sample.part[split.train] == SOURCE]
    return _features(module, data, [own, split.target_train])


def held_features(module: AlignedModule, data: AdaptationDataModule, split: AdaptationSplit) -> Galaxies:
    """The same of validation galaxies."""
    held = split.validation[data.sample.part[split.validation] == SOURCE]
    return _features(module, data, [held, split.target_validation])


def _features(module: AlignedModule, data: AdaptationDataModule, parts: list[NDArray[np.int64]]) -> Galaxies:
    """Features with the weights as they are; a degradation is not applied."""
    random = np.random.default_rng(0)
    rows = np.concatenate([np.sort(random.permutation(part)[:MOST]) for part in parts])
    columns = data.galaxies.columns
    was_training = module.training
    module.eval()
    values = []
    with torch.no_grad():
        for start in range(0, len(rows), ROWS):
            some = rows[start : start + ROWS]
            image = stretch(torch.from_numpy(data.sample.flux(some))).to(module.device)
            ebv, domain = (columns[name][torch.from_numpy(some)].to(module.device) for name in ("ebv", "domain"))
            output, trunk = module.with_trunk(image, ebv, domain)
            values.append(module.aligned(output, trunk).float().cpu())
    module.train(was_training)
    index = torch.from_numpy(rows)
    return Galaxies(torch.cat(values), columns["match_mag"][index], columns["domain"][index], index)
