"""Noise of the source's pixels, the unit in which parts of an adaptation count sky levels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photoz_lit.data.pixels import stretch, unstretch
from photoz_lit.data.sample import Sample


def some_images(sample: Sample, rows: NDArray[np.int64], most: int) -> Tensor:
    """Stretched images (n, bands, H, W) of at most so many of a sample's rows, always the same ones."""
    some = rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:most])]
    return stretch(torch.from_numpy(sample.flux(some)))


def sky_noise(image: Tensor) -> Tensor:
    """1.4826 times the median absolute deviation of the pixels of stretched images (B, bands, H, W), (bands,)."""
    flux = unstretch(image.float()).transpose(0, 1).flatten(1)
    centre = flux.median(dim=1, keepdim=True).values
    return 1.4826 * (flux - centre).abs().median(dim=1).values
