"""Source images made to look as if taken under the target's conditions: blur, noise, background."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from photoz_lit.errors import InputError

COMPARED = ("seeing", "sky_noise", "noise_correlation", "background")
FWHM_PER_SIGMA = 2.354820045
LEAST_SIGMA = 0.15  # narrower blurs are left out: a kernel sampled on whole pixels cannot draw them [pixel]


@dataclass(frozen=True)
class Degradation:
    """Change of a source image (bands, H, W) to a target's conditions: blur and noise, never sharpening.

    Attributes
    ----------
    kernels : blur of every band, (bands, 1, k, k), each sums to 1.
    power : noise power to add per band and frequency, (bands, H, W // 2 + 1) [flux² per pixel]: the target's less what
        is left of the source's behind the blur, 0 where the source is the noisier.
    background : to add, (bands, 1, 1) [flux per pixel].
    """

    kernels: Tensor
    power: Tensor
    background: Tensor

    def apply(self, flux: Tensor, generator: torch.Generator) -> Tensor:
        """Blur, then add noise and background to linear flux (B, bands, H, W).

        Parameters
        ----------
        flux : linear, at the field's zero point.
        generator : of the noise, on the CPU.
        """
        bands, reach = flux.shape[1], self.kernels.shape[-1] // 2
        device = flux.device
        padded = functional.pad(flux, (reach, reach, reach, reach), mode="reflect")
        blurred = functional.conv2d(padded, self.kernels.to(device), groups=bands)
        white = torch.randn(flux.shape, generator=generator).to(device)
        noise = torch.fft.irfft2(torch.fft.rfft2(white) * self.power.to(device).sqrt(), s=flux.shape[-2:])
        worse: Tensor = blurred + noise + self.background.to(device)
        return worse

    def digest(self) -> str:
        """Hash of the degradation."""
        tensors = (self.kernels, self.power, self.background)
        return hashlib.sha256(b"".join(one.numpy().tobytes() for one in tensors)).hexdigest()[:16]


def degradation(source: pd.DataFrame, target: pd.DataFrame, pixel_scale: float, stamp_size: int) -> Degradation:
    """Compare the conditions of two fields as measured from their pixels.

    Gaussian seeing adds in quadrature: the blur has σ² = σ_t² − σ_s², none where the target is the sharper. Noise of a
    field is white noise behind a Gaussian kernel of ``noise_correlation``, scaled to its pixel variance.

    Parameters
    ----------
    source, target : indexed by band in the order of the image, with ``seeing`` [arcsec], ``sky_noise`` and
        ``background`` [flux per pixel], ``noise_correlation`` [pixel].
    pixel_scale : [arcsec / pixel].
    stamp_size : [pixel].

    Raises
    ------
    InputError : a condition could not be measured.
    """
    for name, table in (("source", source), ("target", target)):
        for band, conditions in table[list(COMPARED)].iterrows():
            if not np.isfinite(conditions.to_numpy(float)).all():
                missing = ", ".join(conditions.index[~np.isfinite(conditions)])
                raise InputError(f"{missing} of the {name} cannot be measured in band '{band}'; give a larger store.")
    sigma = {
        name: table["seeing"].to_numpy(float) / FWHM_PER_SIGMA / pixel_scale
        for name, table in (("source", source), ("target", target))
    }
    blur = np.sqrt(np.clip(sigma["target"] ** 2 - sigma["source"] ** 2, 0.0, None))
    blur[blur < LEAST_SIGMA] = 0.0
    size = 2 * int(np.ceil(4 * max(blur.max(), 0.25))) + 1
    size = min(size, 2 * ((stamp_size - 1) // 2) + 1)
    kernels = torch.stack([_gaussian(one, size) for one in blur])[:, None]
    transfer = torch.stack([torch.fft.rfft2(kernel[0], s=(stamp_size, stamp_size)).abs() for kernel in kernels])
    have = _noise_power(source, stamp_size) * transfer**2
    power = (_noise_power(target, stamp_size) - have).clamp_min(0.0)
    background = torch.tensor((target["background"] - source["background"]).to_numpy(np.float32))
    return Degradation(kernels, power, background[:, None, None])


def _gaussian(sigma: float, size: int) -> Tensor:
    offset = torch.arange(size, dtype=torch.float32) - size // 2
    if sigma == 0:
        line = (offset == 0).float()
    else:
        line = torch.exp(-0.5 * (offset / sigma) ** 2)
    kernel = line[:, None] * line[None, :]
    return kernel / kernel.sum()


def _noise_power(table: pd.DataFrame, stamp_size: int) -> Tensor:
    """Power per band and frequency, (bands, H, W // 2 + 1); its mean over all frequencies is the pixel variance."""
    frequency = np.hypot(np.fft.fftfreq(stamp_size)[:, None], np.fft.fftfreq(stamp_size)[None, :])
    powers = []
    for noise, correlation in zip(table["sky_noise"], table["noise_correlation"], strict=True):
        full = np.exp(-4.0 * (np.pi * correlation * frequency) ** 2)
        powers.append(noise**2 * (full / full.mean())[:, : stamp_size // 2 + 1])
    return torch.tensor(np.stack(powers), dtype=torch.float32)
