"""Noise of the source's pixels, the unit in which parts of an adaptation count sky levels."""

from __future__ import annotations

from torch import Tensor

from photoz_lit.data.pixels import unstretch


def sky_noise(image: Tensor) -> Tensor:
    """1.4826 times the median absolute deviation of the pixels of stretched images (B, bands, H, W), (bands,)."""
    flux = unstretch(image.float()).transpose(0, 1).flatten(1)
    centre = flux.median(dim=1, keepdim=True).values
    return 1.4826 * (flux - centre).abs().median(dim=1).values
