"""All stamps of a sample in the memory of the device that trains, in the numbers of their stores."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photoz_lit.data.sample import Sample
from photoz_lit.data.store_writer import float16_suits
from photoz_lit.errors import InputError

#: How the stamps are kept: ``auto`` asks the device's memory, ``true`` keeps the stores' numbers, ``half`` float16.
Wanted = bool | Literal["auto", "half"]

ROWS = 4096  # read at once: the host never holds the whole sample
SHARE = 0.5  # of the free memory that the stamps may take; the network needs the rest


class ResidentPixels:
    """Stamps of a sample on a device.

    Their factors are applied where a batch is asked for, so that stamps of stores in float16 stay float16 and give
    the same flux as :meth:`Sample.flux`, to the bit.

    Parameters
    ----------
    sample : the galaxies.
    device : where.
    dtype : float32 or float16.

    Raises
    ------
    InputError : a store in float32 does not fit float16.
    """

    def __init__(self, sample: Sample, device: torch.device, dtype: torch.dtype) -> None:
        shape = (len(sample), len(sample.bands), sample.stamp_size, sample.stamp_size)
        self._pixels = torch.empty(shape, dtype=dtype, device=device)
        self._factors = torch.from_numpy(np.stack([view.factors for view in sample.views])).to(device)
        self._part = torch.from_numpy(sample.part).to(device)
        for start in range(0, len(sample), ROWS):
            rows = np.arange(start, min(start + ROWS, len(sample)))
            self._pixels[start : start + len(rows)] = torch.from_numpy(_stored(sample, rows, dtype)).to(device)

    @property
    def dtype(self) -> torch.dtype:
        """Type in which the stamps are kept."""
        return self._pixels.dtype

    @property
    def gigabytes(self) -> float:
        """Memory that they take [GB]."""
        return self._pixels.nbytes / 1e9

    def flux(self, index: Tensor) -> Tensor:
        """Linear flux of a batch at the field's zero point, (B, bands, H, W) float32; ``index`` is on the device."""
        return self._pixels[index].float() * self._factors[self._part[index]][:, :, None, None]


def resident_pixels(sample: Sample, wanted: Wanted, device: torch.device) -> ResidentPixels | None:
    """Put the stamps on a device, or return None where they are better sent batch by batch.

    Parameters
    ----------
    sample : the galaxies.
    wanted : ``auto`` takes the stores' own type where it needs less than half of a GPU's free memory, else float16
        where that needs less and keeps the stamps as well as a store in float16 must; a CPU holds them already.
    device : where the network trains.

    Raises
    ------
    InputError : ``half`` is wanted and a store does not fit float16.
    """
    if wanted is False or (wanted == "auto" and device.type == "cpu"):
        return None
    if wanted != "auto":
        return ResidentPixels(sample, device, torch.float16 if wanted == "half" else exact_type(sample))
    room = SHARE * _free_memory(device)
    for dtype in dict.fromkeys((exact_type(sample), torch.float16)):
        if dtype.itemsize * len(sample) * len(sample.bands) * sample.stamp_size**2 < room:
            return _if_it_fits(sample, device, dtype)
    return None


def exact_type(sample: Sample) -> torch.dtype:
    """Return the least type that keeps every pixel of a sample: float16 where all of its stores are in float16."""
    halves = all(view.store.header.dtype == "float16" for view in sample.views)
    return torch.float16 if halves else torch.float32


def _if_it_fits(sample: Sample, device: torch.device, dtype: torch.dtype) -> ResidentPixels | None:
    try:
        return ResidentPixels(sample, device, dtype)
    except InputError:
        if dtype is exact_type(sample):
            raise  # no question of float16: a store is damaged
        return None


def _free_memory(device: torch.device) -> int:
    """Memory of a GPU that is free, or that torch keeps without using it [bytes]."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + kept


def _stored(sample: Sample, rows: NDArray[np.int64], dtype: torch.dtype) -> NDArray[np.generic]:
    """Stamps of some rows in their stores' units, zero where a band is lacking."""
    numbers = np.float16 if dtype is torch.float16 else np.float32
    out = np.empty((len(rows), len(sample.bands), sample.stamp_size, sample.stamp_size), numbers)
    for number, view in enumerate(sample.views):
        here = sample.part[rows] == number
        if here.any():
            stamps = view.stored(sample.row[rows[here]])
            stamps[:, view.band_axis < 0] = 0.0
            if numbers is np.float16 and stamps.dtype != np.float16 and not float16_suits(stamps).all():
                raise InputError(
                    f"data.resident=half: {view.store.path} does not fit float16 (a pixel over 6e4, or rounding over"
                    " 5 % of the sky noise); give data.resident=auto."
                )
            out[here] = stamps
    if sample.blank is not None:
        out[sample.blank[rows]] = 0.0
    return out
