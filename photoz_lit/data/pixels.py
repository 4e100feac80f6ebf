"""From stored flux to what a network sees: zero point, stretch, flips and quarter turns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photoz_lit.errors import InputError
from photoz_lit.fields import Field


def flux_factors(field: Field, bands: Sequence[str], zero_points: dict[str, float], where: str) -> NDArray[np.float32]:
    """Factor per band that brings a store's flux to the field's zero point and divides by ``flux_divisor``.

    A flux f at zero point m_s has the magnitude m_s − 2.5 log10 f; at the field's m_f it is f · 10^(0.4 (m_f − m_s)).

    Raises
    ------
    InputError : the store does not say the zero point of a band.
    """
    for band in bands:
        if not np.isfinite(zero_points.get(band, np.nan)):
            raise InputError(f"{where} has no AB zero point for band '{band}'; ingest it again with its zero point.")
    exponent = np.array([field.bands[b].zero_point - zero_points[b] for b in bands])
    return (10.0 ** (0.4 * exponent) / field.flux_divisor).astype(np.float32)


def stretch(flux: Tensor) -> Tensor:
    """Signed square root of linear flux: sign(x) (√(|x| + 1) − 1), any shape; a pixel without a value becomes 0.

    Source: the public code of Treyer et al. 2023; no per-image rescale.
    """
    flux = torch.nan_to_num(flux, nan=0.0, posinf=0.0, neginf=0.0)
    return torch.sign(flux) * (torch.sqrt(flux.abs() + 1.0) - 1.0)


def unstretch(image: Tensor) -> Tensor:
    """Linear flux from stretched pixels, the inverse of :func:`stretch`: sign(y) ((|y| + 1)² − 1)."""
    return torch.sign(image) * ((image.abs() + 1.0).square() - 1.0)


def turn(image: Tensor, transform: Tensor) -> Tensor:
    """Apply one of the eight flips and quarter turns to each image.

    Parameters
    ----------
    image : (B, bands, H, H).
    transform : (B,) int in 0…7; bit 0 mirrors the columns, bit 1 the rows, bit 2 transposes.

    Returns
    -------
    (B, bands, H, H), memory format kept.
    """
    shape = (-1, 1, 1, 1)
    image = torch.where((transform & 1).bool().view(shape), image.flip(-1), image)
    image = torch.where((transform & 2).bool().view(shape), image.flip(-2), image)
    return torch.where((transform & 4).bool().view(shape), image.transpose(-1, -2), image)


def drawn_transforms(n_galaxies: int, seed: int, epoch: int) -> Tensor:
    """Transform of every galaxy in an epoch, (N,) int8: fixed by seed and epoch, whatever the batches and ranks."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % (2**63 - 1))
    return torch.randint(0, 8, (n_galaxies,), generator=generator, dtype=torch.int8)
