"""The features of a network: what both of its heads read, without gradient or augmentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.data.domains import SOURCE
from photoz_lit.data.pixels import stretch
from photoz_lit.data.sample import Sample
from photoz_lit.data.two_fields import AdaptationDataModule
from photoz_lit.modules.aligned import AlignedModule
from photoz_lit.modules.cnn import PhotoZModule

MOST = 6000  # galaxies of each kind on which a discriminator learns and is judged
ROWS = 256  # at once

Rows = NDArray[np.int64]
Features = NDArray[np.float64]


def network_features(
    module: PhotoZModule,
    sample: Sample,
    galaxies: Rows,
    device: str | None = None,
    domain: Rows | None = None,
    catalogue: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return the features of some galaxies, (n, F), in their order.

    Parameters
    ----------
    module : the network; it is left on ``device``, in evaluation mode.
    sample : has the bands and the stamp size that the network was trained with.
    galaxies : rows of the sample.
    device : ``cuda``, ``cpu`` …; None takes the accelerator if there is one.
    domain : number of each galaxy's field, (N,), for an adapted network, which may see targets' images changed.
    catalogue : values of these galaxies' catalogue, (n, C), for a network that reads them.
    """
    module.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
    outputs = _outputs(module, sample, galaxies, domain, catalogue)
    return np.concatenate([output.features.float().cpu().numpy() for output, _ in outputs])


def aligned_features(module: AlignedModule, data: AdaptationDataModule, source: Rows, targets: Rows) -> Galaxies:
    """What is aligned of at most 6000 galaxies each of the source and of the targets, with the weights as they are.

    A degradation is not applied.
    """
    random = np.random.default_rng(0)
    rows = np.concatenate([np.sort(random.permutation(part)[:MOST]) for part in (source, targets)])
    was_training = module.training
    module.eval()
    outputs = _outputs(module, data.sample, rows, data.sample.part.astype(np.int64))
    values = torch.cat([module.aligned(*output).float().cpu() for output in outputs])
    module.train(was_training)
    index, columns = torch.from_numpy(rows), data.galaxies.columns
    return Galaxies(values, columns["match_mag"][index], columns["domain"][index], index)


def by_source(galaxies: Galaxies) -> tuple[Features, Features]:
    """Features of the source (n, F) and those of the targets (m, F)."""
    source = (galaxies.domain == SOURCE).numpy()
    values = galaxies.features.double().numpy()
    return values[source], values[~source]


@torch.no_grad()
def _outputs(
    module: PhotoZModule,
    sample: Sample,
    galaxies: Rows,
    domain: Rows | None,
    catalogue: NDArray[np.float32] | None = None,
) -> Iterator[tuple[Any, Any]]:
    """Outputs of the network, and the trunk's values of an adapted one."""
    ebv = np.nan_to_num(sample.catalogue["ebv"].to_numpy(float)).astype(np.float32)
    for start in range(0, len(galaxies), ROWS):
        rows = galaxies[start : start + ROWS]
        image = stretch(torch.from_numpy(sample.flux(rows)).to(module.device))
        reddening = torch.from_numpy(ebv[rows])[:, None].to(module.device)
        if domain is not None and isinstance(module, AlignedModule):
            yield module.with_trunk(image, reddening, torch.from_numpy(domain[rows]).to(module.device))
        else:
            beside = None if catalogue is None else torch.from_numpy(catalogue[start : start + ROWS]).to(module.device)
            yield module(image, reddening, beside), None
