"""What a target field's calibration is off by, learnt from the alignment with the source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from photoz_lit.data.domains import SOURCE
from photoz_lit.data.pixels import stretch, unstretch


class FieldCalibration(nn.Module):
    """A flux scale and a background per band of every target field; the source's images stay as they are.

    Zero points of two fields differ by per cents and their sky levels by a fraction of the noise: two numbers per band,
    which a network without knowledge of the field can only make itself blind to. No label takes part: their gradient
    comes from whatever aligns the features.

    Parameters
    ----------
    n_targets : target fields.
    n_bands : bands.

    Attributes
    ----------
    log_scale : ln of the factor on linear flux, (n_targets, bands).
    background : taken from linear flux [sky sigma of the source], (n_targets, bands).
    sky_sigma : noise of a pixel of the source [flux unit of the field], (bands,); 1 until :meth:`measure_sky`.
    """

    sky_sigma: Tensor

    def __init__(self, n_targets: int, n_bands: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(n_targets, n_bands))
        self.background = nn.Parameter(torch.zeros(n_targets, n_bands))
        self.register_buffer("sky_sigma", torch.ones(n_bands))

    def measure_sky(self, image: Tensor) -> None:
        """Set ``sky_sigma`` to 1.4826 times the median absolute deviation of pixels of the source.

        A background in this unit is of the order of a scale error, so that one learning rate fits both.

        Parameters
        ----------
        image : (B, bands, H, W) after the stretch.
        """
        flux = unstretch(image.float()).transpose(0, 1).flatten(1)
        centre = flux.median(dim=1, keepdim=True).values
        self.sky_sigma.copy_(1.4826 * (flux - centre).abs().median(dim=1).values)

    def found(self, bands: Sequence[str]) -> list[dict[str, dict[str, float]]]:
        """For each target and band: ``magnitude_offset`` [mag], how much brighter it is made, and ``background``."""
        offset = (2.5 / np.log(10) * self.log_scale).detach().tolist()
        background = self.background.detach().tolist()
        return [
            {band: {"magnitude_offset": m, "background": b} for band, m, b in zip(bands, *of_target, strict=True)}
            for of_target in zip(offset, background, strict=True)
        ]

    def forward(self, image: Tensor, domain: Tensor) -> Tensor:
        """Calibrate stretched images.

        Parameters
        ----------
        image : (B, bands, H, W) after the stretch.
        domain : (B,) number of the field, 0 is the source.
        """
        target = domain != SOURCE
        if not target.any():
            return image
        row = domain[target] - 1
        scale = self.log_scale[row].exp()[:, :, None, None]
        sky = (self.background[row] * self.sky_sigma)[:, :, None, None]
        calibrated = image.clone()
        calibrated[target] = stretch((unstretch(image[target].float()) - sky) * scale).to(image.dtype)
        return calibrated
