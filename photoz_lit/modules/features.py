"""The features of a trained network: what both of its heads read."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from photoz_lit.data.pixels import stretch
from photoz_lit.data.sample import Sample
from photoz_lit.modules.aligned import AlignedModule
from photoz_lit.modules.cnn import PhotoZModule


def network_features(
    module: PhotoZModule,
    sample: Sample,
    galaxies: NDArray[np.int64],
    batch_size: int = 256,
    device: str | None = None,
    domain: NDArray[np.int64] | None = None,
) -> NDArray[np.float32]:
    """Return the features of some galaxies, (n, F), in their order, without gradient or augmentation.

    Parameters
    ----------
    module : the network; it is left on ``device``, in evaluation mode.
    sample : has the bands and the stamp size that the network was trained with.
    galaxies : rows of the sample.
    batch_size : galaxies at once.
    device : ``cuda``, ``cpu`` …; None takes the accelerator if there is one.
    domain : number of each galaxy's field, (N,), for an adapted network, which may see targets' images changed.
    """
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    module.to(place).eval()
    ebv = np.nan_to_num(sample.catalogue["ebv"].to_numpy(float)).astype(np.float32)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(galaxies), batch_size):
            rows = galaxies[start : start + batch_size]
            image = stretch(torch.from_numpy(sample.flux(rows)).to(place))
            reddening = torch.from_numpy(ebv[rows])[:, None].to(place)
            if domain is not None and isinstance(module, AlignedModule):
                output, _ = module.with_trunk(image, reddening, torch.from_numpy(domain[rows]).to(place))
            else:
                output = module(image, reddening)
            parts.append(output.features.float().cpu().numpy())
    return np.concatenate(parts)
